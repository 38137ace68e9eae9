//! Reliable provisional responses and what happens in early dialogs (RFC 3262, RFC 3311), from both sides and with peers
//! written by hand.
#![cfg(test)]

mod bed;

use bed::raw::{codes, raw_callee, request, sdp_invite, to_tag};
use bed::{A, ANSWER, B, Bed, OFFER, RAW, give_answer, hang_up, header, invite, offerless, response_to};
use sip::{AnswerPlace, CallKey, Event, Order};

fn ring(key: CallKey, code: u16, sdp: Option<&[u8]>) -> Order {
    Order::Ring { key, code, sdp: sdp.map(<[u8]>::to_vec) }
}

fn answer(key: CallKey, sdp: &[u8]) -> Order {
    Order::Answer { key, sdp: sdp.to_vec() }
}

fn text(sdp: &[u8]) -> &str {
    std::str::from_utf8(sdp).unwrap()
}

#[test]
fn early_sound_is_acknowledged_and_the_answer_waits_for_that() {
    let mut bed = Bed::new(1);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => {
            vec![ring(*key, 183, Some(ANSWER)), ring(*key, 180, None), answer(*key, ANSWER)]
        }
        _ => Vec::new(),
    });
    bed.order(A, invite(1));
    bed.run_ms(100);
    let wanted = [
        "A INVITE",
        "B 100 INVITE",
        "B 183 INVITE",
        "B 180 INVITE",
        "A PRACK",
        "B 200 PRACK",
        "B 200 INVITE",
        "A ACK",
    ];
    assert_eq!(bed.wire(), wanted);
    let early = bed.last("B 183 INVITE");
    assert_eq!((header(&early, "Require").as_str(), header(&early, "RSeq").is_empty()), ("100rel", false));
    assert!(header(&early, "Allow").contains("UPDATE"));
    let prack = bed.last("A PRACK");
    assert_eq!(header(&prack, "RAck"), format!("{} 1 INVITE", header(&early, "RSeq")));
    assert_eq!(header(&prack, "CSeq"), "2 PRACK");
    assert!(!bed.last("B 200 INVITE").contains("v=0"), "what was said reliably is not repeated");
    assert_eq!(bed.heard(A), ["trying", "183 fork 0 sdp reliable", "180 fork 0", "answered fork 0"]);
    assert_eq!(bed.heard(B), ["incoming", "provisional acknowledged", "acknowledged"]);
    bed.order(A, hang_up(CallKey(1)));
    assert_eq!(header(&bed.last("A BYE"), "CSeq"), "3 BYE");
    bed.run_out();
}

#[test]
fn a_caller_who_requires_it_gets_every_response_reliably_one_after_the_other() {
    let mut bed = Bed::new(2);
    let invite = sdp_invite("1", 1, "").replace("Contact", "Require: 100rel\r\nContact");
    bed.inject(B, RAW, &invite);
    let key = bed.incoming(B);
    for code in [180, 181, 182] {
        bed.order(B, ring(key, code, None));
    }
    assert_eq!(codes(&bed), ["100 INVITE", "180 INVITE"]);
    let first = bed.last("B 180 INVITE");
    let (tag, rseq) = (to_tag(&first), header(&first, "RSeq").parse::<u32>().unwrap());
    let prack = |branch: &str, cseq, rack: &str| {
        request("PRACK", branch, cseq, &tag, &format!("RAck: {rack}\r\n"), "")
    };
    for (number, rack) in [
        (2, format!("{} 1 INVITE", rseq + 1)),
        (3, format!("{rseq} 2 INVITE")),
        (4, format!("{rseq} 1 UPDATE")),
        (5, "nonsense".to_owned()),
    ] {
        bed.inject(B, RAW, &prack(&number.to_string(), number, &rack));
    }
    assert_eq!(codes(&bed)[2..], ["481 PRACK", "481 PRACK", "481 PRACK", "400 PRACK"]);
    bed.inject(B, RAW, &prack("6", 6, &format!("{rseq} 1 INVITE")));
    bed.inject(B, RAW, &prack("6", 6, &format!("{rseq} 1 INVITE")));
    assert_eq!(
        codes(&bed)[6..],
        ["200 PRACK", "181 INVITE", "200 PRACK"],
        "a repeated PRACK is answered again"
    );
    bed.inject(B, RAW, &prack("7", 7, &format!("{} 1 INVITE", rseq + 1)));
    // The last one is not acknowledged when the answer comes: it has no description, so nothing waits.
    bed.order(B, answer(key, ANSWER));
    assert_eq!(codes(&bed)[9..], ["200 PRACK", "182 INVITE", "200 INVITE"]);
    bed.inject(B, RAW, &prack("8", 8, &format!("{} 1 INVITE", rseq + 2)));
    assert_eq!(codes(&bed).last().map(String::as_str), Some("200 PRACK"), "late, and still known");
    bed.inject(B, RAW, &prack("9", 9, &format!("{} 1 INVITE", rseq + 2)));
    assert_eq!(codes(&bed).last().map(String::as_str), Some("481 PRACK"));
}

