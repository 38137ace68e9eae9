//! Bridged legs hear each other: unchanged, at once, with losses visible; and what belongs to a leg alone.

use crate::support::*;
use audio::Law;
use media::MediaConfig;
use model::LegId;
use model::sound::{Codec, MediaFact};
use ports::MediaPlane;
use ports::media::{MediaError, PlaneOrder};
use rtp::packet::Header;
use std::time::Instant;

fn bridged(config: MediaConfig) -> (Rig, [(LegId, Peer); 2]) {
    let mut rig = Rig::new(config);
    let legs = [rig.connect(|_| {}), rig.connect(|_| {})];
    rig.order(legs[0].0, PlaneOrder::Bridge { with: legs[1].0 });
    (rig, legs)
}

/// A payload that no other of the test is.
fn mark(number: u8) -> Vec<u8> {
    vec![number | 0x10; 160]
}

/// Says something on `from` until `to` hears it: the bridge takes a tick to stand.
fn until_heard(from: &mut Peer, to: &Peer) -> Got {
    let until = Instant::now() + DEADLINE;
    let payload = mark(0x60);
    while Instant::now() < until {
        from.say(0, &payload);
        let got = to.next();
        if got.payload == payload {
            return got;
        }
    }
    panic!("the bridge never stood");
}

#[test]
fn both_sides_hear_each_other_unchanged() {
    for workers in [1, 2] {
        let (rig, [(first, mut a), (second, mut b)]) = bridged(MediaConfig { workers, ..config() });
        let before = until_heard(&mut a, &b);
        until_heard(&mut b, &a);
        let own = b.next_that(|got| got.payload == mark(0x60) || is_silence(&got.payload));
        assert_eq!(own.ssrc, before.ssrc, "relayed and own sound are one stream");
        for number in 0..10 {
            a.say(0, &mark(number));
            b.say(0, &mark(number + 0x20));
        }
        for number in 0..10 {
            assert_eq!(b.next_that(|got| got.payload == mark(number)).ssrc, before.ssrc);
            a.next_that(|got| got.payload == mark(number + 0x20));
        }
        let (totals, figures) = ([rig.close(first), rig.close(second)], rig.engine.figures());
        assert!(totals.iter().all(|total| total.received_packets >= 11), "{workers} workers: {totals:?}");
        assert_eq!(figures.forward_drops, 0);
    }
}

#[test]
fn a_packet_passes_at_once_and_not_at_the_next_tick() {
    let (_rig, [(_, mut a), (_, b)]) = bridged(config());
    until_heard(&mut a, &b);
    let mut took: Vec<_> = (0..20)
        .map(|number| {
            let sent = Instant::now();
            a.say(0, &mark(number));
            b.next_that(|got| got.payload == mark(number)).at - sent
        })
        .collect();
    took.sort();
    assert!(took[10].as_millis() < 8, "half of them within a few milliseconds: {took:?}");
}

#[test]
fn losses_stay_visible_and_events_pass() {
    let (rig, [(first, mut a), (_, b)]) = bridged(config());
    until_heard(&mut a, &b);
    let (sequence, timestamp) = (a.stream.sequence(), a.stream.timestamp());
    let header = |step: u16, payload_type| Header {
        payload_type,
        marker: false,
        sequence: sequence.wrapping_add(step),
        timestamp: timestamp.wrapping_add(u32::from(step) * 160),
        ssrc: a.stream.ssrc(),
    };
    a.send(header(0, 0), &mark(1));
    a.send(header(3, 0), &mark(2));
    a.send(header(4, DTMF), &[5, 0x8a, 3, 0x20]);
    let one = b.next_that(|got| got.payload == mark(1));
    let two = b.next_that(|got| got.payload == mark(2));
    let event = b.next_that(|got| got.payload_type == DTMF);
    assert_eq!(two.sequence, one.sequence.wrapping_add(3));
    assert_eq!(two.timestamp, one.timestamp.wrapping_add(480));
    assert_eq!((event.sequence, event.payload), (two.sequence.wrapping_add(1), vec![5, 0x8a, 3, 0x20]));
    let digit = rig.facts.wait_for(first, |fact| matches!(fact, MediaFact::Digit { .. }));
    assert_eq!(digit, MediaFact::Digit { digit: '5', duration_ms: 100 });
}

