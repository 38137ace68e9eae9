//! Peers that are not our own endpoint: hand-written messages, forks, challenges where none belong, requests out of place.
#![cfg(test)]

mod bed;

use bed::raw::{
    CHALLENGE, answer_from, codes, credentials, leaked, raw_call, raw_callee, request, sdp_invite, to_tag,
};
use bed::{A, ANSWER, B, Bed, OFFER, RAW, answer_at_once, call_to, hang_up, header, response_to};
use sip::{CallKey, Direction, Event, Order, Output};

#[test]
fn requests_without_a_call_get_their_code() {
    let check = |method: &str, to_tag: &str, more: &str, body: &str, wanted: &str, holds: &str| {
        let mut bed = Bed::new(1);
        bed.inject(B, RAW, &request(method, "1", 1, to_tag, more, body));
        assert_eq!(codes(&bed), [wanted], "{method} {more}");
        let text = bed.packets[0].1.text();
        assert!(text.contains(holds), "{holds} in {text}");
        assert!(text.contains(";tag="), "a To tag in {text}");
        assert_eq!(bed.peers[B].endpoint.load(), sip::Load::default(), "no memory of {method}");
        bed.inject(B, RAW, &request(method, "1", 1, to_tag, more, body));
        assert_eq!(bed.packets[1].1.text(), text, "the same answer to the same request");
    };
    let sdp = "Content-Type: application/sdp\r\n";
    check("BYE", "x", "", "", "481 BYE", "");
    check("BYE", "", "", "", "481 BYE", "");
    check("INFO", "x", "", "", "481 INFO", "");
    check("INVITE", "x", "", "", "481 INVITE", "");
    check("CANCEL", "", "", "", "481 CANCEL", "");
    check("OPTIONS", "", "", "", "200 OPTIONS", "Accept: application/sdp");
    check("OPTIONS", "", "Max-Forwards: 0\r\n", "", "200 OPTIONS", "Allow: INVITE");
    check("OPTIONS", "x", "", "", "481 OPTIONS", "");
    check("REGISTER", "", "", "", "405 REGISTER", "Allow: INVITE");
    check("REFER", "x", "", "", "481 REFER", "");
    check("NOTIFY", "", "", "", "481 NOTIFY", "");
    check("SUBSCRIBE", "x", "", "", "405 SUBSCRIBE", "Allow: INVITE");
    check("BOGUS", "", "", "", "501 BOGUS", "Allow: INVITE");
    check("INVITE", "", "Require: 100rel, x-y, z\r\n", "", "420 INVITE", "Unsupported: x-y, z");
    check("UPDATE", "x", "Require: x-y\r\n", "", "420 UPDATE", "Unsupported: x-y");
    check("INVITE", "", "Max-Forwards: 0\r\n", "", "483 INVITE", "");
    check("INVITE", "", "Max-Forwards: 256\r\n", "", "400 INVITE", "");
    check("INVITE", "", "Contact: <sip:a@b;;\r\n", "", "400 INVITE", "Malformed Contact");
    check("INVITE", "", "Content-Type: text/plain\r\n", "x", "415 INVITE", "Accept: application/sdp");
    check(
        "INVITE",
        "",
        &format!("{sdp}Content-Encoding: gzip\r\n"),
        "x",
        "415 INVITE",
        "Accept-Encoding: identity",
    );
}

#[test]
fn an_ack_is_never_answered() {
    let mut bed = Bed::new(2);
    bed.inject(B, RAW, &request("ACK", "1", 1, "x", "", ""));
    bed.inject(B, RAW, &request("ACK", "1", 1, "", "Max-Forwards: x\r\n", ""));
    assert!(bed.packets.is_empty());
}

#[test]
fn the_same_invite_by_another_way_is_a_loop() {
    let mut bed = Bed::new(3);
    bed.inject(B, RAW, &sdp_invite("1", 1, ""));
    bed.inject(B, RAW, &sdp_invite("2", 1, ""));
    assert_eq!(codes(&bed), ["100 INVITE", "482 INVITE"]);
    assert_eq!(bed.heard(B), ["incoming"]);
}

