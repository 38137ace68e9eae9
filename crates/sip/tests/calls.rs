//! Calls between two endpoints over a network that behaves, or misbehaves in one known way.
#![cfg(test)]

mod bed;

use bed::{A, ANSWER, B, Bed, OFFER, answer_at_once, call, give_answer, hang_up, invite, offerless, talking};
use sip::{AnswerPlace, CallKey, Credentials, Event, Order, Rejection, digest};
use std::time::Duration;

/// The events of both sides.
fn check(bed: &Bed, a: &[&str], b: &[&str]) {
    assert_eq!(bed.heard(A), a, "A; wire: {:#?}", bed.wire());
    assert_eq!(bed.heard(B), b, "B; wire: {:#?}", bed.wire());
}

#[test]
fn a_call_is_placed_rung_answered_and_hung_up_by_either_side() {
    for callee_hangs_up in [false, true] {
        let (mut bed, at_a, at_b) = talking(1);
        match callee_hangs_up {
            true => bed.order(B, hang_up(at_b)),
            false => bed.order(A, hang_up(at_a)),
        }
        bed.run_out();
        let (a, b) =
            if callee_hangs_up { ("ended Remote", "ended Local") } else { ("ended Local", "ended Remote") };
        check(&bed, &["trying", "180 fork 0", "answered fork 0", a], &["incoming", "acknowledged", b]);
        let bye = if callee_hangs_up { ["B BYE", "A 200 BYE"] } else { ["A BYE", "B 200 BYE"] };
        let wanted = ["A INVITE", "B 100 INVITE", "B 180 INVITE", "B 200 INVITE", "A ACK", bye[0], bye[1]];
        assert_eq!(bed.wire(), wanted);
    }
}

#[test]
fn what_the_call_brings_reaches_the_other_side() {
    let (bed, at_a, at_b) = talking(2);
    let Some((_, Event::Incoming { call, .. })) = bed.peers[B].events.first() else { panic!() };
    assert_eq!((call.from_user.as_str(), call.from_display.as_deref()), ("+15550100", Some("Al")));
    assert_eq!((call.request_user.as_str(), call.sdp.as_deref()), ("+15550101", Some(OFFER)));
    assert_eq!(call.headers, [("X-Test".to_owned(), "1".to_owned())]);
    assert_eq!(call.user_agent.as_deref(), Some("bed"));
    let answer = bed.peers[A].events.iter().find_map(|(_, event)| match event {
        Event::Answered { answer, .. } => Some(answer),
        _ => None,
    });
    assert_eq!(answer.unwrap().sdp.as_deref(), Some(ANSWER));
    let (a, b) = (&bed.peers[A].endpoint, &bed.peers[B].endpoint);
    let (a, b) = (a.dialog_snapshot(at_a).unwrap(), b.dialog_snapshot(at_b).unwrap());
    assert_eq!(
        (&a.dialog.local_tag, &a.dialog.remote_tag, &a.dialog.call_id),
        (&b.dialog.remote_tag, &b.dialog.local_tag, &b.dialog.call_id)
    );
}

#[test]
fn a_refusal_reaches_the_caller_with_all_it_says() {
    let mut bed = Bed::new(3);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => {
            let q850 = Some(sip::Q850 { cause: 17, text: Some("User \"busy\"".into()) });
            let retry_after_secs = Some(30);
            let rejection = Rejection { q850, retry_after_secs, ..Rejection::with_code(486) };
            vec![Order::Reject { key: *key, rejection }]
        }
        _ => Vec::new(),
    });
    bed.order(A, invite(1));
    bed.run_out();
    check(&bed, &["trying", "failed 486 Remote"], &["incoming", "canceled Local"]);
    let Some((_, Event::Failed { failure, .. })) = bed.peers[A].events.last() else { panic!() };
    assert_eq!(failure.reason, "Busy Here");
    assert_eq!(failure.q850, Some(sip::Q850 { cause: 17, text: Some("User \"busy\"".into()) }));
    assert_eq!(failure.retry_after_secs, Some(30));
    assert_eq!(bed.wire(), ["A INVITE", "B 100 INVITE", "B 486 INVITE", "A ACK"]);
}

