//! Transfers: REFER in both directions and its progress (RFC 3515, 4488, 3892), calls that take the place of others
//! (RFC 3891), three endpoints, and peers written by hand.
#![cfg(test)]

mod bed;

use bed::raw::{answer_from, codes, raw_call, raw_callee, request, sdp_invite, to_tag};
use bed::{A, B, Bed, RAW, answer_at_once, call, call_to, hang_up, header, response_to, talking};
use sip::{CallKey, Event, IncomingRefer, Order, OrderError, Refer, ReferId, ReferTarget, Replaces};

fn refer_to(uri: &str, wants_progress: bool) -> Refer {
    Refer { target: ReferTarget::Uri(uri.into()), referred_by: true, wants_progress }
}

/// The REFER a peer received last.
fn received(bed: &Bed, peer: usize) -> (ReferId, IncomingRefer) {
    let found = bed.peers[peer].events.iter().rev().find_map(|(_, event)| match event {
        Event::ReferReceived { refer, request, .. } => Some((*refer, (**request).clone())),
        _ => None,
    });
    found.expect("no REFER")
}

#[test]
fn a_blind_transfer_is_accepted_told_and_ended() {
    let (mut bed, at_a, at_b) = talking(1);
    bed.order(A, Order::Refer { key: at_a, refer: refer_to("sip:+15550199@example.com", true) });
    bed.run_ms(50);
    let (refer, request) = received(&bed, B);
    assert_eq!((request.target_uri.as_str(), request.replaces), ("sip:+15550199@example.com", None));
    assert_eq!(request.referred_by.as_deref(), Some("<sip:+15550100@127.0.0.1>"));
    bed.order(B, Order::AnswerRefer { key: at_b, refer, code: 202 });
    for code in [180, 181, 182, 200] {
        bed.order(B, Order::NotifyRefer { key: at_b, refer, code, reason: None });
    }
    bed.run_ms(200);
    let told = ["refer Accepted", "refer Trying { code: 100 }", "refer Succeeded { code: 200 }"];
    assert_eq!(bed.heard(A)[3..], told, "what was not sent yet gives way to what is newer");
    let last = bed.last("B NOTIFY");
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=noresource");
    assert_eq!(header(&last, "Event"), format!("refer;id={}", refer.0));
    assert!(last.ends_with("\r\n\r\nSIP/2.0 200 OK\r\n"));
    // It is over on both sides: a new one may begin.
    let over = Order::NotifyRefer { key: at_b, refer, code: 200, reason: None };
    let now = bed.now;
    assert_eq!(bed.peers[B].endpoint.handle_order(over, now), Err(OrderError::WrongState));
    bed.order(A, Order::Refer { key: at_a, refer: refer_to("tel:+15550198", true) });
    bed.run_ms(50);
    let (refer, _) = received(&bed, B);
    bed.order(B, Order::AnswerRefer { key: at_b, refer, code: 603 });
    bed.run_ms(50);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("refer Failed { code: 603 }"));
    bed.order(A, hang_up(at_a));
    bed.run_out();
}

#[test]
fn a_transfer_without_subscription_is_accepted_and_not_told() {
    let (mut bed, at_a, at_b) = talking(2);
    bed.order(A, Order::Refer { key: at_a, refer: refer_to("sip:x@h", false) });
    bed.run_ms(50);
    let (refer, request) = received(&bed, B);
    assert!(!request.wants_progress);
    bed.order(B, Order::AnswerRefer { key: at_b, refer, code: 202 });
    bed.order(B, Order::NotifyRefer { key: at_b, refer, code: 200, reason: None });
    bed.run_ms(50);
    assert_eq!(header(&bed.last("B 202 REFER"), "Refer-Sub"), "false");
    assert_eq!(
        (bed.count("B NOTIFY"), &bed.heard(A)[3..]),
        (0, &["refer Accepted".into(), "refer Untold".into()][..])
    );
    bed.order(B, hang_up(at_b));
    bed.run_out();
}