#[test]
fn a_provisional_response_nobody_acknowledges_is_repeated_and_ends_the_call() {
    let mut bed = Bed::new(3);
    bed.lose(|packet| packet.name() == "PRACK");
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => vec![ring(*key, 183, Some(ANSWER)), answer(*key, ANSWER)],
        _ => Vec::new(),
    });
    bed.order(A, invite(1));
    bed.run_out();
    assert_eq!(bed.count("B 183 INVITE"), 7, "0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s");
    assert_eq!(bed.heard(A), ["trying", "183 fork 0 sdp reliable", "failed 504 Remote"]);
    assert_eq!(bed.heard(B), ["incoming", "canceled Timeout"]);
}

#[test]
fn what_the_callee_offers_early_is_answered_in_the_prack() {
    let mut bed = Bed::new(4);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => vec![ring(*key, 183, Some(OFFER))],
        _ => Vec::new(),
    });
    bed.order(A, offerless(1));
    bed.run_ms(2_000);
    assert_eq!(bed.heard(A), ["trying", "183 fork 0 reliable", "answer wanted Prack { fork: 0 }"]);
    assert!(bed.count("B 183 INVITE") > 1, "repeated until the application has an answer");
    give_answer(&mut bed, A, CallKey(1), AnswerPlace::Prack { fork: 0 });
    bed.run_ms(100);
    assert_eq!(bed.heard(B), ["incoming", "provisional acknowledged sdp"]);
    let key = bed.incoming(B);
    bed.order(B, answer(key, b""));
    bed.run_ms(100);
    assert_eq!(bed.heard(A)[3..], ["answered fork 0"]);
    assert_eq!(bed.heard(B)[2..], ["acknowledged"]);
    bed.order(B, hang_up(key));
    bed.run_out();
}

/// A hand-written caller that supports 100rel, rung with an acknowledged early answer; gives B's tag.
fn early(seed: u64) -> (Bed, String, CallKey) {
    let mut bed = Bed::new(seed);
    bed.inject(B, RAW, &sdp_invite("1", 1, "").replace("Contact", "Supported: 100rel\r\nContact"));
    let key = bed.incoming(B);
    bed.order(B, ring(key, 183, Some(ANSWER)));
    let early = bed.last("B 183 INVITE");
    let tag = to_tag(&early);
    let rack = format!("RAck: {} 1 INVITE\r\n", header(&early, "RSeq"));
    bed.inject(B, RAW, &request("PRACK", "2", 2, &tag, &rack, ""));
    (bed, tag, key)
}

const SDP: &str = "Content-Type: application/sdp\r\n";

#[test]
fn an_offer_in_a_prack_is_answered_in_its_200_and_holds_the_answer_back() {
    let mut bed = Bed::new(5);
    bed.inject(B, RAW, &sdp_invite("1", 1, "").replace("Contact", "Supported: 100rel\r\nContact"));
    let key = bed.incoming(B);
    bed.order(B, ring(key, 183, Some(ANSWER)));
    let early = bed.last("B 183 INVITE");
    let rack = format!("RAck: {} 1 INVITE\r\n{SDP}", header(&early, "RSeq"));
    bed.inject(B, RAW, &request("PRACK", "2", 2, &to_tag(&early), &rack, text(OFFER)));
    assert_eq!(bed.heard(B), ["incoming", "provisional acknowledged", "prack sdp"]);
    bed.order(B, answer(key, ANSWER));
    assert_eq!(codes(&bed).len(), 2, "the offer first");
    bed.order(B, Order::AnswerReinvite { key, sdp: ANSWER.to_vec() });
    assert_eq!(codes(&bed)[2..], ["200 PRACK", "200 INVITE"]);
    assert!(bed.last("B 200 PRACK").contains("v=0"));
}