#[test]
fn a_redirection_names_its_targets() {
    let mut bed = Bed::new(4);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => {
            let contacts = vec!["sip:one@h".to_owned(), "sip:two@h".to_owned()];
            vec![Order::Reject { key: *key, rejection: Rejection { contacts, ..Rejection::with_code(302) } }]
        }
        _ => Vec::new(),
    });
    bed.order(A, invite(1));
    bed.run_out();
    let Some((_, Event::Failed { failure, .. })) = bed.peers[A].events.last() else { panic!() };
    assert_eq!(
        (failure.code, failure.contacts.as_slice()),
        (302, ["sip:one@h".into(), "sip:two@h".into()].as_slice())
    );
}

#[test]
fn early_media_comes_with_a_183() {
    let mut bed = Bed::new(5);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 183, sdp: Some(ANSWER.to_vec()) }],
        _ => Vec::new(),
    });
    bed.order(A, invite(1));
    bed.run_ms(100);
    check(&bed, &["trying", "183 fork 0 sdp reliable"], &["incoming", "provisional acknowledged"]);
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut bed = Bed::new(6);
    bed.delay_ms = 100..101;
    bed.order(A, invite(1));
    bed.order(A, hang_up(CallKey(1)));
    assert_eq!(bed.wire(), ["A INVITE"]);
    bed.run_out();
    check(&bed, &["canceled Local"], &["incoming", "canceled Remote"]);
    assert_eq!(bed.wire(), ["A INVITE", "B 100 INVITE", "A CANCEL", "B 200 CANCEL", "B 487 INVITE", "A ACK"]);
    let Some((_, Event::Canceled { q850, .. })) = bed.peers[B].events.last() else { panic!() };
    assert_eq!(q850.as_ref().map(|q850| q850.cause), Some(16));
}

#[test]
fn a_ringing_call_is_cancelled() {
    let mut bed = Bed::new(7);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 180, sdp: None }],
        _ => Vec::new(),
    });
    bed.order(A, invite(1));
    bed.run_ms(130_000);
    assert_eq!(bed.count("B 180 INVITE"), 3, "rung again each minute");
    bed.order(A, hang_up(CallKey(1)));
    bed.run_ms(100);
    let load = bed.peers[A].endpoint.load();
    assert_eq!((load.calls, load.transactions, load.timers), (0, 2, 2), "only D and K run");
    bed.run_out();
    let rung = ["180 fork 0"; 3];
    check(&bed, &["trying", rung[0], rung[1], rung[2], "canceled Local"], &["incoming", "canceled Remote"]);
}

#[test]
fn a_cancel_that_crosses_with_the_answer_ends_the_call_by_bye() {
    let mut bed = Bed::new(8);
    bed.delay_ms = 50..51;
    bed.order(A, invite(1));
    bed.run_ms(120);
    let key = bed.incoming(B);
    bed.order(B, Order::Answer { key, sdp: ANSWER.to_vec() });
    bed.order(A, hang_up(CallKey(1)));
    bed.run_out();
    check(&bed, &["trying", "canceled Local crossed"], &["incoming", "acknowledged", "ended Remote"]);
    assert_eq!((bed.count("A ACK"), bed.count("A BYE"), bed.count("B 200 CANCEL")), (1, 1, 1));
}

#[test]
fn nobody_there_fails_after_64_t1_and_hanging_up_meanwhile_cancels() {
    for hangs_up in [false, true] {
        let mut bed = Bed::new(9);
        bed.lose(|_| true);
        bed.order(A, invite(1));
        bed.run_ms(5_000);
        if hangs_up {
            bed.order(A, hang_up(CallKey(1)));
        }
        bed.run_out();
        check(&bed, &[if hangs_up { "canceled Local" } else { "failed 408 NoResponse" }], &[]);
        assert_eq!((bed.count("A INVITE"), bed.elapsed_ms()), (7, 32_000));
    }
}