#[test]
fn a_peer_that_accepts_and_falls_silent_leaves_the_outcome_untold() {
    let (mut bed, invite) = raw_callee(3, None);
    bed.inject(A, RAW, &answer_from(&invite, "one", ""));
    bed.order(A, Order::Refer { key: CallKey(1), refer: refer_to("sip:x@h", true) });
    let refer = bed.last("A REFER");
    bed.inject(A, RAW, &response_to(&refer, "202 Accepted", "one", "", ""));
    let again = Order::Refer { key: CallKey(1), refer: refer_to("sip:y@h", true) };
    let now = bed.now;
    assert_eq!(bed.peers[A].endpoint.handle_order(again, now), Err(OrderError::WrongState), "one at a time");
    bed.run_ms(31_900);
    assert_eq!(bed.heard(A)[1..], ["refer Accepted"]);
    bed.run_ms(200);
    assert_eq!(bed.heard(A)[1..], ["refer Accepted", "refer Untold"]);
}

/// A NOTIFY of a hand-written callee to A.
fn notify(invite: &str, cseq: u32, more: &str, body: &str) -> String {
    format!(
        "NOTIFY sip:+15550100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {RAW};branch=z9hG4bKn{cseq}\r\nFrom: {};tag=one\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\n{more}Content-Length: {}\r\n\r\n{body}",
        header(invite, "To"),
        header(invite, "From"),
        header(invite, "Call-ID"),
        body.len()
    )
}

#[test]
fn notifications_are_judged_and_may_overtake_the_acceptance() {
    let (mut bed, invite) = raw_callee(4, None);
    bed.inject(A, RAW, &answer_from(&invite, "one", ""));
    bed.order(A, Order::Refer { key: CallKey(1), refer: refer_to("sip:x@h", true) });
    let refer = bed.last("A REFER");
    let id = header(&refer, "CSeq").split(' ').next().unwrap().to_owned();
    let frag = "Content-Type: message/sipfrag;version=2.0\r\n";
    let event = format!("Event: refer;id={id}\r\nSubscription-State: active;expires=60\r\n{frag}");
    bed.inject(A, RAW, &notify(&invite, 1, "Event: presence\r\n", ""));
    bed.inject(A, RAW, &notify(&invite, 2, "Event: refer;id=77\r\n", ""));
    bed.inject(A, RAW, &notify(&invite, 3, "Event: refer\r\nContent-Type: text/plain\r\n", "x"));
    bed.inject(A, RAW, &notify(&invite, 4, &event, "SIP/2.0 180 Ringing\r\n"));
    bed.inject(A, RAW, &response_to(&refer, "202 Accepted", "one", "", ""));
    bed.inject(A, RAW, &notify(&invite, 5, &event, "SIP/2.0 486 Busy Here\r\n"));
    bed.inject(
        A,
        RAW,
        &notify(&invite, 6, &event.replace("active;expires=60", "terminated"), "SIP/2.0 486 Busy\r\n"),
    );
    bed.inject(A, RAW, &notify(&invite, 7, &event, "SIP/2.0 100 Trying\r\n"));
    let answers: Vec<_> = bed.wire().into_iter().filter(|name| name.ends_with(" NOTIFY")).collect();
    assert_eq!(
        answers,
        [
            "A 489 NOTIFY",
            "A 481 NOTIFY",
            "A 415 NOTIFY",
            "A 200 NOTIFY",
            "A 200 NOTIFY",
            "A 200 NOTIFY",
            "A 481 NOTIFY"
        ]
    );
    let told = ["refer Accepted", "refer Trying { code: 180 }", "refer Failed { code: 486 }"];
    assert_eq!(bed.heard(A)[1..], told);
    bed.order(A, hang_up(CallKey(1)));
}

#[test]
fn a_call_that_ends_ends_its_transfers() {
    let (mut bed, at_a, at_b) = talking(5);
    bed.order(A, Order::Refer { key: at_a, refer: refer_to("sip:x@h", true) });
    bed.run_ms(50);
    bed.order(B, hang_up(at_b));
    bed.run_out();
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Remote"));
    let ends = |event: &&String| event.starts_with("refer Failed") || event.starts_with("refer Untold");
    assert_eq!(bed.heard(A).iter().filter(ends).count(), 1, "{:?}", bed.heard(A));
}

