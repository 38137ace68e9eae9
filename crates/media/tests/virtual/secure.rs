//! Encrypted legs: sound, digits and reports pass, and nobody else's packets do.

use crate::world::*;
use model::sound::{Codec, DigitsId};
use model::srtp::{SrtpKey, SrtpKeys, SrtpSuite};
use ports::media::{FOREVER, PlaneOrder};

fn keys(suite: SrtpSuite, far: bool) -> SrtpKeys {
    let key = |first: u8| {
        let octets: Vec<u8> = (first..).take(SrtpKey::len_of(suite)).collect();
        SrtpKey::new(suite, &octets).unwrap()
    };
    let (ours, theirs) = (key(1), key(100));
    if far { SrtpKeys { send: theirs, receive: ours } } else { SrtpKeys { send: ours, receive: theirs } }
}

#[test]
fn sound_digits_and_reports_pass_encrypted() {
    for suite in SrtpSuite::ALL {
        for codec in [Codec::Pcmu, Codec::Opus] {
            let mut world = World::new(16);
            let pair = world.pair(codec, |connection, far| connection.srtp = Some(keys(suite, far)));
            let clip = voice(6, 1_000);
            world.play(pair.near, 1, &clip, FOREVER);
            world.order(
                pair.far,
                PlaneOrder::SendDigits { id: DigitsId(1), digits: "77".into(), in_band: false },
            );
            world.run(30_000);
            assert_eq!(world.digits(pair.near), "77", "{suite:?}");
            let plain = audio::g711::Law::Mu;
            let mut octets = vec![0; 160];
            audio::g711::encode(plain, &clip.samples[..160], &mut octets);
            assert!(!world.wire.windows(40).any(|part| part == &octets[..40]), "{suite:?}: in the clear");
            let (far, near) = (world.close(pair.far), world.close(pair.near));
            assert!(far.received_packets > 1_400 && far.lost_packets == 0, "{suite:?}: {far:?}");
            assert_eq!((far.foreign_packets, near.foreign_packets), (0, 0), "{suite:?}");
            assert!(near.round_trip_ms.is_some(), "{suite:?}: reports pass too");
        }
    }
}

#[test]
fn a_hundred_thousand_bad_packets_change_nothing() {
    let mut world = World::new(17);
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let pair = world.pair(Codec::Pcmu, |connection, far| connection.srtp = Some(keys(suite, far)));
    world.play(pair.far, 1, &voice(1, 1_000), FOREVER);
    world.run(1_000);
    for number in 0..100_000_u32 {
        let mut packet = stray(Codec::Pcmu, number as u16, number / 65_536);
        packet.extend_from_slice(&[number as u8; 10]);
        // From where the far side truly is.
        world.near.on_packet(pair.near_at, pair.far_at, &mut packet, world.now);
    }
    world.run(5_000);
    let total = world.close(pair.near);
    assert_eq!((total.foreign_packets, total.lost_packets), (100_000, 0));
    assert!((295..=305).contains(&total.received_packets), "{total:?}");
}

#[test]
fn encrypted_and_plain_legs_are_bridged() {
    let mut world = World::new(18);
    let suite = SrtpSuite::AeadAes128Gcm;
    let a = world.pair(Codec::Pcmu, |connection, far| connection.srtp = Some(keys(suite, far)));
    let b = world.pair(Codec::Pcmu, |_, _| {});
    world.order(a.near, PlaneOrder::Bridge { with: b.near });
    world.run(200);
    let clip = voice(7, 1_000);
    world.play(a.far, 1, &clip, 1);
    world.run(1_300);
    assert!(likeness(&clip, &world.heard(b)) > 0.95);
    // Agreed anew with the same keys: the counts go on.
    let again =
        ports::media::MediaConnection { srtp: Some(keys(suite, false)), ..connection(a.far_at, Codec::Pcmu) };
    world.order(a.near, PlaneOrder::Connect(again));
    world.play(a.far, 2, &clip, 1);
    world.run(1_300);
    assert!(likeness(&clip, &world.heard(b)) > 0.95);
    assert_eq!(world.close(a.near).foreign_packets, 0);
}

#[test]
fn sound_goes_on_when_one_side_has_another_key() {
    for suite in SrtpSuite::ALL {
        let mut world = World::new(19);
        let pair = world.pair(Codec::Pcmu, |connection, far| connection.srtp = Some(keys(suite, far)));
        let clip = voice(8, 1_000);
        let check = |world: &mut World, playback| {
            world.play(pair.near, playback, &clip, 1);
            world.play(pair.far, playback, &clip, 1);
            world.run(1_300);
        };
        check(&mut world, 1);
        let new = SrtpKey::new(suite, &vec![77; SrtpKey::len_of(suite)]).unwrap();
        for (leg, far, to) in [(pair.near, false, pair.far_at), (pair.far, true, pair.near_at)] {
            let mut srtp = keys(suite, far);
            *(if far { &mut srtp.send } else { &mut srtp.receive }) = new.clone();
            let again = ports::media::MediaConnection { srtp: Some(srtp), ..connection(to, Codec::Pcmu) };
            world.order(leg, PlaneOrder::Connect(again));
        }
        check(&mut world, 2);
        let (far, near) = (world.close(pair.far), world.close(pair.near));
        for total in [far, near] {
            assert!(total.received_packets > 95 && total.lost_packets == 0, "{suite:?}: {total:?}");
            assert!(total.foreign_packets <= 1, "{suite:?}: {total:?}");
        }
    }
}