#[test]
fn a_silent_peer_does_not_hold_the_application_and_is_let_go_of_when_it_speaks() {
    for (answers, left) in [(false, "canceled Remote"), (true, "ended Remote")] {
        let mut bed = Bed::new(12);
        bed.delay_ms = 5_000..5_001;
        bed.behave(B, move |event| match event {
            Event::Incoming { key, .. } if answers => {
                vec![Order::Answer { key: *key, sdp: ANSWER.to_vec() }]
            }
            Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 180, sdp: None }],
            _ => Vec::new(),
        });
        let call = sip::OutgoingCall { ring_timeout: Duration::from_secs(3), ..call() };
        bed.order(A, Order::Invite { key: CallKey(1), call: Box::new(call) });
        bed.run_ms(3_001);
        assert_eq!(bed.heard(A), ["failed 408 NoResponse"]);
        bed.run_out();
        assert_eq!(bed.heard(A), ["failed 408 NoResponse"], "the end is told once");
        assert_eq!(bed.heard(B).last().map(String::as_str), Some(left));
    }
}

#[test]
fn a_callee_who_never_answers_is_cancelled_at_the_ring_timeout() {
    let mut bed = Bed::new(10);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 180, sdp: None }],
        _ => Vec::new(),
    });
    let call = sip::OutgoingCall { ring_timeout: Duration::from_secs(30), ..call() };
    bed.order(A, Order::Invite { key: CallKey(1), call: Box::new(call) });
    bed.run_ms(30_050);
    check(&bed, &["trying", "180 fork 0", "failed 408 RingTimeout"], &["incoming", "canceled Remote"]);
    bed.run_out();
}

#[test]
fn a_cancelled_callee_who_falls_silent_is_given_up() {
    let mut bed = Bed::new(11);
    bed.order(A, invite(1));
    bed.run_ms(100);
    bed.lose(|_| true);
    bed.order(A, hang_up(CallKey(1)));
    bed.run_ms(32_100);
    assert_eq!(bed.heard(A), ["trying", "canceled Local"]);
    bed.run_ms(600_000);
    assert_eq!(bed.heard(B), ["incoming", "canceled Timeout"], "the callee does not wait for ever either");
}

#[test]
fn a_lost_answer_is_repeated() {
    let mut bed = Bed::new(12);
    bed.behave(B, answer_at_once);
    bed.lose_first("200 INVITE", 3);
    bed.order(A, invite(1));
    bed.run_ms(5_000);
    check(&bed, &["trying", "180 fork 0", "answered fork 0"], &["incoming", "acknowledged"]);
    assert_eq!(bed.count("B 200 INVITE"), 4);
    bed.order(A, hang_up(CallKey(1)));
    bed.run_out();
}

#[test]
fn a_lost_ack_is_sent_again_for_each_repeated_answer() {
    let mut bed = Bed::new(13);
    bed.behave(B, answer_at_once);
    bed.lose_first("ACK", 2);
    bed.order(A, invite(1));
    bed.run_ms(5_000);
    check(&bed, &["trying", "180 fork 0", "answered fork 0"], &["incoming", "acknowledged"]);
    assert_eq!((bed.count("A ACK"), bed.count("B 200 INVITE")), (3, 3));
    bed.order(B, hang_up(bed.incoming(B)));
    bed.run_out();
}

#[test]
fn an_answer_never_acknowledged_ends_the_call() {
    let mut bed = Bed::new(14);
    bed.behave(B, answer_at_once);
    bed.lose(|packet| packet.name() == "ACK");
    bed.order(A, invite(1));
    bed.run_out();
    check(&bed, &["trying", "180 fork 0", "answered fork 0", "ended Remote"], &["incoming", "ended Timeout"]);
    assert_eq!(bed.count("B BYE"), 1);
}

