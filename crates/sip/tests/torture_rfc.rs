//! The messages of RFC 4475 and RFC 5118, byte for byte, against the table in `torture/expected.txt`: over UDP, over a
//! stream, and to a registrar. What parses prints and parses again to the same.
#![cfg(test)]

mod bed;

use bed::{B, Bed, RAW};
use proptest::prelude::*;
use sip::message::{HeaderName, Message, ParseError, StartLine, Writer};
use sip::stream::{Frame, Framer, FramerLimits};
use sip::{Endpoint, EndpointConfig, Event, Hop};
use std::path::Path;

struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    udp: &'static str,
    stream: &'static str,
    registrar: &'static str,
}

fn cases() -> Vec<Case> {
    let table = include_str!("torture/expected.txt").lines();
    let lines = table.filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let cases: Vec<_> = lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap();
            let bytes = std::fs::read(Path::new("tests/torture").join(name)).unwrap();
            let mut word = || words.next().unwrap_or_else(|| panic!("{line}"));
            Case { name, bytes, udp: word(), stream: word(), registrar: word() }
        })
        .collect();
    assert_eq!(cases.len(), 61);
    cases
}

const OPTIONS: &str = "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bKz\r\nf: <sip:a@h>;tag=1\r\n\
    t: <sip:b>\r\ni: z\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n";

/// Codes of all answers so far.
fn answers(bed: &Bed) -> Vec<String> {
    bed.packets.iter().map(|(_, packet)| packet.name().split(' ').next().unwrap().to_owned()).collect()
}

fn first(answers: &[String]) -> &str {
    answers.first().map_or("none", String::as_str)
}

#[test]
fn over_udp_each_message_gets_its_answer() {
    for case in cases() {
        let mut bed = Bed::new(1);
        let now = bed.now;
        bed.peers[B].endpoint.handle_datagram(RAW.parse().unwrap(), &case.bytes, now);
        bed.drain(B);
        assert_eq!(first(&answers(&bed)), case.udp, "{}", case.name);
        bed.inject(B, RAW, OPTIONS);
        assert_eq!(answers(&bed).last().map(String::as_str), Some("200"), "after {}", case.name);
    }
}

#[test]
fn a_registrar_gives_each_message_its_answer() {
    for case in cases() {
        let mut bed = Bed::new(1);
        let config = EndpointConfig { registrar: true, ..bed::config(bed.peers[B].address) };
        bed.peers[B].endpoint = Endpoint::new(config, [9; 32]);
        let now = bed.now;
        bed.peers[B].endpoint.handle_datagram(RAW.parse().unwrap(), &case.bytes, now);
        bed.drain(B);
        let asked =
            bed.peers[B].events.iter().any(|(_, event)| matches!(event, Event::RegisterReceived { .. }));
        let all = answers(&bed);
        assert_eq!(if asked { "register" } else { first(&all) }, case.registrar, "{}", case.name);
    }
}

#[test]
fn over_a_stream_each_message_gets_its_answer() {
    for case in cases() {
        for piece in [1, 5, 4_096] {
            let mut bed = Bed::new(1);
            let end = feed(&mut bed, &case.bytes, piece);
            let answer = format!("{}{end}", first(&answers(&bed)));
            assert_eq!(answer, case.stream, "{} in pieces of {piece}", case.name);
        }
    }
}

/// The bytes arrive over TCP in pieces; how the stream ends up.
fn feed(bed: &mut Bed, bytes: &[u8], piece: usize) -> &'static str {
    let (source, now) = (Hop::tcp(RAW.parse().unwrap()), bed.now);
    let mut framer = Framer::new(FramerLimits::default());
    for piece in bytes.chunks(piece) {
        framer.push(piece);
        while let Some(frame) = framer.next_frame() {
            let endpoint = &mut bed.peers[B].endpoint;
            match frame {
                Frame::Message(message) => endpoint.handle_message(source, message, now),
                Frame::Ping => {}
                Frame::Fault(fault, head) => {
                    endpoint.handle_stream_fault(source, fault, head);
                    bed.drain(B);
                    return ",close";
                }
            }
            bed.drain(B);
        }
    }
    if framer.pending_bytes() > 0 { ",wait" } else { "" }
}

/// A message written anew from what was read.
fn printed(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut writer = match message.start {
        StartLine::Request { method, uri } => Writer::request(&mut out, method.as_str(), &text(uri)),
        StartLine::Response { code, reason } => Writer::response(&mut out, code, Some(&text(reason))),
    };
    let mut content_type = None;
    for field in message.fields() {
        match field.name {
            HeaderName::ContentLength => {}
            HeaderName::ContentType if !message.body().is_empty() => content_type = Some(text(field.value)),
            HeaderName::Other => {
                writer.named(&text(field.raw_name), text(field.value));
            }
            name => {
                writer.copied(name, field.value);
            }
        }
    }
    match content_type {
        Some(content_type) => writer.body(&content_type, message.body()),
        None => writer.end(),
    }
    out
}

#[test]
fn what_parses_prints_and_parses_to_the_same() {
    let mut parsed = 0;
    for case in cases() {
        let message = match Message::parse(&case.bytes) {
            Ok(message) if message.defect.is_none() => message,
            Ok(_) | Err(ParseError::NotSip | ParseError::KeepAlive | ParseError::Response(_)) => continue,
        };
        parsed += 1;
        let once = printed(&message);
        let again = Message::parse(&once).unwrap();
        assert_eq!(again.defect, None, "{}", case.name);
        assert_eq!(printed(&again), once, "{}", case.name);
        assert_eq!((again.start, again.body()), (message.start, message.body()), "{}", case.name);
        assert_eq!(again.method(), message.method());
    }
    assert!(parsed >= 50, "{parsed}");
}

/// Header lines of all kinds, in no good order.
fn any_headers() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![
        "Via",
        "v",
        "From",
        "f ",
        "To",
        "Call-ID",
        "i",
        "CSeq",
        "Contact",
        "m",
        "Route",
        "X-Any",
        "x-odd!name",
        "Subject",
        "s",
        "Allow",
    ]);
    let value = prop_oneof![
        "[ -~]{0,40}".prop_map(String::into_bytes),
        "\\PC{0,10}(\r\n [a-z]{1,5}){0,2}".prop_map(String::into_bytes),
        prop::collection::vec(prop_oneof![32u8..127, 128u8..=255], 0..20),
    ];
    let line = (name, value).prop_map(|(name, value)| [name.as_bytes(), b": ", &value, b"\r\n"].concat());
    prop::collection::vec(line, 0..20).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn what_is_generated_prints_and_parses_to_the_same(
        is_response in any::<bool>(),
        headers in any_headers(),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let start: &[u8] = if is_response { b"SIP/2.0 183 Odd \xd0\xbd\r\n" } else { b"BYE sip:a;b@c SIP/2.0\r\n" };
        let length = format!("c: a/b\r\nl: {}\r\n\r\n", body.len());
        let bytes = [start, &headers, length.as_bytes(), &body].concat();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.defect, None);
        let once = printed(&message);
        let again = Message::parse(&once).unwrap();
        prop_assert_eq!(again.defect, None);
        prop_assert_eq!(again.fields().len(), message.fields().len());
        prop_assert_eq!(again.body(), body.as_slice());
        prop_assert_eq!(printed(&again), once);
    }
}
