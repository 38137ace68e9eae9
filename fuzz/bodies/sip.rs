//! What holds for any bytes that reach the signalling: no panic, bounded answers that parse themselves, printing and
//! reading that agree. One function a fuzz target; the tests run them over the corpora too.

use model::Timestamp;
use sip::digest::{Authorization, Challenge, Protected, Secret, answer};
use sip::message::fields::{parse_q_thousandths, parse_q850, parse_retry_after};
use sip::message::uri::{Scheme, escape_user, unescape};
use sip::message::{CSeq, HeaderName, Message, NameAddr, Uri, Via, address, masked, validate};
use sip::sdp::{SessionDescription, accept_answer};
use sip::stream::{Frame, Framer, FramerLimits};
use sip::{Credentials, Endpoint, EndpointConfig, Event, Order, Output};
use std::time::Duration;

/// What an answered call of the endpoint below was set up with; inputs may continue it.
const INVITE: &[u8] =
    b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bKi\r\nFrom: <sip:a@h>;tag=f\r\n\
    To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\n\
    Supported: timer, 100rel\r\nContent-Length: 0\r\n\r\n";
const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
/// Stands in inputs for the endpoint's tag of that call.
const TAG: &[u8] = b"TAGTAGTAGTAGTAGT";
/// Between two datagrams of one input.
const BETWEEN: &[u8] = b"\n----\n";

/// Datagrams at an endpoint with a call: each output is bounded, each message sent parses, time ends everything.
pub(crate) fn datagram(data: &[u8]) {
    let config =
        EndpointConfig { registrar: true, trace: true, ..EndpointConfig::new("192.0.2.2:5060", "fuzz") };
    let mut endpoint = Endpoint::new(config, [7; 32]);
    let mut now = Timestamp::from_millis(1_000_000);
    let source = ([192, 0, 2, 1], 5060).into();
    endpoint.handle_datagram(source, INVITE, now);
    let tag = drain(&mut endpoint, now);
    let data = with_tag(data, &tag);
    for piece in split(&data) {
        now = now + Duration::from_millis(700);
        endpoint.handle_timeout(now);
        endpoint.handle_datagram(source, piece, now);
        drain(&mut endpoint, now);
    }
    let mut steps = 0;
    while let Some(at) = endpoint.deadline().filter(|at| *at < now + Duration::from_secs(1_000)) {
        endpoint.handle_timeout(at);
        drain(&mut endpoint, at);
        steps += 1;
        assert!(steps < 20_000, "timers without end");
    }
}

fn split(data: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        pieces.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    pieces.push(rest);
    pieces.truncate(20);
    pieces
}

/// The input with the tag where its place is held.
fn with_tag(data: &[u8], tag: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    while let Some(at) = data.windows(TAG.len()).position(|window| window == TAG) {
        data[at..at + TAG.len()].copy_from_slice(tag);
    }
    data
}

/// Takes all outputs; incoming calls are answered. Gives our tag, if anything sent has one.
fn drain(endpoint: &mut Endpoint, now: Timestamp) -> Vec<u8> {
    let mut count = 0;
    let mut tag = Vec::new();
    while let Some(output) = endpoint.poll() {
        count += 1;
        assert!(count < 1_000, "outputs without end");
        match output {
            Output::Send { bytes, .. } => {
                let message = Message::parse(&bytes).expect("what is sent parses");
                assert_eq!(message.defect, None, "{}", String::from_utf8_lossy(&bytes));
                let to = message.value(HeaderName::To).and_then(NameAddr::parse);
                tag = to.and_then(|to| to.tag()).map_or(tag, |found| found.as_bytes().to_vec());
            }
            Output::Event(Event::Incoming { key, .. }) => {
                // The call may have ended by then.
                let _ = endpoint.handle_order(Order::Ring { key, code: 180, sdp: None }, now);
                let _ = endpoint.handle_order(Order::Answer { key, sdp: SDP.to_vec() }, now);
            }
            _ => {}
        }
    }
    tag
}