#[test]
fn a_full_endpoint_says_so_and_serves_what_it_has() {
    let mut bed = Bed::new(4);
    let address = "127.0.0.1:5090".parse().unwrap();
    let mut config = bed::config(address);
    config.limits.calls_max = 1;
    let full = bed.add(config, address, [9; 32]);
    bed.inject(full, RAW, &sdp_invite("1", 1, ""));
    let second = sdp_invite("2", 1, "").replace("raw-call", "other-call");
    bed.inject(full, RAW, &second);
    assert_eq!(codes(&bed), ["100 INVITE", "503 INVITE"]);
    assert!(bed.packets[1].1.text().contains("Retry-After: "));
    let now = bed.now;
    let order = Order::Invite { key: CallKey(1), call: Box::new(call_to(RAW)) };
    assert_eq!(bed.peers[full].endpoint.handle_order(order, now), Err(sip::OrderError::Full));
    bed.inject(full, RAW, &request("CANCEL", "1", 1, "", "", ""));
    assert_eq!(codes(&bed)[2..], ["200 CANCEL", "487 INVITE"]);
}

#[test]
fn a_cseq_gap_is_fine_and_a_lower_one_is_not() {
    let (mut bed, tag) = raw_call(5);
    bed.inject(B, RAW, &request("OPTIONS", "3", 500, &tag, "", ""));
    bed.inject(B, RAW, &request("INFO", "4", 499, &tag, "", ""));
    bed.inject(B, RAW, &request("BYE", "5", 1_000, &tag, "Reason: Q.850;cause=31\r\n", ""));
    assert_eq!(codes(&bed)[3..], ["200 OPTIONS", "500 INFO", "200 BYE"]);
    let Some((_, Event::Ended { q850: Some(q850), .. })) = bed.peers[B].events.last() else { panic!() };
    assert_eq!(q850.cause, 31);
    bed.inject(B, RAW, &request("BYE", "6", 1_001, &tag, "", ""));
    assert_eq!(codes(&bed).last().map(String::as_str), Some("481 BYE"), "a late BYE");
    bed.run_out();
}

#[test]
fn requests_of_another_party_are_not_of_the_call() {
    let (mut bed, tag) = raw_call(6);
    let other_call = request("BYE", "3", 2, &tag, "", "").replace("raw-call", "guessed");
    bed.inject(B, RAW, &other_call);
    bed.inject(B, RAW, &request("BYE", "4", 2, &tag, "", "").replace("tag=raw", "tag=cooked"));
    assert_eq!(codes(&bed)[3..], ["481 BYE", "481 BYE"]);
    assert!(!bed.heard(B).contains(&"ended Remote".to_owned()));
}

#[test]
fn digits_come_by_info_once_each() {
    let (mut bed, tag) = raw_call(7);
    let relay = "Content-Type: application/dtmf-relay\r\n";
    let info = request("INFO", "3", 2, &tag, relay, "Signal=5\r\nDuration=160\r\n");
    bed.inject(B, RAW, &info);
    bed.inject(B, RAW, &info);
    bed.inject(B, RAW, &request("INFO", "4", 3, &tag, "Content-Type: text/plain\r\n", "hello"));
    bed.inject(B, RAW, &request("INFO", "5", 4, &tag, "", ""));
    assert_eq!(bed.heard(B)[2..], ["digit 5 Some(160)"]);
    assert_eq!(codes(&bed)[3..], ["200 INFO", "200 INFO", "415 INFO", "200 INFO"]);
}

#[test]
fn methods_out_of_place_within_a_call_are_refused_and_leave_it_alone() {
    let (mut bed, tag) = raw_call(8);
    bed.inject(B, RAW, &request("REFER", "3", 2, &tag, "", ""));
    bed.inject(B, RAW, &request("BOGUS", "4", 3, &tag, "", ""));
    bed.inject(B, RAW, &request("INVITE", "5", 4, &tag, "Require: x-y\r\n", ""));
    bed.inject(B, RAW, &request("INVITE", "6", 5, &tag, "Content-Type: text/plain\r\n", "x"));
    bed.inject(B, RAW, &request("NOTIFY", "7", 6, &tag, "Event: refer\r\n", ""));
    bed.inject(B, RAW, &request("NOTIFY", "8", 7, &tag, "Event: presence\r\n", ""));
    bed.inject(B, RAW, &request("PRACK", "9", 8, &tag, "RAck: 1 1 INVITE\r\n", ""));
    bed.inject(B, RAW, &request("INFO", "a", 9, &tag, "Info-Package: x\r\n", ""));
    let wanted = [
        "400 REFER",
        "501 BOGUS",
        "420 INVITE",
        "415 INVITE",
        "481 NOTIFY",
        "489 NOTIFY",
        "481 PRACK",
        "469 INFO",
    ];
    assert_eq!(codes(&bed)[3..], wanted);
    assert!(bed.peers[B].endpoint.dialog_snapshot(bed.incoming(B)).is_some());
}

