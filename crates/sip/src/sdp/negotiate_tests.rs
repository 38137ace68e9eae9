//! Offer/answer as tables: an offer in few words, what comes of it.

use super::super::codec::encoding_name;
use super::*;

fn local() -> LocalAudio {
    LocalAudio {
        address: "192.0.2.9:4000".parse().unwrap(),
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        ptime_ms: 20,
        dtmf_payload_type: Some(101),
        direction: MediaDirection::SendReceive,
        rtcp_mux: true,
        origin: Origin::new(77),
    }
}

fn sdp(lines: &str) -> SessionDescription {
    let text = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n{lines}");
    SessionDescription::parse(text.replace('|', "\r\n").as_bytes()).unwrap()
}

/// `codec/pt/dtmf direction ptime remote rtcp mux` in one line.
fn summary(n: &Negotiated) -> String {
    let dtmf = n.dtmf_payload_type.map_or("-".to_owned(), |number| number.to_string());
    format!(
        "{}/{}/{dtmf} {} {} {} {} {}",
        encoding_name(n.codec),
        n.payload_type,
        n.direction.as_str(),
        n.ptime_ms,
        n.remote,
        n.remote_rtcp,
        n.rtcp_mux
    )
}

#[test]
fn offers_are_answered() {
    let check = |offer: &str, wanted: &str| {
        let got = match answer(&sdp(offer), &local()) {
            Ok((_, negotiated)) => summary(&negotiated),
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(got, wanted, "{offer}");
    };
    check("m=audio 10 RTP/AVP 0", "PCMU/0/- sendrecv 20 198.51.100.1:10 198.51.100.1:11 false");
    check(
        "m=audio 10 RTP/AVP 18 8 0 96|a=rtpmap:96 telephone-event/8000",
        "PCMA/8/96 sendrecv 20 198.51.100.1:10 198.51.100.1:11 false",
    );
    check(
        "m=audio 10 RTP/AVP 97 98|a=rtpmap:97 telephone-event/16000|a=rtpmap:98 pcmu/8000/1|a=ptime:30",
        "PCMU/98/- sendrecv 30 198.51.100.1:10 198.51.100.1:11 false",
    );
    check(
        "m=audio 10 RTP/AVP 0|c=IN IP4 203.0.113.5|a=rtcp:99 IN IP4 203.0.113.6|a=sendonly|a=ptime:200",
        "PCMU/0/- recvonly 60 203.0.113.5:10 203.0.113.6:99 false",
    );
    check(
        "m=audio 10 RTP/AVP 0|a=rtcp-mux|a=recvonly|a=ptime:20|a=maxptime:15",
        "PCMU/0/- sendonly 10 198.51.100.1:10 198.51.100.1:10 true",
    );
    check("m=audio 10 RTP/AVP 0|c=IN IP4 0.0.0.0", "PCMU/0/- recvonly 20 0.0.0.0:10 0.0.0.0:11 false");
    check("m=audio 10 RTP/AVP 0|a=inactive", "PCMU/0/- inactive 20 198.51.100.1:10 198.51.100.1:11 false");
    check("m=audio 0 RTP/AVP 0", "no audio stream");
    check("m=video 10 RTP/AVP 31", "no audio stream");
    check("m=audio 10 RTP/SAVP 0", "no audio stream");
    check("", "no audio stream");
    check("m=audio 10 RTP/AVP 18 9", "no common codec");
    check("m=audio 10 RTP/AVP 0|a=rtpmap:0 G723/8000", "no common codec");
    check("m=audio 10 RTP/AVP 0|c=IN IP4 media.example.com", "the audio stream has no usable address");
}

#[test]
fn streams_we_do_not_take_are_refused_in_their_place() {
    let offer = sdp("m=video 8 RTP/AVP 31|m=audio 9 RTP/SAVP 0|m=audio 10 RTP/AVP 8|m=audio 12 RTP/AVP 0");
    let (answered, negotiated) = answer(&offer, &local()).unwrap();
    let ports: Vec<_> =
        answered.media.iter().map(|m| (m.kind.as_str(), m.protocol.as_str(), m.port)).collect();
    let wanted = [
        ("video", "RTP/AVP", 0),
        ("audio", "RTP/SAVP", 0),
        ("audio", "RTP/AVP", 4000),
        ("audio", "RTP/AVP", 0),
    ];
    assert_eq!(ports, wanted);
    assert_eq!(negotiated.codec, Codec::Pcma);
}

#[test]
fn an_answer_says_what_was_agreed() {
    let offer = sdp("m=audio 10 RTP/AVP 8 0 96|a=rtpmap:96 telephone-event/8000|a=sendonly|a=rtcp-mux");
    let (answered, _) = answer(&offer, &local()).unwrap();
    let wanted = "v=0\r\no=- 77 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\n\
        a=ptime:20\r\na=recvonly\r\na=rtcp-mux\r\n";
    assert_eq!(String::from_utf8(answered.to_bytes()).unwrap(), wanted);
}

#[test]
fn answers_to_our_offer_are_read() {
    let check = |answer: &str, wanted: &str| {
        let got = match accept_answer(&offer(&local()), &sdp(answer)) {
            Ok(negotiated) => summary(&negotiated),
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(got, wanted, "{answer}");
    };
    check("m=audio 10 RTP/AVP 8", "PCMA/8/- sendrecv 20 198.51.100.1:10 198.51.100.1:11 false");
    check(
        "m=audio 10 RTP/AVP 0 110|a=rtpmap:110 telephone-event/8000|a=rtcp-mux|a=recvonly",
        "PCMU/0/110 sendonly 20 198.51.100.1:10 198.51.100.1:10 true",
    );
    check("m=audio 0 RTP/AVP 0", "no audio stream");
    check("m=video 10 RTP/AVP 0", "the answer does not fit the offer: another kind of stream");
    check("", "the answer does not fit the offer: fewer streams than offered");
    check("m=audio 10 RTP/AVP 18", "no common codec");
}

#[test]
fn payload_types_may_differ_each_way() {
    let answer = sdp("m=audio 10 RTP/AVP 0 110|a=rtpmap:110 telephone-event/8000");
    let negotiated = accept_answer(&offer(&local()), &answer).unwrap();
    assert_eq!((negotiated.dtmf_payload_type, negotiated.receive_dtmf_payload_type), (Some(110), Some(101)));
}

#[test]
fn both_ends_agree_whatever_each_wants() {
    use MediaDirection::{Inactive, ReceiveOnly, SendOnly, SendReceive};
    let directions = [SendReceive, SendOnly, ReceiveOnly, Inactive];
    for (ours, theirs) in directions.into_iter().flat_map(|a| directions.map(|b| (a, b))) {
        let caller = LocalAudio { direction: ours, ..local() };
        let callee = LocalAudio { direction: theirs, address: "192.0.2.10:6000".parse().unwrap(), ..local() };
        let offered = offer(&caller);
        let (answered, at_callee) = answer(&offered, &callee).unwrap();
        let at_caller = accept_answer(&offered, &answered).unwrap();
        assert_eq!(at_caller.direction, at_callee.direction.reversed(), "{ours:?} {theirs:?}");
        assert_eq!((at_caller.remote, at_callee.remote), (callee.address, caller.address));
        assert_eq!(at_caller.codec, at_callee.codec);
    }
}

#[test]
fn a_new_description_of_a_session_has_the_next_version() {
    assert_eq!(Origin::new(7).next(), Origin { session_id: 7, version: 2 });
}