/// A stream: the same frames whatever pieces it comes in (the first byte says which), and never much kept.
pub(crate) fn stream(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else { return };
    let whole = frames(bytes, bytes.len().max(1));
    assert_eq!(frames(bytes, usize::from(*piece).max(1)), whole);
    assert_eq!(frames(bytes, 1), whole);
}

fn frames(bytes: &[u8], piece: usize) -> Vec<(u8, Vec<u8>)> {
    let mut framer = Framer::new(FramerLimits { head_bytes_max: 2_000, body_bytes_max: 500 });
    let mut found = Vec::new();
    for piece in bytes.chunks(piece) {
        framer.push(piece);
        while let Some(frame) = framer.next_frame() {
            found.push(match frame {
                Frame::Message(message) => (0, message.to_vec()),
                Frame::Ping => (1, Vec::new()),
                Frame::Fault(fault, head) => (2 + fault as u8, head.to_vec()),
            });
        }
        assert!(framer.pending_bytes() <= 2_500);
    }
    found
}

/// A message, and each of its lines as every header there is.
pub(crate) fn headers(data: &[u8]) {
    let _ = masked(data);
    if let Ok(message) = Message::parse(data) {
        let _ = validate::request(&message);
        let _ = validate::response(&message);
        let _ = validate::extensions(&message);
        let _ = validate::accepts_sessions(&message);
        let _ = sip::sdp::SessionDescription::parse(message.body());
    }
    for line in data.split(|byte| *byte == b'\n') {
        let _ = CSeq::parse(line);
        let _ = parse_q850(line);
        let _ = parse_retry_after(line);
        let _ = std::str::from_utf8(line).map(parse_q_thousandths);
        if let Some(via) = Via::parse(line) {
            assert!(!via.host.is_empty() && via.params.iter().count() <= line.len());
        }
        let Some(read) = NameAddr::parse(line) else { continue };
        let name = read.display().map(|name| address::quote_display(&name)).unwrap_or_default();
        let printed = format!("{name} <{}>", read.uri_text);
        let again = NameAddr::parse(printed.as_bytes()).expect("what is printed parses");
        assert_eq!(again.uri_text, read.uri_text);
    }
}

/// A URI prints as it was read.
pub(crate) fn uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(read) = Uri::parse(text) else { return };
    let user = read.user_plain();
    assert_eq!(unescape(&escape_user(&user)), user);
    let _ = (read.socket_address(), read.param("transport"));
    if read.scheme != Scheme::Other {
        let printed = read.to_string();
        assert_eq!(Uri::parse(&printed), Ok(read), "{printed}");
    }
}

/// A session description prints as it was read.
pub(crate) fn sdp(data: &[u8]) {
    let Ok(read) = SessionDescription::parse(data) else { return };
    let printed = read.to_bytes();
    let again = SessionDescription::parse(&printed).expect("what is printed parses");
    assert_eq!(again.to_bytes(), printed);
    let _ = accept_answer(&read, &again);
}

/// Challenges and answers: what is printed is read, and a challenge that is read can be answered rightly.
pub(crate) fn digest(data: &[u8]) {
    if let Some(claim) = Authorization::parse(data) {
        let _ = claim.is_right(Secret::Password("secret"), "INVITE", data);
    }
    let Some(read) = Challenge::parse(data) else { return };
    let printed = read.to_string();
    let again = Challenge::parse(printed.as_bytes()).expect("what is printed parses");
    assert_eq!((again.algorithm, again.qop, again.stale), (read.algorithm, read.qop, read.stale));
    let credentials = Credentials { username: "al".into(), password: "secret".into(), realm: None };
    let protected = Protected { method: "INVITE", uri: "sip:a@b", body: b"" };
    let value = answer(&again, &credentials, protected, "c", 1);
    let claim = Authorization::parse(value.as_bytes()).expect("an answer parses");
    if claim.realm == again.realm && claim.nonce == again.nonce {
        assert!(claim.is_right(Secret::Password("secret"), "INVITE", b""), "{value}");
    }
}