#[test]
fn updates_before_the_answer_are_judged_by_what_is_open() {
    let (mut bed, tag, key) = early(6);
    let update = |branch: &str, cseq, body: &str| {
        let more = format!("Contact: <sip:moved@{RAW}>\r\n{}", if body.is_empty() { "" } else { SDP });
        request("UPDATE", branch, cseq, &tag, &more, body)
    };
    bed.inject(B, RAW, &update("3", 3, text(OFFER)));
    bed.inject(B, RAW, &update("4", 4, text(OFFER)));
    bed.inject(B, RAW, &update("5", 5, ""));
    assert_eq!(bed.heard(B)[2..], ["update sdp"]);
    assert_eq!(codes(&bed)[3..], ["500 UPDATE", "500 UPDATE"]);
    assert!(!header(&bed.last("B 500 UPDATE"), "Retry-After").is_empty());
    bed.order(B, Order::RejectReinvite { key, code: 488 });
    bed.inject(B, RAW, &update("6", 6, ""));
    assert_eq!(codes(&bed)[5..], ["488 UPDATE", "200 UPDATE"]);
    bed.inject(B, RAW, &update("7", 7, text(OFFER)));
    bed.order(B, Order::AnswerReinvite { key, sdp: ANSWER.to_vec() });
    assert!(bed.last("B 200 UPDATE").contains("v=0"));
    bed.order(B, answer(key, ANSWER));
    bed.inject(B, RAW, &request("ACK", "8", 1, &tag, "", ""));
    bed.order(B, hang_up(key));
    assert!(bed.last("B BYE").starts_with(&format!("BYE sip:moved@{RAW} ")), "the target was refreshed");
}

#[test]
fn an_update_before_offer_and_answer_are_exchanged_has_to_wait() {
    let mut bed = Bed::new(7);
    bed.inject(B, RAW, &sdp_invite("1", 1, ""));
    bed.order(B, ring(bed.incoming(B), 180, None));
    let tag = to_tag(&bed.last("B 180 INVITE"));
    bed.inject(B, RAW, &request("UPDATE", "2", 2, &tag, SDP, text(OFFER)));
    assert_eq!(codes(&bed)[2..], ["500 UPDATE"]);
    bed.inject(B, RAW, &request("UPDATE", "3", 3, &tag, "Content-Type: text/plain\r\n", "x"));
    assert_eq!(codes(&bed)[3..], ["415 UPDATE"]);
}

fn reliable_183(invite: &str, tag: &str, rseq: u32, body: &[u8]) -> String {
    let more = format!("Contact: <sip:{tag}@{RAW}>\r\nRequire: 100rel\r\nRSeq: {rseq}\r\nAllow: UPDATE\r\n");
    response_to(invite, "183 Session Progress", tag, &more, text(body))
}

/// A request of a hand-written callee to A.
fn to_caller(
    invite: &str,
    method: &str,
    branch: &str,
    cseq: u32,
    tag: &str,
    more: &str,
    body: &str,
) -> String {
    format!(
        "{method} sip:+15550100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {RAW};branch=z9hG4bK{branch}\r\nFrom: {};tag={tag}\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n{more}Content-Length: {}\r\n\r\n{body}",
        header(invite, "To"),
        header(invite, "From"),
        header(invite, "Call-ID"),
        body.len()
    )
}