#[test]
fn a_reinvite_meets_one_under_way_and_can_be_taken_back() {
    let (mut bed, tag) = raw_call(9);
    bed.behave(B, |_| Vec::new());
    bed.inject(B, RAW, &sdp_invite("3", 2, &tag));
    bed.inject(B, RAW, &sdp_invite("4", 3, &tag));
    assert_eq!(codes(&bed)[3..], ["100 INVITE", "500 INVITE"]);
    assert!(bed.packets.last().unwrap().1.text().contains("Retry-After: "));
    bed.inject(B, RAW, &request("CANCEL", "3", 2, &tag, "", ""));
    assert_eq!(codes(&bed)[5..], ["200 CANCEL", "487 INVITE"]);
    assert_eq!(bed.heard(B)[2..], ["reinvite sdp", "reinvite canceled"]);
    let key = bed.incoming(B);
    bed.order(B, Order::Reinvite { key, sdp: OFFER.to_vec() });
    bed.inject(B, RAW, &sdp_invite("5", 4, &tag));
    assert_eq!(codes(&bed).last().map(String::as_str), Some("491 INVITE"), "glare");
}

#[test]
fn our_requests_follow_the_peer_where_its_reinvite_says_it_is() {
    let (mut bed, tag) = raw_call(23);
    bed.inject(
        B,
        RAW,
        &sdp_invite("3", 2, &tag)
            .replace("Contact: <sip:raw@127.0.0.1:6000>", "Contact: <sip:moved@127.0.0.1:6009>"),
    );
    bed.inject(B, RAW, &request("ACK", "4", 2, &tag, "", ""));
    bed.order(B, hang_up(bed.incoming(B)));
    let (_, bye) = bed.packets.last().unwrap();
    assert_eq!(bye.to.to_string(), "127.0.0.1:6009");
    assert!(bye.text().starts_with("BYE sip:moved@127.0.0.1:6009 SIP/2.0\r\n"), "{}", bye.text());
}

#[test]
fn a_peer_that_forgot_the_call_ends_it() {
    for (status, ended) in [("481 Gone", true), ("408 Timeout", true), ("500 Later", false)] {
        let (mut bed, invite) = raw_callee(24, None);
        bed.inject(A, RAW, &answer_from(&invite, "one", ""));
        bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
        let reinvite = bed.last("A INVITE");
        bed.inject(A, RAW, &response_to(&reinvite, status, "one", "", ""));
        assert_eq!(bed.heard(A).contains(&"ended Remote".to_owned()), ended, "{status}");
        assert_eq!(bed.count("A BYE"), usize::from(ended), "{status}");
    }
}

#[test]
fn our_offer_in_a_200_is_answered_in_the_ack() {
    let mut bed = Bed::new(10);
    bed.behave(B, answer_at_once);
    bed.inject(B, RAW, &request("INVITE", "1", 1, "", &format!("Contact: <sip:raw@{RAW}>\r\n"), ""));
    let tag = to_tag(&bed.last("B 200 INVITE"));
    let answer = std::str::from_utf8(ANSWER).unwrap();
    bed.inject(B, RAW, &request("ACK", "2", 1, &tag, "Content-Type: application/sdp\r\n", answer));
    assert_eq!(bed.heard(B), ["incoming", "acknowledged sdp"]);
}