#[test]
fn a_hang_up_whose_ack_was_lost_ends_an_answered_call() {
    let mut bed = Bed::new(14);
    bed.behave(B, answer_at_once);
    bed.lose(|packet| packet.name() == "ACK");
    bed.order(A, invite(1));
    bed.run_ms(5_000);
    bed.order(A, hang_up(CallKey(1)));
    bed.run_out();
    let a = ["trying", "180 fork 0", "answered fork 0", "ended Local"];
    check(&bed, &a, &["incoming", "acknowledged", "ended Remote"]);
}

#[test]
fn a_callee_who_hangs_up_before_the_ack_says_bye_after_it() {
    let mut bed = Bed::new(15);
    bed.lose_first("ACK", 1);
    bed.order(A, invite(1));
    bed.run_ms(50);
    let key = bed.incoming(B);
    bed.order(B, Order::Answer { key, sdp: ANSWER.to_vec() });
    bed.order(B, hang_up(key));
    assert_eq!(bed.count("B BYE"), 0);
    let kept = bed.peers[B].endpoint.dialog_snapshot(key).unwrap();
    assert!(matches!(kept.phase, sip::SnapshotPhase::Leaving { .. }));
    bed.run_out();
    check(&bed, &["trying", "answered fork 0", "ended Remote"], &["incoming", "ended Local"]);
    assert_eq!(bed.count("B BYE"), 1);
}

#[test]
fn a_lost_bye_is_repeated_and_its_lost_answer_too() {
    for lost in ["BYE", "200 BYE"] {
        let (mut bed, at_a, _) = talking(16);
        bed.lose_first(lost, 2);
        bed.order(A, hang_up(at_a));
        bed.run_out();
        assert_eq!(bed.heard(B).last().map(String::as_str), Some("ended Remote"));
        assert_eq!(bed.heard(B).len(), 3, "the repeated BYE ends nothing twice");
        assert_eq!(bed.count("A BYE"), 3, "{lost}");
    }
}

#[test]
fn a_repeated_invite_makes_no_second_call() {
    let mut bed = Bed::new(17);
    bed.lose(|packet| packet.name().ends_with(" INVITE"));
    bed.order(A, invite(1));
    bed.run_ms(4_000);
    assert_eq!((bed.count("A INVITE"), bed.heard(B).len()), (4, 1));
    assert_eq!(bed.count("B 100 INVITE"), 4);
}

#[test]
fn both_sides_change_the_session() {
    let (mut bed, at_a, at_b) = talking(18);
    bed.behave(A, answer_at_once);
    bed.order(B, Order::Reinvite { key: at_b, sdp: OFFER.to_vec() });
    bed.run_ms(100);
    bed.order(A, Order::Reinvite { key: at_a, sdp: OFFER.to_vec() });
    bed.run_ms(100);
    bed.order(B, hang_up(at_b));
    bed.run_out();
    check(
        &bed,
        &[
            "trying",
            "180 fork 0",
            "answered fork 0",
            "reinvite sdp",
            "acknowledged",
            "reinvite answered",
            "ended Remote",
        ],
        &["incoming", "acknowledged", "reinvite answered", "reinvite sdp", "acknowledged", "ended Local"],
    );
}

#[test]
fn a_refused_change_leaves_the_call_as_it_was() {
    let (mut bed, at_a, at_b) = talking(19);
    bed.behave(B, |event| match event {
        Event::ReinviteReceived { key, .. } => vec![Order::RejectReinvite { key: *key, code: 488 }],
        _ => Vec::new(),
    });
    bed.order(A, Order::Reinvite { key: at_a, sdp: OFFER.to_vec() });
    bed.run_ms(100);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("reinvite failed 488"));
    bed.order(B, hang_up(at_b));
    bed.run_out();
}

