//! Whom a leg believes, and what it reports of what it hears.

use crate::support::*;
use audio::Law;
use audio::tone::{ToneGenerator, ToneSpec};
use model::sound::MediaFact;
use ports::media::{LatchPolicy, MediaConnection, PlaneOrder};
use std::time::Duration;

#[test]
fn a_stranger_is_counted_and_not_heard() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.connect(|_| {});
    let mut stranger = Peer::elsewhere(2);
    stranger.to = peer.to;
    rig.order(leg, PlaneOrder::Echo { on: true });
    peer.next();
    for _ in 0..3 {
        stranger.say(0, &[0x21; 160]);
    }
    for _ in 0..2 {
        peer.say(0, &[0x22; 160]);
    }
    peer.next_that(|got| got.payload == [0x22; 160]);
    let total = rig.close(leg);
    assert_eq!((total.received_packets, total.foreign_packets), (2, 3));
    stranger.socket.set_nonblocking(true).unwrap();
    assert!(stranger.socket.recv(&mut [0; 500]).is_err(), "a stranger gets nothing");
}

#[test]
fn behind_address_translation_the_first_source_is_the_peer() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.open(|_| {});
    let described = Peer::elsewhere(2);
    let translated = MediaConnection { latch: LatchPolicy::Nat, ..connection(&described) };
    rig.order(leg, PlaneOrder::Connect(translated));
    described.next();
    for _ in 0..5 {
        peer.say(0, &[0x33; 160]);
    }
    peer.next();
    let mut late = Peer::new();
    late.to = peer.to;
    late.say(0, &[0x44; 160]);
    peer.say(0, &[0x33; 160]);
    rig.facts.wait_for(leg, |fact| *fact == MediaFact::FirstSound);
    let (before, after) = (peer.next(), peer.next());
    assert_eq!(after.sequence, before.sequence.wrapping_add(1), "our sound still goes to the first source");
    let total = rig.close(leg);
    assert_eq!((total.received_packets, total.foreign_packets), (6, 1));
}

#[test]
fn behind_address_translation_the_described_address_still_wins() {
    let mut rig = Rig::new(config());
    let (leg, mut first) = rig.open(|_| {});
    let mut described = Peer::elsewhere(2);
    described.to = first.to;
    let translated = MediaConnection { latch: LatchPolicy::Nat, ..connection(&described) };
    rig.order(leg, PlaneOrder::Connect(translated));
    for _ in 0..6 {
        first.say(0, &[0x33; 160]);
    }
    first.next();
    rig.order(leg, PlaneOrder::Echo { on: true });
    described.stream = rtp::Sender::new(0xdcba, 1, 1, 8_000);
    for _ in 0..2 {
        described.say(0, &[0x44; 160]);
    }
    described.next_that(|got| got.payload == [0x44; 160]);
    first.say(0, &[0x33; 160]);
    let total = rig.close(leg);
    assert_eq!((total.received_packets, total.foreign_packets), (8, 1));
}

#[test]
fn each_side_sends_with_the_payload_types_that_the_other_named() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.connect(|connection| {
        connection.payload_type = 97;
        connection.receive_payload_type = 98;
        connection.dtmf_payload_type = Some(96);
        connection.receive_dtmf_payload_type = Some(101);
    });
    assert_eq!(peer.next().payload_type, 97);
    peer.say(97, &[1; 160]);
    peer.say(98, &[1; 160]);
    for (payload_type, event) in [(96, 7), (101, 5)] {
        peer.say(payload_type, &[event, 0x8a, 0x03, 0x20]);
    }
    rig.order(
        leg,
        PlaneOrder::SendDigits { id: model::sound::DigitsId(1), digits: "3".into(), in_band: false },
    );
    assert_eq!(peer.next_that(|got| got.payload.len() == 4).payload_type, 96);
    rig.facts.wait_for(leg, |fact| matches!(fact, MediaFact::Digit { .. }));
    let total = rig.close(leg);
    let facts = rig.facts.of(leg);
    let heard = facts.iter().filter_map(|fact| match fact {
        MediaFact::Digit { digit, .. } => Some(*digit),
        _ => None,
    });
    assert_eq!(heard.collect::<String>(), "5");
    assert_eq!(total.received_packets, 2);
}

#[test]
fn the_first_sound_is_reported_once_and_noise_is_none() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.connect(|_| {});
    peer.next();
    for noise in
        [&b""[..], b"\x80", b"\r\n\r\n", b"OPTIONS sip:x SIP/2.0", &[0x80, 200, 0, 1], &[0xff; 1_500]]
    {
        peer.socket.send_to(noise, peer.to).unwrap();
    }
    peer.say(96, &[1; 160]);
    assert!(rig.facts.of(leg).is_empty());
    peer.say(0, &[1; 160]);
    peer.say(0, &[1; 160]);
    rig.facts.wait_for(leg, |fact| *fact == MediaFact::FirstSound);
    let total = rig.close(leg);
    assert_eq!((total.received_packets, total.received_bytes), (2, 320));
    let first = rig.facts.of(leg).iter().filter(|fact| **fact == MediaFact::FirstSound).count();
    assert_eq!(first, 1);
}

#[test]
fn silence_on_the_wire_is_reported_once_until_something_comes() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.open(|open| open.silence_limit = Some(Duration::from_millis(150)));
    rig.order(leg, PlaneOrder::Connect(connection(&peer)));
    let timeouts = |count: usize| {
        rig.facts.wait(|all| {
            let silent: Vec<u32> = all
                .iter()
                .filter_map(|(_, fact)| match fact {
                    MediaFact::TimedOut { silent_ms } => Some(*silent_ms),
                    _ => None,
                })
                .collect();
            (silent.len() >= count).then_some(silent)
        })
    };
    assert!((150..400).contains(&timeouts(1)[0]));
    peer.say(0, &[1; 160]);
    assert_eq!(timeouts(2).len(), 2);
    let held = MediaConnection { receive: false, ..connection(&peer) };
    rig.order(leg, PlaneOrder::Connect(held));
    for _ in 0..20 {
        peer.next();
    }
    assert_eq!(timeouts(2).len(), 2, "a far side on hold may be silent");
}

#[test]
fn voice_and_silence_are_reported_while_somebody_watches() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.connect(|_| {});
    rig.order(leg, PlaneOrder::WatchVoice { on: true });
    peer.next();
    let mut pcm = vec![0; 4_800];
    ToneGenerator::new(ToneSpec::sine(300.0, -8.0, 600), 8_000).fill(&mut pcm);
    let mut loud = vec![0; pcm.len()];
    audio::g711::encode(Law::Mu, &pcm, &mut loud);
    peer.stream_sound(0, &[vec![0xff; 3_200], loud, vec![0xff; 6_400]].concat());
    rig.facts.wait_for(leg, |fact| *fact == MediaFact::VoiceStopped);
    let total = rig.close(leg);
    let voice: Vec<MediaFact> = rig.facts.of(leg);
    let voice: Vec<&MediaFact> = voice
        .iter()
        .filter(|fact| matches!(fact, MediaFact::VoiceStarted | MediaFact::VoiceStopped))
        .collect();
    assert_eq!(voice, [&MediaFact::VoiceStarted, &MediaFact::VoiceStopped]);
    assert!(total.received_level_dbfs.is_some_and(|level| (-40.0..-5.0).contains(&level)), "{total:?}");
}