/// §18.2.2: the caller sends from a port that it does not listen at, and names the other in its Via.
#[test]
fn every_response_goes_where_the_via_says_and_to_the_source_with_rport() {
    let check = |rport: &str, wanted: &str| {
        let mut bed = Bed::new(27);
        bed.behave(B, |event| match event {
            Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 180, sdp: None }],
            _ => Vec::new(),
        });
        let from = "127.0.0.1:49999";
        let with = |text: String| text.replacen(";branch", &format!("{rport};branch"), 1);
        bed.inject(B, from, &with(sdp_invite("1", 1, "")));
        bed.inject(B, from, &with(sdp_invite("1", 1, "")));
        bed.order(B, Order::Answer { key: bed.incoming(B), sdp: ANSWER.to_vec() });
        bed.run_ms(600);
        let tag = to_tag(&bed.last("B 200 INVITE"));
        bed.inject(B, from, &with(request("ACK", "2", 1, &tag, "", "")));
        bed.inject(B, from, &with(request("OPTIONS", "3", 2, &tag, "", "")));
        bed.inject(B, from, &with(request("BYE", "4", 3, &tag, "", "")));
        bed.inject(B, from, &with(request("BYE", "4", 3, &tag, "", "")));
        let sent = ["100", "180", "180", "200", "200", "200", "200", "200"];
        let codes = codes(&bed);
        assert!(codes.iter().map(|code| &code[..3]).eq(sent), "{codes:?}");
        assert!(bed.packets.iter().all(|(_, packet)| packet.to.to_string() == wanted), "{:?}", bed.packets);
        bed.run_out();
    };
    check("", RAW);
    check(";rport", "127.0.0.1:49999");
}

#[test]
fn a_refusal_is_repeated_where_the_via_says() {
    let mut bed = Bed::new(28);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => {
            vec![Order::Reject { key: *key, rejection: sip::Rejection::with_code(486) }]
        }
        _ => Vec::new(),
    });
    bed.inject(B, "127.0.0.1:49999", &sdp_invite("1", 1, ""));
    bed.run_ms(1_600);
    assert_eq!(codes(&bed), ["100 INVITE", "486 INVITE", "486 INVITE", "486 INVITE"]);
    assert!(bed.packets.iter().all(|(_, packet)| packet.to.to_string() == RAW), "{:?}", bed.packets);
}

#[test]
fn a_caller_may_say_bye_before_the_answer() {
    let mut bed = Bed::new(11);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 180, sdp: None }],
        _ => Vec::new(),
    });
    bed.inject(B, RAW, &sdp_invite("1", 1, ""));
    let tag = to_tag(&bed.last("B 180 INVITE"));
    bed.inject(B, RAW, &request("BYE", "2", 2, &tag, "", ""));
    assert_eq!(codes(&bed)[2..], ["200 BYE", "487 INVITE"]);
    assert_eq!(bed.heard(B), ["incoming", "canceled Remote"]);
}

#[test]
fn a_bye_instead_of_the_ack_stops_the_answer() {
    let mut bed = Bed::new(22);
    bed.behave(B, answer_at_once);
    bed.inject(B, RAW, &sdp_invite("1", 1, ""));
    let tag = to_tag(&bed.last("B 200 INVITE"));
    bed.inject(B, RAW, &request("BYE", "2", 2, &tag, "", ""));
    let load = bed.peers[B].endpoint.load();
    assert_eq!((load.calls, load.transactions, load.timers), (0, 2, 2), "only L and J run");
    bed.run_out();
    assert_eq!(bed.count("B 200 INVITE"), 1);
}

#[test]
fn a_peer_of_rfc_2543_without_branch_and_tag_is_served() {
    let mut bed = Bed::new(12);
    bed.behave(B, answer_at_once);
    let old = |text: String| text.replace(";branch=z9hG4bK1", "").replace(";tag=raw", "");
    bed.inject(B, RAW, &old(sdp_invite("1", 1, "")));
    bed.inject(B, RAW, &old(sdp_invite("1", 1, "")));
    let tag = to_tag(&bed.last("B 200 INVITE"));
    bed.inject(B, RAW, &old(request("ACK", "1", 1, &tag, "", "")));
    bed.inject(B, RAW, &old(request("BYE", "1", 2, &tag, "", "")));
    assert_eq!(bed.heard(B), ["incoming", "acknowledged", "ended Remote"]);
    bed.run_out();
}