#[test]
fn what_a_refer_must_hold_is_checked() {
    let (mut bed, tag) = raw_call(6);
    let mut cseq = 1;
    let mut check = |more: &str, wanted: &str| {
        cseq += 1;
        bed.inject(B, RAW, &request("REFER", &format!("r{cseq}"), cseq, &tag, more, ""));
        assert_eq!(codes(&bed).last().map(String::as_str), Some(wanted), "{more}");
    };
    check("", "400 REFER");
    check("Refer-To: <sip:a@h>\r\nRefer-To: <sip:b@h>\r\n", "400 REFER");
    check("Refer-To: nonsense\r\n", "400 REFER");
    check("Refer-To: <mailto:a@h>\r\n", "416 REFER");
    check("Refer-To: <sip:a@h;method=MESSAGE>\r\n", "603 REFER");
    for _ in 0..4 {
        check("r: <sip:a@h;method=INVITE>\r\n", "603 REFER");
    }
    check("r: <sip:a@h>\r\n", "500 REFER");
    let referred = bed.heard(B).iter().filter(|event| event.starts_with("refer ")).count();
    assert_eq!(referred, 4, "no more wait at a time");
}

#[test]
fn an_attended_transfer_joins_the_two_others() {
    let mut bed = Bed::new(7);
    let address = "127.0.0.1:5080".parse().unwrap();
    let c = bed.add(bed::config(address), address, [5; 32]);
    bed.behave(B, answer_at_once);
    bed.behave(c, answer_at_once);
    bed.order(A, Order::Invite { key: CallKey(1), call: Box::new(call()) });
    bed.order(A, Order::Invite { key: CallKey(2), call: Box::new(call_to("127.0.0.1:5080")) });
    bed.run_ms(200);
    let (at_b, at_c) = (bed.incoming(B), bed.incoming(c));
    let refer = Refer { target: ReferTarget::Call(CallKey(2)), referred_by: true, wants_progress: true };
    bed.order(A, Order::Refer { key: CallKey(1), refer });
    bed.run_ms(50);
    let (refer, request) = received(&bed, B);
    assert_eq!(request.target_uri, "sip:+15550101@127.0.0.1:5080");
    bed.order(B, Order::AnswerRefer { key: at_b, refer, code: 202 });
    let mut new = call_to("127.0.0.1:5080");
    new.to_uri = request.target_uri;
    new.replaces = request.replaces;
    new.extra_headers = vec![("Referred-By".into(), request.referred_by.unwrap())];
    bed.order(B, Order::Invite { key: CallKey(9), call: Box::new(new) });
    bed.run_ms(200);
    let Some((_, Event::Incoming { call, .. })) =
        bed.peers[c].events.iter().rfind(|(_, event)| matches!(event, Event::Incoming { .. }))
    else {
        panic!()
    };
    assert_eq!((call.replaces, call.referred_by.is_some()), (Some(at_c), true));
    assert_eq!(bed.heard(c)[2..], ["incoming", "ended Replaced", "acknowledged"]);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Remote"), "C says BYE to A");
    bed.order(B, Order::NotifyRefer { key: at_b, refer, code: 200, reason: None });
    bed.run_ms(50);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("refer Succeeded { code: 200 }"));
    bed.order(A, hang_up(CallKey(1)));
    bed.order(B, hang_up(CallKey(9)));
    bed.run_out();
}

/// What B answers to an INVITE with this Replaces while it holds a call with the hand-written caller.
fn replacing(bed: &mut Bed, replaces: &str) -> String {
    let invite = sdp_invite("new", 1, "").replace("raw-call", "new-call").replace(";tag=raw", ";tag=new");
    bed.inject(B, RAW, &invite.replace("Contact", &format!("Replaces: {replaces}\r\nContact")));
    codes(bed).last().cloned().unwrap_or_default()
}

