//! Streams: whatever pieces the bytes come in, the same frames come out; what cannot be followed ends with one word.
#![cfg(test)]

mod bed;

use bed::{B, Bed, RAW};
use proptest::prelude::*;
use sip::Hop;
use sip::stream::{Frame, Framer, FramerLimits, StreamFault};

/// A request with a body of `body` bytes.
fn message(body: usize) -> String {
    format!(
        "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKz\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b>\r\ni: z\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: {body}\r\n\r\n{}",
        "x".repeat(body)
    )
}

/// All frames, in words, of bytes that come in pieces of these sizes (the last one again and again).
fn frames(bytes: &[u8], pieces: &[usize]) -> Vec<String> {
    let limits = FramerLimits { head_bytes_max: 400, body_bytes_max: 100 };
    let (mut framer, mut found) = (Framer::new(limits), Vec::new());
    let (mut rest, mut pieces) = (bytes, pieces.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*pieces.next().unwrap()).clamp(1, rest.len()));
        rest = after;
        framer.push(piece);
        while let Some(frame) = framer.next_frame() {
            found.push(match frame {
                Frame::Message(message) => format!("message {}", String::from_utf8_lossy(message)),
                Frame::Ping => "ping".into(),
                Frame::Fault(fault, head) => format!("{fault:?} {}", head.len()),
            });
        }
        assert!(framer.pending_bytes() <= 500, "more than one message is kept");
    }
    found
}

#[track_caller]
fn check(text: &str, wanted: &[&str]) {
    for piece in [1, 2, 3, 7, usize::MAX] {
        let found = frames(text.as_bytes(), &[piece]);
        let short: Vec<_> = found.iter().map(|frame| frame.split("\r\n").next().unwrap()).collect();
        assert_eq!(short, wanted, "in pieces of {piece}: {text:?}");
    }
}

#[test]
fn messages_pings_and_line_breaks_come_apart() {
    let options = "message OPTIONS sip:b SIP/2.0";
    check(&message(0), &[options]);
    check(&(message(5) + &message(0) + &message(100)), &[options; 3]);
    check("\r\n\r\n", &["ping"]);
    check("\r\n", &[]);
    check(&format!("\r\n\r\n\r\n{}\r\n{}", message(3), message(0)), &["ping", options, options]);
    check(&format!("{}\r\n\r\n{}", message(3), message(0)), &[options, "ping", options]);
    check(&format!("\r\r\n\n\r\n\r\n{}", message(1)), &["ping", options]);
    check(
        &message(2).replace("\r\n", "\n"),
        &[
            "message OPTIONS sip:b SIP/2.0\nVia: SIP/2.0/TCP h;branch=z9hG4bKz\nf: <sip:a@h>;tag=1\nt: <sip:b>\ni: z\nCSeq: 1 OPTIONS\nContent-Length: 2\n\nxx",
        ],
    );
    check(&message(4).replace("Content-Length: ", "l :\r\n  "), &[options]);
    check("SIP/2.0 200 OK\r\nl: 0\r\n\r\n", &["message SIP/2.0 200 OK"]);
}

#[test]
fn a_stream_that_cannot_be_followed_ends() {
    let options = "message OPTIONS sip:b SIP/2.0";
    let lacking = message(0).replace("Content-Length: 0\r\n", "");
    check(&(lacking.clone() + &message(0)), &[&format!("ContentLength {}", lacking.len())]);
    let twice = message(0).replace("Content-Length: 0", "l: 0\r\nContent-Length: 0");
    check(&twice, &[&format!("ContentLength {}", twice.len())]);
    let large = message(101);
    check(&(message(0) + &large), &[options, &format!("BodyTooLarge {}", large.len() - 101)]);
    let huge = message(0).replace(": 0", ": 99999999999999999999");
    check(&huge, &[&format!("ContentLength {}", huge.len())]);
    check(&message(0).replace("i: z", &format!("i: {}", "z".repeat(400))), &["HeadTooLarge 0"]);
    check(&"x".repeat(500), &["HeadTooLarge 0"]);
    check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", &["NotSip 0"]);
}

#[test]
fn a_fault_is_told_to_the_peer_as_far_as_it_is_known() {
    let check = |fault, head: &str, wanted: Option<&str>| {
        let mut bed = Bed::new(1);
        bed.peers[B].endpoint.handle_stream_fault(Hop::tcp(RAW.parse().unwrap()), fault, head.as_bytes());
        bed.drain(B);
        assert_eq!(
            bed.packets.first().map(|(_, packet)| packet.name()).as_deref(),
            wanted,
            "{fault:?} {head}"
        );
    };
    check(StreamFault::ContentLength, &message(0).replace("Content-Length: 0\r\n", ""), Some("400 OPTIONS"));
    check(StreamFault::BodyTooLarge, &message(0), Some("513 OPTIONS"));
    check(StreamFault::NotSip, "", None);
    check(StreamFault::HeadTooLarge, "", None);
    check(StreamFault::ContentLength, "SIP/2.0 200 OK\r\n\r\n", None);
    check(StreamFault::BodyTooLarge, &message(0).replace("OPTIONS", "ACK"), None);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames(
        parts in prop::collection::vec(prop_oneof![
            (0usize..120).prop_map(message),
            Just("\r\n".to_owned()),
            Just("\r\n\r\n".to_owned()),
            Just("\r".to_owned()),
            Just("\n".to_owned()),
            Just("junk\r\n".to_owned()),
        ], 0..8),
        pieces in prop::collection::vec(1usize..200, 1..6),
    ) {
        let text = parts.concat();
        prop_assert_eq!(frames(text.as_bytes(), &pieces), frames(text.as_bytes(), &[usize::MAX]));
    }
}