#[test]
fn of_several_forks_the_first_to_answer_wins_and_the_others_get_bye() {
    let (mut bed, invite) = raw_callee(13, None);
    bed.inject(A, RAW, &response_to(&invite, "180 Ringing", "one", "", ""));
    bed.inject(
        A,
        RAW,
        &response_to(&invite, "183 Session Progress", "two", "", std::str::from_utf8(ANSWER).unwrap()),
    );
    bed.inject(A, RAW, &response_to(&invite, "180 Ringing", "one", "", ""));
    bed.inject(A, RAW, &answer_from(&invite, "two", ""));
    bed.inject(A, RAW, &answer_from(&invite, "one", ""));
    bed.inject(A, RAW, &answer_from(&invite, "one", ""));
    bed.inject(A, RAW, &answer_from(&invite, "two", ""));
    assert_eq!(bed.heard(A), ["180 fork 0", "183 fork 1 sdp", "180 fork 0", "answered fork 1"]);
    assert_eq!(bed.wire(), ["A INVITE", "A ACK", "A ACK", "A BYE", "A ACK", "A ACK"]);
    let tags: Vec<_> = bed.packets[1..].iter().map(|(_, packet)| to_tag(&packet.text())).collect();
    assert_eq!(tags, ["two", "one", "one", "one", "two"]);
    assert!(bed.peers[A].endpoint.has_call(CallKey(1)));
}

#[test]
fn routes_are_followed_in_reverse() {
    let (mut bed, invite) = raw_callee(14, None);
    let routes =
        "Record-Route: <sip:127.0.0.1:6001;lr>, <sip:127.0.0.1:6002;lr>\r\nRecord-Route: <sip:p3;lr>\r\n";
    bed.inject(A, RAW, &answer_from(&invite, "one", routes));
    let (_, ack) = bed.packets.last().unwrap();
    assert_eq!(ack.to.to_string(), RAW, "p3 is a name: back to where the INVITE went");
    let text = ack.text();
    assert!(text.starts_with(&format!("ACK sip:one@{RAW} SIP/2.0\r\n")), "{text}");
    let routes: Vec<_> = text.lines().filter(|line| line.starts_with("Route: ")).collect();
    assert_eq!(
        routes,
        ["Route: <sip:p3;lr>", "Route: <sip:127.0.0.1:6002;lr>", "Route: <sip:127.0.0.1:6001;lr>"]
    );
}

#[test]
fn the_ack_to_a_refused_reinvite_takes_the_reinvites_way() {
    let (mut bed, invite) = raw_callee(28, None);
    bed.inject(A, RAW, &answer_from(&invite, "one", "Record-Route: <sip:127.0.0.1:6001;lr>\r\n"));
    bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
    let reinvite = bed.last("A INVITE");
    bed.inject(A, RAW, &response_to(&reinvite, "488 No", "one", "", ""));
    let (_, ack) = bed.packets.last().unwrap();
    assert_eq!((ack.name().as_str(), ack.to.to_string().as_str()), ("ACK", "127.0.0.1:6001"));
    for name in ["Via", "Route", "To", "From", "Call-ID"] {
        assert_eq!(header(&ack.text(), name), header(&reinvite, name), "{name}");
    }
}

#[test]
fn credentials_sent_to_us_are_masked_in_the_trace_too() {
    let mut config = bed::config("127.0.0.1:5090".parse().unwrap());
    config.trace = true;
    let mut endpoint = sip::Endpoint::new(config, [3; 32]);
    let invite = sdp_invite("1", 1, "").replace("Contact", "Authorization: Digest response=\"x\"\r\nContact");
    endpoint.handle_datagram(RAW.parse().unwrap(), invite.as_bytes(), Bed::new(1).now);
    let Some(Output::Trace { bytes, key, direction, .. }) = endpoint.poll() else { panic!() };
    assert_eq!((direction, key.is_some_and(CallKey::is_incoming)), (Direction::In, true));
    let shown = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(shown, invite.replace("Digest response=\"x\"", "***"));
}

