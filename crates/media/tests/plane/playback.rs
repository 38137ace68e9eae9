//! Prompts reach the far side to the octet, in time, and stop when they are told to.

use crate::support::*;
use audio::Law;
use model::sound::{Codec, PlaybackId};
use ports::media::PlaneOrder;
use std::time::Duration;

#[test]
fn a_prompt_arrives_to_the_octet_at_the_pace_of_speech() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    let prompt = clip(1, 8_000);
    rig.play(leg, 1, &[&prompt]);
    let got = peer.sound(8_000);
    assert_eq!(octets(&got), encoded(&prompt, Law::Mu));
    for pair in got.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
        assert_eq!((pair[1].payload_type, pair[1].ssrc, pair[1].marker), (0, pair[0].ssrc, false));
    }
    let took = got.last().unwrap().at - got[0].at;
    assert!((900..1_200).contains(&took.as_millis()), "a second of sound took {took:?}");
    assert_eq!(rig.facts.finished(leg, 1), (1_000, true));
}

#[test]
fn packets_are_as_long_as_the_far_side_wants() {
    let mut rig = Rig::new(config());
    let prompt = clip(2, 2_400);
    for ptime_ms in [10, 20, 30, 40, 60] {
        let (leg, peer) = rig.connect(|connection| connection.ptime_ms = ptime_ms);
        rig.play(leg, 1, &[&prompt]);
        let got = peer.sound(2_400 + 480);
        assert!(got.iter().all(|got| got.payload.len() == usize::from(ptime_ms) * 8), "{ptime_ms} ms");
        let all = octets(&got);
        let start = all.iter().position(|octet| *octet != 0xff).unwrap();
        assert_eq!(all[start..start + 2_400], encoded(&prompt, Law::Mu), "{ptime_ms} ms");
        let units = u32::from(ptime_ms) * 8;
        assert!(got.windows(2).all(|pair| pair[1].timestamp == pair[0].timestamp.wrapping_add(units)));
        rig.close(leg);
    }
}

#[test]
fn each_law_and_each_rate_is_encoded_for_the_leg() {
    let mut rig = Rig::new(config());
    let prompt = clip(3, 1_600);
    for (codec, payload_type, law) in [(Codec::Pcmu, 0, Law::Mu), (Codec::Pcma, 8, Law::A)] {
        let (leg, peer) = rig.connect(|connection| {
            connection.codec = codec;
            connection.payload_type = payload_type;
            connection.receive_payload_type = payload_type;
        });
        rig.play(leg, 1, &[&prompt]);
        let got = peer.sound(1_600);
        assert_eq!(octets(&got), encoded(&prompt, law));
        assert!(got.iter().all(|got| got.payload_type == payload_type));
    }
}

#[test]
fn clips_follow_with_gaps_as_often_as_ordered() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    let (first, second) = (clip(4, 500), clip(5, 300));
    let clips = vec![first.clone(), second.clone()];
    rig.order(leg, PlaneOrder::Play { playback: PlaybackId(7), clips, times: 2, gap_ms: 30 });
    let gap = vec![0xff; 240];
    let (a, b) = (encoded(&first, Law::Mu), encoded(&second, Law::Mu));
    let expected = [&a, &gap, &b, &gap, &a, &gap, &b].map(|part| part.as_slice()).concat();
    let got = octets(&peer.sound(expected.len()));
    assert_eq!(got[..expected.len()], expected);
    assert!(is_silence(&got[expected.len()..]));
    assert_eq!(rig.facts.finished(leg, 7), (u32::try_from(expected.len() / 8).unwrap(), true));
}

#[test]
fn a_stop_cuts_at_once_and_says_what_was_sent() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    rig.play(leg, 1, &[&clip(6, 80_000)]);
    let mut heard = peer.sound(3 * 160).len();
    rig.order(leg, PlaneOrder::StopPlayback { playback: PlaybackId(9) });
    rig.order(leg, PlaneOrder::StopPlayback { playback: PlaybackId(1) });
    let (played_ms, completed) = rig.facts.finished(leg, 1);
    while !is_silence(&peer.next().payload) {
        heard += 1;
    }
    assert!(!completed);
    assert_eq!(played_ms, u32::try_from(heard * 20).unwrap(), "what is said is what was heard");
    assert!(heard <= 6, "{heard} frames of which three were heard before the order");
}

#[test]
fn a_new_playback_cuts_the_old() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    let next = clip(8, 320);
    rig.play(leg, 1, &[&clip(7, 80_000)]);
    peer.sound(160);
    rig.play(leg, 2, &[&next]);
    assert!(!rig.facts.finished(leg, 1).1);
    assert_eq!(rig.facts.finished(leg, 2), (40, true));
    let expected = encoded(&next, Law::Mu);
    let first = peer.next_that(|got| got.payload == expected[..160]);
    assert_eq!(peer.next().payload, expected[160..]);
    assert!(!first.marker, "one stream goes on");
}

#[test]
fn sound_ordered_before_the_connection_waits_for_it() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.open(|_| {});
    let prompt = clip(9, 480);
    rig.play(leg, 1, &[&prompt]);
    peer.socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(peer.socket.recv(&mut [0; 100]).is_err(), "nothing is sent before the connection");
    peer.socket.set_read_timeout(Some(DEADLINE)).unwrap();
    rig.order(leg, PlaneOrder::Connect(connection(&peer)));
    assert_eq!(octets(&peer.sound(480)), encoded(&prompt, Law::Mu));
}

#[test]
fn a_connected_leg_sends_silence_and_a_held_one_nothing() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    assert!((0..5).all(|_| is_silence(&peer.next().payload)));
    rig.order(leg, PlaneOrder::Connect(ports::media::MediaConnection { send: false, ..connection(&peer) }));
    rig.play(leg, 1, &[&clip(1, 1_600)]);
    assert_eq!(rig.facts.finished(leg, 1), (0, true), "time passes, but nothing is heard");
    let total = rig.close(leg);
    peer.socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut came = 5;
    while let Ok(len) = peer.socket.recv(&mut [0; 1_000]) {
        came += u64::from(len == 172);
    }
    assert_eq!(total.sent_packets, came);
}

#[test]
fn a_playback_ends_with_its_leg() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    rig.play(leg, 1, &[&clip(1, 80_000)]);
    peer.sound(160);
    rig.close(leg);
    let (played_ms, completed) = rig.facts.finished(leg, 1);
    assert!(played_ms >= 20 && !completed);
    let last = rig.facts.of(leg).pop();
    assert!(
        matches!(last, Some(model::sound::MediaFact::Figures(_))),
        "the figures are the last fact: {last:?}"
    );
}

#[test]
fn empty_playbacks_are_over_at_once() {
    let mut rig = Rig::new(config());
    let (leg, _peer) = rig.connect(|_| {});
    rig.play(leg, 1, &[]);
    assert_eq!(rig.facts.finished(leg, 1), (0, true));
    rig.play(leg, 2, &[&clip(1, 0)]);
    assert_eq!(rig.facts.finished(leg, 2), (0, true));
}
