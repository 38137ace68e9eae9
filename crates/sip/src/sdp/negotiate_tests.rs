//! Offer/answer as tables: an offer in few words, what comes of it.

use super::super::codec::encoding_name;
use super::super::{Origin, offer, reoffer};
use super::*;
use model::srtp::{SrtpKey, SrtpPolicy, SrtpSuite};

fn local() -> LocalAudio {
    let codecs = vec![Codec::Pcmu, Codec::Pcma];
    LocalAudio::new("192.0.2.9:4000".parse().unwrap(), codecs, Origin::new(77))
}

/// `|` breaks lines; `~` stands for a bar.
fn sdp(lines: &str) -> SessionDescription {
    let text = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n{lines}");
    SessionDescription::parse(text.replace('|', "\r\n").replace('~', "|").as_bytes()).unwrap()
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
fn opus_that_takes_less_than_we_send_comes_last() {
    let check = |formats: &str, parameters: &str, wanted: &str| {
        let codecs = vec![Codec::Opus, Codec::Pcma];
        let local = LocalAudio::new("192.0.2.9:4000".parse().unwrap(), codecs, Origin::new(77));
        let offer =
            sdp(&format!("m=audio 10 RTP/AVP {formats}|a=rtpmap:96 opus/48000/2|a=fmtp:96 {parameters}"));
        let (_, agreed) = answer(&offer, &local).unwrap();
        assert_eq!(encoding_name(agreed.codec), wanted, "{formats} {parameters}");
    };
    check("96 8", "useinbandfec=1", "opus");
    check("96 8", "useinbandfec=1; maxaveragebitrate=24000", "opus");
    check("96 8", "minptime=10;maxaveragebitrate=16000;stereo=0", "PCMA");
    check("96", "maxaveragebitrate=16000", "opus");
    check("96 8", "maxaveragebitrate=much", "opus");
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
    check("m=audio 10 RTP/SAVP 0", "the audio stream is encrypted, which is switched off here");
    check("m=audio 10 UDP/TLS/RTP/SAVPF 0", "no audio stream");
    check("m=audio 10 RTP/AVP 0|c=IN IP6 2001:db8::1", "the audio stream's address is of another IP version");
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
        a=ptime:20\r\na=maxptime:60\r\na=recvonly\r\na=rtcp-mux\r\n";
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

#[test]
fn every_codec_is_offered_and_answered_with_what_belongs_to_it() {
    let all = vec![Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];
    let caller = LocalAudio { codecs: all, comfort_noise: true, ..local() };
    let offered = String::from_utf8(offer(&caller).to_bytes()).unwrap();
    let wanted = "m=audio 4000 RTP/AVP 111 9 8 0 13 101 102\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1;maxplaybackrate=16000;stereo=0;sprop-stereo=0\r\n\
        a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
        a=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\na=ptime:20\r\na=maxptime:60\r\n";
    assert!(offered.contains(wanted), "{offered}");
    let check = |spoken: &[Codec], prefer_ours, wanted: (Codec, u8, Option<u8>, Option<u8>)| {
        let codecs = spoken.to_vec();
        let callee = LocalAudio { codecs, prefer_ours, comfort_noise: true, ..local() };
        let (answered, there) = answer(&offer(&caller), &callee).unwrap();
        let here = accept_answer(&offer(&caller), &answered).unwrap();
        let got =
            |n: &Negotiated| (n.codec, n.payload_type, n.dtmf_payload_type, n.comfort_noise_payload_type);
        assert_eq!((got(&here), got(&there)), (wanted, wanted), "{spoken:?}");
    };
    check(&[Codec::Pcmu, Codec::Opus], false, (Codec::Opus, 111, Some(102), None));
    check(&[Codec::Pcmu, Codec::Opus], true, (Codec::Pcmu, 0, Some(101), Some(13)));
    check(&[Codec::G722], false, (Codec::G722, 9, Some(101), Some(13)));
    check(&[Codec::Pcmu, Codec::Pcma], false, (Codec::Pcma, 8, Some(101), Some(13)));
}

#[test]
fn packet_lengths_fit_the_codec() {
    let check = |codec: &str, lines: &str, wanted: u16| {
        let callee = LocalAudio { codecs: Codec::ALL.to_vec(), ..local() };
        let (_, agreed) = answer(&sdp(&format!("m=audio 10 RTP/AVP {codec}{lines}")), &callee).unwrap();
        assert_eq!(agreed.ptime_ms, wanted, "{codec} {lines}");
    };
    check("9", "", 20);
    check("9", "|a=ptime:30", 30);
    check("0", "|a=ptime:50", 40);
    check("0", "|a=ptime:0", 10);
    check("96|a=rtpmap:96 opus/48000/2", "|a=ptime:30", 20);
    check("96|a=rtpmap:96 OPUS/48000", "|a=ptime:60|a=maxptime:40", 40);
    check("96|a=rtpmap:96 opus/48000/2", "|a=ptime:3", 10);
}

fn keyed(srtp: SrtpPolicy, first: u8) -> LocalAudio {
    let key = |suite: SrtpSuite| SrtpKey::new(suite, &vec![first; SrtpKey::len_of(suite)]).unwrap();
    LocalAudio { srtp, srtp_keys: SrtpSuite::ALL.map(key).to_vec(), ..local() }
}

#[test]
fn both_ends_have_the_same_keys_or_none_by_their_policies() {
    use SrtpPolicy::{Off, Optional, Required};
    let check = |here: SrtpPolicy, there: SrtpPolicy, wanted: Result<bool, SdpRefusal>| {
        let (caller, callee) = (keyed(here, 1), keyed(there, 2));
        let got = answer(&offer(&caller), &callee).map(|(answered, at_callee)| {
            let at_caller = accept_answer(&offer(&caller), &answered).unwrap();
            let mirrored = at_callee.srtp.map(|keys| SrtpKeys { send: keys.receive, receive: keys.send });
            assert_eq!(at_caller.srtp, mirrored);
            if let Some(keys) = &at_caller.srtp {
                assert_eq!((keys.send.expose()[0], keys.receive.expose()[0]), (1, 2));
                assert_eq!(keys.send.suite(), SrtpSuite::AeadAes128Gcm);
            }
            at_caller.srtp.is_some()
        });
        assert_eq!(got, wanted, "{here:?} {there:?}");
    };
    check(Off, Off, Ok(false));
    check(Off, Optional, Ok(false));
    check(Off, Required, Err(SdpRefusal::NotEncrypted));
    check(Optional, Off, Ok(false));
    check(Optional, Optional, Ok(true));
    check(Optional, Required, Ok(true));
    check(Required, Off, Err(SdpRefusal::Encrypted));
    check(Required, Optional, Ok(true));
    check(Required, Required, Ok(true));
}

#[test]
fn crypto_lines_are_understood_or_passed_over() {
    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let check = |lines: &str, wanted: &str| {
        let offer = sdp(&format!("m=audio 10 RTP/SAVP 0|{}", lines.replace("KEY", KEY)));
        let got = match answer(&offer, &keyed(SrtpPolicy::Optional, 2)) {
            Ok((answered, negotiated)) => {
                assert!(negotiated.srtp.is_some() && answered.media[0].protocol == "RTP/SAVP");
                let line = answered.media[0].attribute("crypto").unwrap().to_owned();
                line.split_once(" inline:").unwrap().0.to_owned()
            }
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(got, wanted, "{lines}");
    };
    check("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY", "1 AES_CM_128_HMAC_SHA1_80");
    check("a=crypto:7 aes_cm_128_hmac_sha1_32 INLINE:KEY~2^20", "7 AES_CM_128_HMAC_SHA1_32");
    check("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY~2^20~1:4", "no common crypto suite");
    check("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY;inline:KEY", "no common crypto suite");
    check("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTP", "no common crypto suite");
    check("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:KEY WSH=64 -x", "2 AES_CM_128_HMAC_SHA1_80");
    check("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KE", "no common crypto suite");
    check("a=crypto:1 F8_128_HMAC_SHA1_80 inline:KEY", "no common crypto suite");
    check("a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:KEY|a=crypto:1|a=crypto", "no common crypto suite");
    check(
        "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:KEY|a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:KEY",
        "2 AES_CM_128_HMAC_SHA1_80",
    );
    check("a=sendrecv", "no common crypto suite");
}

#[test]
fn keys_show_in_no_debug() {
    let caller = keyed(SrtpPolicy::Required, 1);
    let (answered, agreed) = answer(&offer(&caller), &keyed(SrtpPolicy::Required, 2)).unwrap();
    let shown = format!("{caller:?} {:?} {answered:?} {agreed:?}", offer(&caller));
    assert!(!shown.contains("inline") && !shown.contains("AQEB") && !shown.contains("1, 1"), "{shown}");
}

#[test]
fn an_answer_to_encryption_must_name_what_was_offered() {
    let required = offer(&keyed(SrtpPolicy::Required, 1));
    let optional = offer(&keyed(SrtpPolicy::Optional, 1));
    let check = |offer: &SessionDescription, answer: &str, wanted: Result<bool, SdpRefusal>| {
        let got = accept_answer(offer, &sdp(answer)).map(|agreed| agreed.srtp.is_some());
        assert_eq!(got, wanted, "{answer}");
    };
    let key = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let line = |tag: u32| format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 {key}");
    check(&required, &format!("m=audio 10 RTP/SAVP 0|{}", line(2)), Ok(true));
    check(&required, &format!("m=audio 10 RTP/SAVP 0|{}", line(1)), Err(SdpRefusal::NoCommonCrypto));
    check(&required, "m=audio 10 RTP/AVP 0", Err(SdpRefusal::NotEncrypted));
    check(&optional, "m=audio 10 RTP/AVP 0", Ok(false));
    check(&optional, &format!("m=audio 10 RTP/AVP 0|{}", line(2)), Ok(true));
    check(&offer(&local()), "m=audio 10 RTP/SAVP 0", Err(SdpRefusal::Encrypted));
}

#[test]
fn a_changed_session_keeps_its_places_its_numbers_and_counts_its_versions() {
    let first = sdp("m=video 8 RTP/AVP 31|m=audio 10 RTP/AVP 96 97|a=rtpmap:96 opus/48000/2|a=mid:0|\
        a=rtpmap:97 telephone-event/48000|m=text 12 RTP/AVP 98|a=bundle-only");
    let mut callee = LocalAudio { codecs: vec![Codec::Pcma, Codec::Opus], ..local() };
    let (answered, agreed) = answer(&first, &callee).unwrap();
    callee.payload_types = vec![(agreed.codec, agreed.receive_payload_type)];
    callee.direction = MediaDirection::SendOnly;
    let held = reoffer(&callee, &answered).after(Some(&answered));
    assert_eq!(held.origin.version, answered.origin.version + 1);
    let shape: Vec<_> = held.media.iter().map(|media| (media.kind.as_str(), media.port)).collect();
    assert_eq!(shape, [("video", 0), ("audio", 4_000), ("text", 0)]);
    assert_eq!(held.media[1].formats, ["8", "96", "101", "102"]);
    let again = reoffer(&callee, &held).after(Some(&held));
    assert_eq!(again, held, "nothing changed, so the version stays");
    let answer = sdp(
        "m=video 0 RTP/AVP 31|m=audio 10 RTP/AVP 96|a=rtpmap:96 opus/48000/2|a=recvonly|m=text 0 RTP/AVP 98",
    );
    let agreed = accept_answer(&held, &answer).unwrap();
    assert_eq!((agreed.codec, agreed.direction, agreed.held), (Codec::Opus, MediaDirection::SendOnly, false));
}

#[test]
fn both_styles_of_hold_are_seen() {
    let check = |lines: &str, held: bool| {
        let (_, agreed) = answer(&sdp(&format!("m=audio 10 RTP/AVP 0|{lines}")), &local()).unwrap();
        assert_eq!((agreed.held, agreed.direction.sends()), (held, !held), "{lines}");
    };
    check("a=sendrecv", false);
    check("a=recvonly", false);
    check("a=sendonly", true);
    check("a=inactive", true);
    check("c=IN IP4 0.0.0.0", true);
    check("c=IN IP6 ::", true);
}