#[test]
fn different_laws_are_translated() {
    let mut rig = Rig::new(config());
    let (first, mut a) = rig.connect(|_| {});
    let (second, b) = rig.connect(|connection| {
        connection.codec = Codec::Pcma;
        connection.payload_type = 8;
        connection.receive_payload_type = 8;
    });
    rig.order(first, PlaneOrder::Bridge { with: second });
    let payload: Vec<u8> = (0..160).collect();
    let mut expected = payload.clone();
    audio::g711::transcode_in_place(Law::Mu, Law::A, &mut expected);
    let until = Instant::now() + DEADLINE;
    loop {
        a.say(0, &payload);
        let got = b.next();
        assert_eq!(got.payload_type, 8);
        if got.payload == expected {
            break;
        }
        assert!(is_silence(&got.payload) && Instant::now() < until);
    }
}

#[test]
fn parted_legs_hear_silence_again() {
    let (rig, [(first, mut a), (second, mut b)]) = bridged(config());
    until_heard(&mut a, &b);
    until_heard(&mut b, &a);
    rig.order(second, PlaneOrder::Unbridge);
    rig.order(second, PlaneOrder::Unbridge);
    a.next_that(|got| is_silence(&got.payload));
    b.next_that(|got| is_silence(&got.payload));
    a.say(0, &mark(9));
    assert!((0..5).all(|_| is_silence(&b.next().payload)));
    rig.order(first, PlaneOrder::Bridge { with: second });
    until_heard(&mut a, &b);
    rig.close(first);
    assert!((0..20).any(|_| is_silence(&b.next().payload)), "the leg that is left sends silence");
    assert_eq!(rig.engine.order(second, PlaneOrder::Bridge { with: first }), Err(MediaError::UnknownLeg));
}

#[test]
fn a_prompt_is_heard_above_the_bridge() {
    let (rig, [(_, mut a), (second, b)]) = bridged(config());
    until_heard(&mut a, &b);
    let prompt = clip(4, 800);
    rig.play(second, 1, &[&prompt]);
    let expected = encoded(&prompt, Law::Mu);
    b.next_that(|got| got.payload == expected[..160]);
    a.say(0, &mark(3));
    let rest: Vec<u8> = (0..4).flat_map(|_| b.next().payload).collect();
    assert_eq!(rest, expected[160..]);
    assert_eq!(rig.facts.finished(second, 1), (100, true));
    until_heard(&mut a, &b);
}

#[test]
fn an_echo_sends_back_sound_and_a_mute_leg_nothing() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.connect(|_| {});
    peer.next();
    rig.order(leg, PlaneOrder::Echo { on: true });
    let until = Instant::now() + DEADLINE;
    loop {
        peer.say(0, &mark(7));
        if peer.next().payload == mark(7) {
            break;
        }
        assert!(Instant::now() < until, "no echo");
    }
    rig.order(leg, PlaneOrder::Mute { on: true });
    let before = rig.facts.of(leg).len();
    peer.socket.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
    while peer.socket.recv(&mut [0; 500]).is_ok() {
        assert!(Instant::now() < until, "a mute leg goes on sending");
    }
    peer.say(0, &mark(8));
    assert!(peer.socket.recv(&mut [0; 500]).is_err());
    assert_eq!(rig.facts.of(leg).len(), before);
}

#[test]
fn legs_cannot_be_bridged_to_themselves_or_to_nobody() {
    let mut rig = Rig::new(config());
    let (leg, _peer) = rig.connect(|_| {});
    let nobody = rig.new_leg();
    for with in [leg, nobody] {
        assert_eq!(rig.engine.order(leg, PlaneOrder::Bridge { with }), Err(MediaError::UnknownLeg));
    }
}