#[test]
fn a_response_that_fits_nothing_is_dropped() {
    let (mut bed, invite) = raw_callee(15, None);
    let good = response_to(&invite, "180 Ringing", "one", "", "");
    let via = header(&invite, "Via");
    bed.inject(A, RAW, &good.replace("branch=z9hG4bK", "branch=z9hG4bKx"));
    bed.inject(A, RAW, &good.replace("branch=z9hG4bK1.", "branch=z9hG4bK1.0"));
    bed.inject(A, RAW, &good.replace("1 INVITE", "1 BYE"));
    bed.inject(A, RAW, &good.replace(&format!("Via: {via}"), &format!("Via: {via}\r\nVia: {via}")));
    bed.inject(A, RAW, &good.replace("180 Ringing", "999 Odd"));
    bed.inject(A, RAW, &good.replace("CSeq: 1", "CSeq: x"));
    bed.inject(A, RAW, &good.replace("Content-Length: 0", "Content-Length: 9"));
    assert!(bed.heard(A).is_empty());
    bed.inject(A, RAW, &good);
    assert_eq!(bed.heard(A), ["180 fork 0"]);
}

#[test]
fn credentials_go_only_where_the_invite_went_and_before_anybody_rang() {
    let check = |from: &str, rang: bool, wanted: bool| {
        let (mut bed, invite) = raw_callee(16, credentials());
        if rang {
            bed.inject(A, RAW, &response_to(&invite, "180 Ringing", "one", "", ""));
        }
        bed.inject(A, from, &response_to(&invite, "401 Unauthorized", "one", CHALLENGE, ""));
        assert_eq!(leaked(&bed), wanted, "{from} {rang}");
    };
    check(RAW, false, true);
    check("203.0.113.9:5060", false, false);
    check(RAW, true, false);
}

#[test]
fn a_challenge_to_a_bye_a_reinvite_or_options_gets_no_credentials() {
    let (mut bed, invite) = raw_callee(17, credentials());
    bed.inject(A, RAW, &answer_from(&invite, "one", ""));
    bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
    let reinvite = bed.last("A INVITE");
    bed.inject(A, RAW, &response_to(&reinvite, "401 Unauthorized", "one", CHALLENGE, ""));
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("reinvite failed 401"));
    bed.order(A, hang_up(CallKey(1)));
    let bye = bed.last("A BYE");
    bed.inject(A, RAW, &response_to(&bye, "407 Proxy Authentication Required", "one", CHALLENGE, ""));
    let hop = RAW.parse::<std::net::SocketAddr>().unwrap().into();
    bed.order(A, Order::Options { ping: 1, uri: format!("sip:{RAW}"), destination: hop });
    let options = bed.last("A OPTIONS");
    bed.inject(A, RAW, &response_to(&options, "401 Unauthorized", "one", CHALLENGE, ""));
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("options 1 Some(401)"));
    bed.run_out();
    assert!(!leaked(&bed));
}

#[test]
fn a_stale_nonce_is_answered_again_and_a_refused_one_is_not() {
    let check = |again: &str, invites: usize| {
        let (mut bed, invite) = raw_callee(18, credentials());
        bed.inject(A, RAW, &response_to(&invite, "401 Unauthorized", "x", CHALLENGE, ""));
        for round in 0..5 {
            let invite = bed.last("A INVITE");
            let again = again.replace("n1", &format!("m{round}"));
            bed.inject(A, RAW, &response_to(&invite, "401 Unauthorized", "x", &again, ""));
        }
        assert_eq!(
            (bed.count("A INVITE"), bed.heard(A).last().map(String::as_str)),
            (invites, Some("failed 401 Remote"))
        );
    };
    check(CHALLENGE, 2);
    check(&CHALLENGE.replace("qop", "stale=true, qop"), 4);
}

#[test]
fn the_answered_ack_carries_the_invites_credentials() {
    let (mut bed, invite) = raw_callee(19, credentials());
    bed.inject(A, RAW, &response_to(&invite, "401 Unauthorized", "x", CHALLENGE, ""));
    let invite = bed.last("A INVITE");
    bed.inject(A, RAW, &answer_from(&invite, "one", ""));
    let ack = bed.last("A ACK");
    assert_eq!(header(&ack, "Authorization"), header(&invite, "Authorization"));
    assert_eq!(header(&ack, "CSeq"), "2 ACK");
}