#[test]
fn each_fork_has_its_own_numbers_and_repeated_or_early_responses_are_passed_over() {
    let (mut bed, invite) = raw_callee(8, None);
    bed.inject(A, RAW, &reliable_183(&invite, "one", 7, ANSWER));
    bed.inject(A, RAW, &reliable_183(&invite, "one", 7, ANSWER));
    bed.inject(A, RAW, &reliable_183(&invite, "two", 100, ANSWER));
    bed.inject(A, RAW, &reliable_183(&invite, "one", 9, b""));
    bed.inject(A, RAW, &reliable_183(&invite, "one", 8, b""));
    bed.inject(A, RAW, &reliable_183(&invite, "one", 9, b""));
    let told =
        ["183 fork 0 sdp reliable", "183 fork 1 sdp reliable", "183 fork 0 reliable", "183 fork 0 reliable"];
    assert_eq!(bed.heard(A), told);
    let pracks: Vec<_> = bed
        .packets
        .iter()
        .filter(|(_, packet)| packet.name() == "PRACK")
        .map(|(_, packet)| packet.text())
        .map(|text| (to_tag(&text), header(&text, "RAck"), header(&text, "CSeq")))
        .collect();
    let line = |tag: &str, rack: &str, cseq: &str| {
        (tag.to_owned(), format!("{rack} 1 INVITE"), format!("{cseq} PRACK"))
    };
    let wanted =
        [line("one", "7", "2"), line("two", "100", "2"), line("one", "8", "3"), line("one", "9", "4")];
    assert_eq!(pracks, wanted);
}

#[test]
fn the_callee_changes_an_early_session_by_update() {
    let (mut bed, invite) = raw_callee(9, None);
    let update =
        |branch: &str, cseq, tag: &str| to_caller(&invite, "UPDATE", branch, cseq, tag, SDP, text(OFFER));
    bed.inject(A, RAW, &response_to(&invite, "180 Ringing", "two", "", ""));
    bed.inject(A, RAW, &update("1", 1, "two"));
    assert_eq!(
        bed.last("A 491 UPDATE").len(),
        bed.packets.last().unwrap().1.bytes.len(),
        "our offer is open there"
    );
    bed.inject(A, RAW, &reliable_183(&invite, "one", 1, ANSWER));
    bed.inject(A, RAW, &update("2", 1, "one"));
    bed.inject(A, RAW, &update("3", 2, "one"));
    bed.inject(A, RAW, &update("4", 1, "nobody"));
    assert_eq!(bed.heard(A)[2..], ["earlyupdate { fork: 1 } sdp"]);
    assert_eq!((bed.count("A 500 UPDATE"), bed.count("A 481 UPDATE")), (1, 1));
    bed.order(A, Order::AnswerReinvite { key: CallKey(1), sdp: ANSWER.to_vec() });
    assert!(bed.last("A 200 UPDATE").contains("v=0"));
    // The other fork's answer finds an open offer of this one: it is refused, and the call is the other's.
    bed.inject(A, RAW, &update("5", 3, "one"));
    bed.inject(
        A,
        RAW,
        &response_to(&invite, "200 OK", "two", &format!("Contact: <sip:two@{RAW}>\r\n"), text(ANSWER)),
    );
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("answered fork 0"));
    assert_eq!(bed.count("A 481 UPDATE"), 2);
    bed.order(A, hang_up(CallKey(1)));
}

#[test]
fn the_bye_to_a_further_fork_is_newer_than_what_was_sent_there() {
    let (mut bed, invite) = raw_callee(10, None);
    bed.inject(A, RAW, &reliable_183(&invite, "one", 1, ANSWER));
    bed.inject(A, RAW, &reliable_183(&invite, "one", 2, b""));
    for tag in ["two", "one"] {
        let more = format!("Contact: <sip:{tag}@{RAW}>\r\n");
        bed.inject(A, RAW, &response_to(&invite, "200 OK", tag, &more, text(ANSWER)));
    }
    let bye = bed.last("A BYE");
    let cseq: u32 = header(&bye, "CSeq").split(' ').next().unwrap().parse().unwrap();
    assert_eq!((to_tag(&bye).as_str(), cseq > 3), ("one", true), "{bye}");
}

#[test]
fn digits_before_the_answer_reach_the_application() {
    let (mut bed, tag, _) = early(11);
    let relay = "Content-Type: application/dtmf-relay\r\n";
    bed.inject(B, RAW, &request("INFO", "3", 3, &tag, relay, "Signal=5\r\n"));
    assert_eq!(bed.heard(B).last().map(String::as_str), Some("digit 5 None"));
}