#[test]
fn glare_is_waited_out_and_both_hear_how_it_ended() {
    for seed in 0..20 {
        let (mut bed, at_a, at_b) = talking(seed);
        bed.behave(A, answer_at_once);
        bed.order(A, Order::Reinvite { key: at_a, sdp: OFFER.to_vec() });
        bed.order(B, Order::Reinvite { key: at_b, sdp: OFFER.to_vec() });
        bed.run_ms(6_000);
        // B waits less, so that its offer comes first; A's is given up for it.
        assert_eq!((bed.count("B 491 INVITE"), bed.count("A 491 INVITE")), (1, 1), "seed {seed}");
        assert_eq!(bed.heard(A)[3..], ["reinvite failed 491", "reinvite sdp", "acknowledged"], "seed {seed}");
        assert_eq!(bed.heard(B)[2..], ["reinvite answered"], "seed {seed}");
        let again = bed.packets.iter().rfind(|(_, packet)| packet.name() == "INVITE").unwrap();
        assert!(again.0 - bed.start() <= Duration::from_millis(2_300), "seed {seed}: 0 to 2 s");
        bed.order(A, hang_up(at_a));
        bed.run_out();
    }
}

#[test]
fn hanging_up_while_a_change_is_under_way_leaves_nothing_behind() {
    for side in [A, B] {
        let (mut bed, at_a, at_b) = talking(21);
        bed.behave(B, |_| Vec::new());
        bed.order(A, Order::Reinvite { key: at_a, sdp: OFFER.to_vec() });
        bed.run_ms(50);
        bed.order(side, hang_up(if side == A { at_a } else { at_b }));
        bed.run_out();
        let ends = |peer: usize| bed.heard(peer).iter().filter(|event| event.starts_with("ended")).count();
        assert_eq!((ends(A), ends(B)), (1, 1), "{:?}", bed.wire());
    }
}

#[test]
fn an_offer_comes_with_the_answer_and_is_answered_in_the_ack() {
    let mut bed = Bed::new(22);
    bed.behave(B, answer_at_once);
    bed.order(A, offerless(1));
    bed.run_ms(3_000);
    assert_eq!(bed.heard(A)[2..], ["answered fork 0", "answer wanted Ack"]);
    assert_eq!((bed.count("B 200 INVITE"), bed.count("A ACK")), (3, 0), "the ACK waits");
    give_answer(&mut bed, A, CallKey(1), AnswerPlace::Ack);
    bed.run_ms(100);
    assert_eq!(bed.heard(B), ["incoming", "acknowledged sdp"]);
    // The same once more within the call, from both sides.
    bed.behave(A, answer_at_once);
    for (peer, key) in [(A, CallKey(1)), (B, bed.incoming(B))] {
        bed.order(peer, Order::Reinvite { key, sdp: Vec::new() });
        bed.run_ms(100);
        assert_eq!(bed.heard(peer).last().map(String::as_str), Some("answer wanted Ack"));
        give_answer(&mut bed, peer, key, AnswerPlace::Ack);
        bed.run_ms(100);
        assert_eq!(bed.heard(1 - peer).last().map(String::as_str), Some("acknowledged sdp"));
    }
    bed.order(A, hang_up(CallKey(1)));
    bed.run_out();
}

#[test]
fn an_answer_that_is_never_given_ends_the_call() {
    let mut bed = Bed::new(30);
    bed.behave(B, answer_at_once);
    bed.order(A, offerless(1));
    bed.run_out();
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Timeout"));
    assert_eq!(bed.heard(B).last().map(String::as_str), Some("ended Remote"));
    assert_eq!((bed.count("A ACK"), bed.count("A BYE")), (1, 1));
}

#[test]
fn a_restored_call_goes_on_in_a_fresh_endpoint() {
    for restored in [A, B] {
        let (mut bed, at_a, at_b) = talking(23);
        let (key, peer_key) = if restored == A { (at_a, at_b) } else { (at_b, at_a) };
        let other = 1 - restored;
        let snapshot = bed.peers[restored].endpoint.dialog_snapshot(key).unwrap();
        let kept = serde_json::to_string(&snapshot).unwrap();
        let (address, now) = (bed.peers[restored].address, bed.now);
        bed.peers[restored].endpoint = sip::Endpoint::new(bed::config(address), [99; 32]);
        let snapshot = serde_json::from_str(&kept).unwrap();
        bed.peers[restored].endpoint.restore(CallKey(77), snapshot, None, now).unwrap();
        for peer in [A, B] {
            bed.behave(peer, answer_at_once);
        }
        bed.order(restored, Order::Reinvite { key: CallKey(77), sdp: OFFER.to_vec() });
        bed.run_ms(100);
        assert_eq!(bed.heard(restored).last().map(String::as_str), Some("reinvite answered"));
        bed.order(other, Order::Reinvite { key: peer_key, sdp: OFFER.to_vec() });
        bed.run_ms(100);
        assert_eq!(bed.heard(other).last().map(String::as_str), Some("reinvite answered"));
        bed.order(restored, hang_up(CallKey(77)));
        bed.run_out();
        assert_eq!(bed.heard(other).last().map(String::as_str), Some("ended Remote"));
    }
}

