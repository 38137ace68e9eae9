//! Digits and noise over a bridge whose sides agreed on different things.

use crate::world::*;
use model::sound::{Codec, DigitsId, MediaFact};
use ports::media::PlaneOrder;

/// Keys pressed on `a`'s far side, heard on `b`'s.
fn keys(a_events: bool, b_events: bool, codecs: (Codec, Codec)) -> String {
    let mut world = World::new(5);
    let without = |events: bool| {
        move |connection: &mut ports::media::MediaConnection, _: bool| {
            if !events {
                (connection.dtmf_payload_type, connection.receive_dtmf_payload_type) = (None, None);
            }
        }
    };
    let (a, b) = (world.pair(codecs.0, without(a_events)), world.pair(codecs.1, without(b_events)));
    world.order(a.near, PlaneOrder::Bridge { with: b.near });
    world.run(200);
    let digits = PlaneOrder::SendDigits { id: DigitsId(1), digits: "159D#".into(), in_band: false };
    world.order(a.far, digits);
    world.run(3_000);
    let sent = world.facts(b.near).iter().any(|fact| matches!(fact, MediaFact::DigitsSent { .. }));
    assert!(!sent, "nobody asked {:?} for digits", b.near);
    world.digits(b.far)
}

#[test]
fn keys_reach_a_far_side_that_knows_no_events_as_tones() {
    for codecs in [(Codec::Pcmu, Codec::Pcmu), (Codec::Pcmu, Codec::Opus), (Codec::Opus, Codec::Pcma)] {
        assert_eq!(keys(true, false, codecs), "159D#", "{codecs:?}");
        assert_eq!(keys(true, true, codecs), "159D#", "{codecs:?}");
        assert_eq!(keys(false, false, codecs), "159D#", "{codecs:?}");
    }
}

#[test]
fn a_leg_with_nothing_to_say_sends_comfort_noise_where_it_was_agreed() {
    let mut world = World::new(6);
    let pair = world.pair(Codec::Pcmu, |connection, _| connection.comfort_noise_payload_type = Some(13));
    world.run(10_000);
    let got = world.got(pair);
    assert!((45..=55).contains(&got.len()), "{} packets in ten seconds", got.len());
    assert!(got.iter().all(|(number, payload)| *number == 13 && payload.len() == 1));
    let clip = voice(4, 1_000);
    world.play(pair.near, 1, &clip, 1);
    world.run(1_500);
    assert!(likeness(&clip, &world.heard(pair)) > 0.95);
    let facts = world.facts(pair.near);
    assert!(!facts.iter().any(|fact| matches!(fact, MediaFact::OneWay { .. } | MediaFact::Silent { .. })));
    assert_eq!(world.close(pair.far).lost_packets, 0);
}