#[test]
fn a_call_is_replaced_only_if_it_is_named_exactly_and_in_the_right_state() {
    let check = |replaces: &str, wanted: &str| {
        let (mut bed, tag) = raw_call(8);
        bed.behave(B, |_| Vec::new());
        assert_eq!(replacing(&mut bed, &replaces.replace("TAG", &tag)), wanted, "{replaces}");
    };
    check("raw-call;to-tag=TAG;from-tag=raw", "100 INVITE");
    check("raw-call;to-tag=TAG;from-tag=raw;early-only", "486 INVITE");
    check("raw-call;to-tag=TAG;from-tag=other", "481 INVITE");
    check("raw-call;to-tag=raw;from-tag=TAG", "481 INVITE");
    check("other;to-tag=TAG;from-tag=raw", "481 INVITE");
    check("raw-call;to-tag=TAG", "400 INVITE");
    check("raw-call;to-tag=TAG;from-tag=raw\r\nReplaces: x;to-tag=1;from-tag=2", "400 INVITE");
    let (mut bed, tag) = raw_call(9);
    bed.order(B, hang_up(bed.incoming(B)));
    assert_eq!(replacing(&mut bed, &format!("raw-call;to-tag={tag};from-tag=raw")), "603 INVITE");
    // An early dialog of a call that we did not place is not ours to give away.
    let mut bed = Bed::new(10);
    bed.inject(B, RAW, &sdp_invite("1", 1, ""));
    bed.order(B, Order::Ring { key: bed.incoming(B), code: 180, sdp: None });
    let tag = to_tag(&bed.last("B 180 INVITE"));
    assert_eq!(replacing(&mut bed, &format!("raw-call;to-tag={tag};from-tag=raw")), "481 INVITE");
}

#[test]
fn a_call_we_placed_that_still_rings_is_taken_over_and_cancelled() {
    let (mut bed, invite) = raw_callee(11, None);
    bed.inject(A, RAW, &response_to(&invite, "180 Ringing", "one", "", ""));
    let tag = header(&invite, "From").split("tag=").nth(1).unwrap().to_owned();
    let replaces = format!("{};to-tag={tag};from-tag=one;early-only", header(&invite, "Call-ID"));
    let taking = sdp_invite("new", 1, "").replace("raw-call", "new-call");
    bed.behave(A, answer_at_once);
    bed.inject(A, RAW, &taking.replace("Contact", &format!("Replaces: {replaces}\r\nContact")));
    assert_eq!(bed.count("A CANCEL"), 1);
    bed.inject(A, RAW, &response_to(&invite, "487 Gone", "one", "", ""));
    assert_eq!(bed.heard(A)[1..], ["incoming", "canceled Replaced"]);
}

#[test]
fn orders_that_make_no_transfer_are_refused() {
    let (mut bed, at_a, at_b) = talking(12);
    bed.order(A, Order::Invite { key: CallKey(2), call: Box::new(call_to(RAW)) });
    let now = bed.now;
    let mut check = |target, wanted| {
        let refer = Refer { target, referred_by: false, wants_progress: true };
        let got = bed.peers[A].endpoint.handle_order(Order::Refer { key: at_a, refer }, now);
        assert_eq!(got, Err(wanted));
    };
    check(ReferTarget::Uri("mailto:x@h".into()), OrderError::BadUri);
    check(ReferTarget::Uri("sip:x@h?Replaces=y".into()), OrderError::BadUri);
    check(ReferTarget::Call(at_a), OrderError::WrongState);
    check(ReferTarget::Call(CallKey(2)), OrderError::WrongState);
    check(ReferTarget::Call(CallKey(77)), OrderError::UnknownCall);
    let answer = Order::AnswerRefer { key: at_b, refer: ReferId(1), code: 202 };
    assert_eq!(bed.peers[B].endpoint.handle_order(answer, now), Err(OrderError::WrongState));
    let answer = Order::AnswerRefer { key: at_b, refer: ReferId(1), code: 180 };
    assert_eq!(bed.peers[B].endpoint.handle_order(answer, now), Err(OrderError::BadCode(180)));
    let mut wrong = call();
    wrong.replaces =
        Some(Replaces { call_id: "a".into(), to_tag: "b".into(), from_tag: "c".into(), early_only: false });
    bed.behave(B, answer_at_once);
    bed.order(A, Order::Invite { key: CallKey(3), call: Box::new(wrong) });
    bed.run_ms(100);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("failed 481 Remote"));
}