#[test]
fn an_old_snapshot_still_gives_a_higher_cseq() {
    let (mut bed, at_a, at_b) = talking(29);
    let snapshot = bed.peers[A].endpoint.dialog_snapshot(at_a).unwrap();
    for _ in 0..2 {
        bed.order(A, Order::Reinvite { key: at_a, sdp: OFFER.to_vec() });
        bed.run_ms(100);
    }
    let now = bed.now;
    bed.peers[A].endpoint = sip::Endpoint::new(bed::config(bed.peers[A].address), [99; 32]);
    bed.peers[A].endpoint.restore(at_a, snapshot, None, now).unwrap();
    bed.order(A, Order::Reinvite { key: at_a, sdp: OFFER.to_vec() });
    bed.run_ms(100);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("reinvite answered"));
    bed.order(B, hang_up(at_b));
    bed.run_out();
}

#[test]
fn options_are_answered_and_silence_is_told() {
    let mut bed = Bed::new(24);
    let options = |ping| Order::Options {
        ping,
        uri: "sip:127.0.0.1:5070".into(),
        destination: "127.0.0.1:5070".parse::<std::net::SocketAddr>().unwrap().into(),
    };
    bed.order(A, options(7));
    bed.run_ms(100);
    bed.lose(|_| true);
    bed.order(A, options(8));
    bed.run_out();
    assert_eq!(bed.heard(A), ["options 7 Some(200)", "options 8 None"]);
    assert!(
        bed.last("B 200 OPTIONS")
            .contains("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY")
    );
}

#[test]
fn a_transport_that_fails_fails_what_waits_for_it() {
    let mut bed = Bed::new(25);
    bed.lose(|_| true);
    bed.order(A, invite(1));
    let now = bed.now;
    bed.peers[A]
        .endpoint
        .handle_transport_error("127.0.0.1:5070".parse::<std::net::SocketAddr>().unwrap().into(), now);
    bed.drain(A);
    bed.run_out();
    assert_eq!(bed.heard(A), ["failed 503 Transport"]);
}

/// B challenges each INVITE that has no right answer.
fn challenging(
    proxy: bool,
    algorithm: digest::Algorithm,
    realm: &'static str,
) -> impl FnMut(&Event) -> Vec<Order> {
    move |event| match event {
        Event::Incoming { key, call } => {
            let value = call.authorizations.first().cloned().unwrap_or_default();
            if bed::is_right(&value, realm, "n1", "INVITE") {
                return vec![Order::Answer { key: *key, sdp: ANSWER.to_vec() }];
            }
            let (code, name) = if proxy { (407, "Proxy-Authenticate") } else { (401, "WWW-Authenticate") };
            let challenge = bed::challenge(realm, "n1", algorithm);
            let extra_headers = vec![(name.to_owned(), challenge)];
            let rejection = Rejection { extra_headers, ..Rejection::with_code(code) };
            vec![Order::Reject { key: *key, rejection }]
        }
        _ => Vec::new(),
    }
}

fn credentials(password: &str, realm: Option<&str>) -> Option<Credentials> {
    Some(Credentials { username: "al".into(), password: password.into(), realm: realm.map(str::to_owned) })
}

