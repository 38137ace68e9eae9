//! Digits both ways: as telephone events, and as tones where there are none.

use crate::support::*;
use audio::Law;
use audio::dtmf_detect::{DtmfDetector, InbandDigit};
use audio::tone::{ToneGenerator, ToneSpec};
use model::sound::{DigitsId, MediaFact};
use model::{LegId, Timestamp};
use ports::MediaError;
use ports::media::PlaneOrder;
use rtp::Packet;
use rtp::dtmf::{DigitEvent, EventReceiver, EventReceiverConfig, EventSender, EventSenderConfig, EventTick};
use std::time::Duration;

fn send_digits(rig: &Rig, leg: LegId, digits: &str, in_band: bool) {
    let order = PlaneOrder::SendDigits { id: DigitsId(3), digits: digits.to_owned(), in_band };
    rig.order(leg, order);
}

fn all_sent(rig: &Rig, leg: LegId) -> bool {
    rig.facts.of(leg).contains(&MediaFact::DigitsSent { id: DigitsId(3) })
}

/// The digits reported of a leg, once `count` have come.
fn pressed(rig: &Rig, leg: LegId, count: usize) -> String {
    rig.facts.wait(|all| {
        let digits: String = all
            .iter()
            .filter_map(|(of, fact)| match fact {
                MediaFact::Digit { digit, .. } if *of == leg => Some(*digit),
                _ => None,
            })
            .collect();
        (digits.len() >= count).then_some(digits)
    })
}

#[test]
fn digits_go_out_as_telephone_events() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    send_digits(&rig, leg, "19*#D", false);
    let mut receiver = EventReceiver::new(EventReceiverConfig::default());
    let mut digits = String::new();
    let mut now = Timestamp::from_millis(1);
    let mut markers = 0;
    while digits.len() < 5 || !all_sent(&rig, leg) {
        let got = peer.next();
        now = now + Duration::from_millis(20);
        if got.payload_type != DTMF {
            continue;
        }
        markers += usize::from(got.marker);
        let Got { payload_type, marker, sequence, timestamp, ssrc, ref payload, .. } = got;
        receiver.on_packet(&Packet { payload_type, marker, sequence, timestamp, ssrc, payload }, now);
        while let Some(event) = receiver.poll() {
            if let DigitEvent::Ended { digit, duration_ms, .. } = event {
                digits.push(digit);
                assert!((80..=160).contains(&duration_ms), "{duration_ms}");
            }
        }
    }
    assert_eq!((digits.as_str(), markers), ("19*#D", 5));
}

#[test]
fn digits_go_out_as_tones_where_events_are_unknown_or_unwanted() {
    let mut rig = Rig::new(config());
    for (dtmf_payload_type, in_band) in [(None, false), (Some(DTMF), true)] {
        let (leg, peer) = rig.connect(|connection| connection.dtmf_payload_type = dtmf_payload_type);
        send_digits(&rig, leg, "5w0#", in_band);
        let mut detector = DtmfDetector::new();
        let mut digits = String::new();
        while digits.len() < 3 || !all_sent(&rig, leg) {
            let got = peer.next();
            assert_eq!(got.payload_type, 0);
            let mut pcm = [0; 160];
            audio::g711::decode(Law::Mu, &got.payload, &mut pcm);
            if let Some(InbandDigit::Ended { digit, .. }) = detector.on_frame(&pcm) {
                digits.push(digit);
            }
        }
        assert_eq!(digits, "50#");
        rig.close(leg);
    }
}

#[test]
fn each_event_is_one_digit_whatever_is_lost_or_doubled() {
    let mut rig = Rig::new(config());
    let (leg, mut peer) = rig.connect(|_| {});
    let mut sender = EventSender::new(EventSenderConfig::default());
    for digit in "1223#".chars() {
        sender.push(digit, 100).unwrap();
    }
    let mut packets = 0;
    while !sender.is_idle() {
        if let EventTick::Packet(event) = sender.tick(peer.stream.timestamp()) {
            let header = peer.stream.event(DTMF, event.timestamp, event.marker, 4);
            packets += 1;
            // The wire loses every fifth packet and doubles every third.
            if packets % 5 != 0 {
                peer.send(header, &event.payload);
            }
            if packets % 3 == 0 {
                peer.send(header, &event.payload);
            }
        }
        peer.stream.skip(160);
    }
    assert_eq!(pressed(&rig, leg, 5), "1223#");
    rig.close(leg);
    assert_eq!(pressed(&rig, leg, 5), "1223#", "no digit comes twice");
}

#[test]
fn tones_are_digits_where_no_events_were_agreed() {
    let check = |dtmf_payload_type, expected: &str| {
        let mut rig = Rig::new(config());
        let (leg, mut peer) =
            rig.connect(|connection| connection.receive_dtmf_payload_type = dtmf_payload_type);
        let mut octets = Vec::new();
        for digit in "40".chars() {
            let mut generator = ToneGenerator::new(ToneSpec::dtmf(digit, 120, 80).unwrap(), 8_000);
            let mut pcm = [0; 1_600];
            assert_eq!(generator.fill(&mut pcm), 1_600);
            let mut tone = [0; 1_600];
            audio::g711::encode(Law::Mu, &pcm, &mut tone);
            octets.extend_from_slice(&tone);
        }
        octets.extend_from_slice(&[0xff; 2_400]);
        peer.stream_sound(0, &octets);
        if !expected.is_empty() {
            assert_eq!(pressed(&rig, leg, expected.len()), expected);
        }
        rig.close(leg);
        assert_eq!(pressed(&rig, leg, 0), expected);
    };
    check(None, "40");
    check(Some(DTMF), "");
}

#[test]
fn a_digit_in_a_prompt_interrupts_nothing_for_good() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    let prompt = clip(1, 4_800);
    rig.play(leg, 1, &[&prompt]);
    peer.sound(160);
    send_digits(&rig, leg, "7", false);
    rig.facts.wait_for(leg, |fact| matches!(fact, MediaFact::DigitsSent { .. }));
    assert_eq!(rig.facts.finished(leg, 1), (600, true));
}

#[test]
fn what_is_no_digit_is_refused() {
    let mut rig = Rig::new(config());
    let (leg, _peer) = rig.connect(|_| {});
    let order = PlaneOrder::SendDigits { id: DigitsId(1), digits: "12x".to_owned(), in_band: false };
    let error = ports::MediaPlane::order(&*rig.engine, leg, order).unwrap_err();
    assert!(matches!(&error, MediaError::NotSound(text) if text.contains("`x`")), "{error}");
}
