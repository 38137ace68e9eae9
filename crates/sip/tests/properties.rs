//! What holds for any bytes: nothing panics, what is written reads the same, whatever the endpoint sends parses.
#![cfg(test)]

mod bed;

use bed::{A, B, Bed, RAW, invite};
use proptest::prelude::*;
use sip::digest::Challenge;
use sip::message::{HeaderName, Message, NameAddr, Uri, Via, Writer, masked, validate};
use sip::sdp::{self, Codec, LocalAudio, Origin, SessionDescription};

/// Reads everything there is to read.
fn read_all(bytes: &[u8]) {
    let _ = masked(bytes);
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = validate::request(&message);
    let _ = validate::response(&message);
    let _ = validate::extensions(&message);
    for name in [HeaderName::Via, HeaderName::Contact, HeaderName::RecordRoute, HeaderName::From] {
        for element in message.elements(name) {
            let _ = Via::parse(element).map(|via| via.params.iter().count());
            let _ = NameAddr::parse(element).map(|address| (address.display(), address.uri().user_plain()));
        }
    }
    for field in message.fields() {
        let _ = Challenge::parse(field.value);
    }
}

/// Bytes that look like SIP here and there.
fn nearly_sip() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec![
            "INVITE sip:a@b SIP/2.0\r\n", "SIP/2.0 200 OK\r\n", "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", "From: ",
            "To: <sip:b@c>\r\n", "Call-ID: x\r\n", "CSeq: 1 INVITE\r\n", "CSeq: 1 BYE\r\n", "Contact: ", "Content-Length: 5\r\n",
            "BYE sip:a SIP/2.0\r\n", "\r\n\r\n", "\r\n ", "<sip:a@b>;tag=1", "\"q\\\"", ";", ",", "<", ">", "=", "[::1]:5", "%41",
            "Authorization: Digest a=\"b\"\r\n", "WWW-Authenticate: Digest realm=\"r\", nonce=n\r\n", "Content-Type: application/sdp\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn nearly_sdp() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec![
            "v=0\r\n", "o=- 1 1 IN IP4 h\r\n", "s=-\r\n", "c=IN IP4 192.0.2.1\r\n", "c=IN IP6 ::1\r\n", "t=0 0\r\n",
            "m=audio 10 RTP/AVP 0 8 101\r\n", "m=audio 0 RTP/AVP 0\r\n", "m=video 10 RTP/AVP 31\r\n", "a=rtpmap:101 telephone-event/8000\r\n",
            "a=rtpmap:0 PCMU/8000\r\n", "a=sendonly\r\n", "a=inactive\r\n", "a=ptime:30\r\n", "a=rtcp:9 IN IP4 h\r\n", "a=rtcp-mux\r\n", "a=",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..20)
        .prop_map(|pieces| [b"v=0\r\no=- 1 1 IN IP4 h\r\n".to_vec(), pieces.concat()].concat())
}

fn local() -> LocalAudio {
    LocalAudio::new("192.0.2.9:4000".parse().unwrap(), Codec::ALL.to_vec(), Origin::new(1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
        let _ = SessionDescription::parse(&bytes);
    }

    #[test]
    fn nothing_nearly_sip_makes_the_parser_panic(bytes in nearly_sip()) {
        read_all(&bytes);
    }

    #[test]
    fn nothing_nearly_sip_upsets_an_endpoint_with_a_call(datagrams in proptest::collection::vec(nearly_sip(), 1..5)) {
        let mut bed = Bed::new(1);
        bed.behave(B, bed::answer_at_once);
        bed.order(A, invite(1));
        bed.run_ms(200);
        for datagram in &datagrams {
            for peer in [A, B] {
                let now = bed.now;
                bed.peers[peer].endpoint.handle_datagram(RAW.parse().unwrap(), datagram, now);
                bed.drain(peer);
            }
        }
        prop_assert!(bed.peers[A].endpoint.has_call(sip::CallKey(1)));
        for (_, packet) in &bed.packets {
            prop_assert!(Message::parse(&packet.bytes).is_ok_and(|message| message.defect.is_none()), "{}", packet.text());
        }
    }

    #[test]
    fn uris_print_as_they_were_read(text in "(sip|sips|SIP):([a-z0-9+;=%.]{1,8}(:[a-z]{1,3})?@)?([a-z]{1,5}\\.example|192\\.0\\.2\\.1|\\[::1\\])(:[1-9][0-9]{0,3})?(;[a-z]{1,4}(=[a-z]{1,3})?){0,2}(\\?[a-z]=[a-z])?") {
        if let Ok(uri) = Uri::parse(&text) {
            let printed = uri.to_string();
            prop_assert_eq!(Uri::parse(&printed), Ok(uri), "{} printed as {}", text, printed);
        }
    }

    #[test]
    fn what_the_writer_writes_reads_the_same(
        display in any::<String>(),
        value in any::<String>(),
        body in proptest::collection::vec(any::<u8>(), 1..50),
    ) {
        let mut out = Vec::new();
        let name = sip::message::address::quote_display(&display);
        let mut writer = Writer::request(&mut out, "INVITE", "sip:a@b");
        writer.header(HeaderName::From, format_args!("{name} <sip:a@b>;tag=1")).named("X-Any", &value);
        writer.body("application/sdp", &body);
        let message = Message::parse(&out).unwrap();
        prop_assert_eq!(message.defect, None);
        prop_assert_eq!(message.body(), body.as_slice());
        let from = NameAddr::parse(message.value(HeaderName::From).unwrap()).unwrap();
        prop_assert_eq!(from.tag(), Some("1"));
        let mut again = Vec::new();
        let mut writer = Writer::request(&mut again, "INVITE", "sip:a@b");
        for field in message.fields().iter().take(2) {
            match field.name {
                HeaderName::Other => writer.named("X-Any", String::from_utf8_lossy(field.value)),
                name => writer.copied(name, field.value),
            };
        }
        writer.body("application/sdp", message.body());
        let message = Message::parse(&again).unwrap();
        let mut third = Vec::new();
        let mut writer = Writer::request(&mut third, "INVITE", "sip:a@b");
        for field in message.fields().iter().take(2) {
            match field.name {
                HeaderName::Other => writer.named("X-Any", String::from_utf8_lossy(field.value)),
                name => writer.copied(name, field.value),
            };
        }
        writer.body("application/sdp", message.body());
        prop_assert_eq!(again, third);
    }

    #[test]
    fn no_description_makes_the_negotiation_panic_and_each_prints_as_it_was_read(bytes in nearly_sdp()) {
        let Ok(description) = SessionDescription::parse(&bytes) else { return Ok(()) };
        let printed = description.to_bytes();
        let again = SessionDescription::parse(&printed).map(|again| again.to_bytes());
        prop_assert_eq!(again, Ok(printed));
        let _ = sdp::accept_answer(&sdp::offer(&local()), &description);
        if let Ok((answer, _)) = sdp::answer(&description, &local()) {
            prop_assert_eq!(answer.media.len(), description.media.len());
            prop_assert_eq!(answer.media.iter().filter(|media| media.port != 0).count(), 1);
        }
    }
}