#[test]
fn a_challenge_is_answered_once() {
    for algorithm in digest::Algorithm::ALL {
        let check = |password, realm, invites: usize, last: &str| {
            let mut bed = Bed::new(26);
            bed.behave(B, challenging(false, algorithm, "trunk"));
            let mut call = call();
            call.credentials = credentials(password, realm);
            bed.order(A, Order::Invite { key: CallKey(1), call: Box::new(call) });
            bed.run_ms(1_000);
            assert_eq!(bed.heard(A).last().map(String::as_str), Some(last), "{algorithm:?} {realm:?}");
            assert_eq!(bed.count("A INVITE"), invites, "{algorithm:?} {realm:?}");
        };
        check("secret", None, 2, "answered fork 0");
        check("secret", Some("trunk"), 2, "answered fork 0");
        check("secret", Some("elsewhere"), 1, "failed 401 Remote");
        check("wrong", None, 2, "failed 401 Remote");
    }
}

#[test]
fn a_proxy_challenge_is_answered_in_the_proxy_header() {
    let mut bed = Bed::new(27);
    bed.behave(B, challenging(true, digest::Algorithm::Sha256, "proxy"));
    let mut call = call();
    call.credentials = credentials("secret", None);
    bed.order(A, Order::Invite { key: CallKey(1), call: Box::new(call) });
    bed.run_ms(1_000);
    // B reads only Authorization, so it challenges twice; what matters is what A said.
    let invite = bed.last("A INVITE");
    let value = bed::header(&invite, "Proxy-Authorization");
    assert!(bed::is_right(&value, "proxy", "n1", "INVITE"), "{invite}");
    assert_eq!(bed::header(&invite, "CSeq"), "2 INVITE");
    assert_eq!(bed.count("A INVITE"), 2);
}

#[test]
fn keys_and_states_are_checked() {
    use sip::OrderError::{BadCode, BadUri, KeyInUse, KeyReserved, UnknownCall, WrongState};
    let (mut bed, at_a, _) = talking(28);
    let now = bed.now;
    let mut check = |order: Order, wanted| {
        let got = bed.peers[A].endpoint.handle_order(order.clone(), now);
        assert_eq!(got, Err(wanted), "{order:?}");
    };
    check(invite(1), KeyInUse);
    check(invite(u64::MAX), KeyReserved);
    check(hang_up(CallKey(5)), UnknownCall);
    check(Order::Ring { key: at_a, code: 180, sdp: None }, WrongState);
    check(Order::Ring { key: at_a, code: 200, sdp: None }, BadCode(200));
    check(Order::Answer { key: at_a, sdp: Vec::new() }, WrongState);
    check(Order::AnswerReinvite { key: at_a, sdp: Vec::new() }, WrongState);
    check(Order::Reject { key: at_a, rejection: Rejection::with_code(200) }, BadCode(200));
    let mut bad = call();
    bad.to_uri = "sip:a b@c".into();
    check(Order::Invite { key: CallKey(2), call: Box::new(bad) }, BadUri);
    let mut bad = call();
    bad.extra_headers.push(("Via".into(), "x".into()));
    check(Order::Invite { key: CallKey(2), call: Box::new(bad) }, sip::OrderError::BadHeader("Via".into()));
}

#[test]
fn a_peer_is_told_the_address_that_it_reaches_us_at() {
    let mut bed = Bed::new(41);
    bed.behave(B, answer_at_once);
    let (a, b) = (bed.peers[A].address, bed.peers[B].address);
    bed.peers[A].endpoint.set_name_towards(b.ip(), "127.0.0.9:5060");
    bed.peers[B].endpoint.set_name_towards(a.ip(), "127.0.0.8:5070");
    bed.order(A, invite(1));
    bed.run_ms(1_000);
    let sent = bed.last("A INVITE");
    assert!(sent.contains("Via: SIP/2.0/UDP 127.0.0.9:5060;"), "{sent}");
    assert!(bed::header(&sent, "Contact").ends_with("@127.0.0.9:5060>"), "{sent}");
    let answer = bed.last("B 200 INVITE");
    assert!(bed::header(&answer, "Contact").ends_with("@127.0.0.8:5070>"), "{answer}");
}