#[test]
fn the_trace_shows_every_message_and_no_credentials() {
    let mut bed = Bed::new(20);
    let address = "127.0.0.1:5090".parse().unwrap();
    let mut config = bed::config(address);
    config.trace = true;
    let mut endpoint = sip::Endpoint::new(config, [3; 32]);
    let mut call = call_to(RAW);
    call.credentials = credentials();
    let now = bed.now;
    endpoint.handle_order(Order::Invite { key: CallKey(1), call: Box::new(call) }, now).unwrap();
    let mut traced = Vec::new();
    let mut drain = |endpoint: &mut sip::Endpoint| {
        let mut sent = Vec::new();
        while let Some(output) = endpoint.poll() {
            match output {
                Output::Send { bytes, .. } => sent.push(String::from_utf8(bytes.to_vec()).unwrap()),
                Output::Trace { key, direction, bytes, .. } => {
                    assert_eq!(key, Some(CallKey(1)));
                    traced.push((direction, String::from_utf8(bytes.to_vec()).unwrap()));
                }
                Output::Event(_) => {}
            }
        }
        sent
    };
    let invite = drain(&mut endpoint).remove(0);
    let challenge = response_to(&invite, "401 Unauthorized", "x", CHALLENGE, "");
    endpoint.handle_datagram(RAW.parse().unwrap(), challenge.as_bytes(), now);
    let sent = drain(&mut endpoint);
    assert!(sent[1].contains("Authorization: Digest username=\"al\""));
    let shown: Vec<_> = traced
        .iter()
        .map(|(direction, text)| (*direction, text.split(' ').take(2).next().unwrap().to_owned()))
        .collect();
    let out = |name: &str| (Direction::Out, name.to_owned());
    assert_eq!(shown, [out("INVITE"), (Direction::In, "SIP/2.0".into()), out("ACK"), out("INVITE")]);
    assert!(traced[3].1.contains("Authorization: ***\r\n") && !traced[3].1.contains("response="));
    bed.run_ms(0);
}

#[test]
fn rubbish_is_dropped_without_an_answer() {
    let mut bed = Bed::new(21);
    for rubbish in
        ["", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\0\0\0", "SIP/2.0", "SIP/2.0 200 OK\r\n\r\n", "INVITE"]
    {
        bed.inject(B, RAW, rubbish);
    }
    assert!(bed.packets.is_empty() && bed.heard(B).is_empty());
}

#[test]
fn a_flood_within_a_call_meets_the_limit_and_bye_still_gets_through() {
    let mut bed = Bed::new(25);
    let address = "127.0.0.1:5090".parse().unwrap();
    let mut config = bed::config(address);
    config.limits.transactions_max = 10;
    let small = bed.add(config, address, [9; 32]);
    bed.behave(small, answer_at_once);
    bed.inject(small, RAW, &sdp_invite("1", 1, ""));
    let tag = to_tag(&bed.packets.last().unwrap().1.text());
    bed.inject(small, RAW, &request("ACK", "2", 1, &tag, "", ""));
    for cseq in 2..50 {
        bed.inject(small, RAW, &request("INFO", &format!("f{cseq}"), cseq, &tag, "", ""));
    }
    assert!(bed.peers[small].endpoint.load().transactions <= 10);
    assert_eq!(codes(&bed).last().map(String::as_str), Some("503 INFO"));
    bed.inject(small, RAW, &request("BYE", "3", 99, &tag, "", ""));
    assert_eq!(codes(&bed).last().map(String::as_str), Some("200 BYE"));
}

#[test]
fn debug_shows_no_number_and_no_credentials() {
    let (mut bed, invite) = raw_callee(26, credentials());
    bed.inject(A, RAW, &response_to(&invite, "401 Unauthorized", "x", CHALLENGE, ""));
    let mut call = call_to(RAW);
    call.credentials = credentials();
    let order = Order::Invite { key: CallKey(2), call: Box::new(call) };
    let mut shown = format!("{:?} {order:?}", bed.peers[A].endpoint);
    let now = bed.now;
    bed.peers[A].endpoint.handle_order(order, now).unwrap();
    while let Some(output) = bed.peers[A].endpoint.poll() {
        shown.push_str(&format!("{output:?}"));
    }
    let (mut talking, invite) = raw_callee(27, None);
    talking.inject(A, RAW, &answer_from(&invite, "one", ""));
    shown.push_str(&format!("{:?}", talking.peers[A].endpoint.dialog_snapshot(CallKey(1))));
    talking.inject(B, RAW, &sdp_invite("1", 1, ""));
    shown.push_str(&format!("{:?} {:?}", talking.peers[A].events, talking.peers[B].events));
    for secret in ["secret", "response", "5550100", "5550101"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
