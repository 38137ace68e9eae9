//! Session timers (RFC 4028), refreshes and changes that meet one another, in virtual time.
#![cfg(test)]

mod bed;

use bed::raw::{answer_from, codes, raw_call, raw_callee, request, sdp_invite, to_tag};
use bed::{A, ANSWER, B, Bed, OFFER, RAW, answer_at_once, hang_up, header, invite, response_to, talking};
use sip::{CallKey, Order, SessionTimers};

/// Two endpoints with these intervals.
fn bed_with(seed: u64, timers: [SessionTimers; 2]) -> Bed {
    let mut bed = Bed::new(seed);
    for (peer, session_timers) in timers.into_iter().enumerate() {
        let address = bed.peers[peer].address;
        let config = sip::EndpointConfig { session_timers, ..bed::config(address) };
        bed.peers[peer].endpoint = sip::Endpoint::new(config, [100 + peer as u8; 32]);
    }
    bed.behave(B, answer_at_once);
    bed
}

const fn timers(expires_secs: Option<u32>, min_secs: u32) -> SessionTimers {
    SessionTimers { expires_secs, min_secs, refresher: sip::SessionRefresher::Caller }
}

#[test]
fn a_session_is_refreshed_at_half_its_interval_for_as_long_as_it_lasts() {
    let (mut bed, at_a, _) = talking(1);
    let agreed = "Session-Expires: 1800;refresher=uac\r\n";
    assert!(bed.last("A INVITE").contains("Session-Expires: 1800\r\n"));
    assert!(bed.last("B 200 INVITE").contains(agreed), "{}", bed.last("B 200 INVITE"));
    assert!(header(&bed.last("B 200 INVITE"), "Require").contains("timer"));
    bed.run_ms(3 * 3_600_000);
    assert_eq!(bed.count("A UPDATE"), 11, "every 15 min for 3 h");
    assert!(bed.last("A UPDATE").contains(agreed) && !bed.last("A UPDATE").contains("v=0"));
    assert!(bed.last("B 200 UPDATE").contains(agreed));
    assert_eq!(bed.heard(A).iter().filter(|event| *event == "refreshed").count(), 11);
    assert_eq!(bed.heard(B).iter().filter(|event| *event == "refreshed").count(), 11);
    bed.order(A, hang_up(at_a));
    bed.run_out();
}

#[test]
fn a_peer_that_is_gone_ends_the_session_before_the_interval_does() {
    for dead in [A, B] {
        let (mut bed, ..) = talking(2);
        let gone = bed.peers[dead].address;
        bed.lose(move |packet| packet.from == gone || packet.to == gone);
        let lives = 1 - dead;
        bed.run_ms(1_780_000);
        // The refresher notices by its refresh, the other by the interval.
        let wanted = if lives == A { "ended Timeout" } else { "ended SessionExpired" };
        assert_eq!(bed.heard(lives).last().map(String::as_str), Some(wanted));
        if lives == B {
            let (at, _) = *bed.peers[B].events.last().map(|(at, event)| (at, event)).as_ref().unwrap();
            let secs = (*at - bed.start()).as_secs();
            assert!((1_767..=1_768).contains(&secs), "1800 s less 32 s: {secs}");
            assert_eq!(header(&bed.last("B BYE"), "Reason"), "SIP;cause=408;text=\"Session Expired\"");
        }
    }
}

#[test]
fn intervals_are_agreed_upon_and_too_short_ones_are_lengthened_once() {
    let check = |a: SessionTimers, b: SessionTimers, invites: usize, said: &str| {
        let mut bed = bed_with(3, [a, b]);
        bed.order(A, invite(1));
        bed.run_ms(200);
        assert_eq!(bed.heard(A).last().map(String::as_str), Some("answered fork 0"), "{a:?} {b:?}");
        assert_eq!(bed.count("A INVITE"), invites, "{a:?} {b:?}");
        assert_eq!(header(&bed.last("B 200 INVITE"), "Session-Expires"), said, "{a:?} {b:?}");
        bed.order(A, hang_up(CallKey(1)));
        bed.run_out();
    };
    check(timers(Some(1_800), 90), timers(Some(1_800), 90), 1, "1800;refresher=uac");
    check(timers(Some(3_600), 90), timers(Some(1_800), 90), 1, "1800;refresher=uac");
    check(timers(Some(3_600), 2_400), timers(Some(1_800), 90), 1, "2400;refresher=uac");
    check(timers(Some(120), 90), timers(Some(1_800), 600), 2, "600;refresher=uac");
    check(timers(None, 90), timers(Some(1_800), 90), 1, "1800;refresher=uas");
    check(timers(None, 90), timers(None, 90), 1, "");
}

#[test]
fn the_callee_refreshes_where_the_caller_leaves_it_to_it() {
    let mut bed = bed_with(4, [timers(None, 90), timers(Some(200), 90)]);
    bed.order(A, invite(1));
    bed.run_ms(950_000);
    assert_eq!((bed.count("B UPDATE"), bed.count("A UPDATE")), (9, 0));
    assert!(bed.last("B UPDATE").contains("Session-Expires: 200;refresher=uac\r\n"));
    bed.order(A, hang_up(CallKey(1)));
    bed.run_out();
}

/// A calls a hand-written callee that agrees on 90 s, A refreshing; `more` are further headers of its 200.
fn short_session(seed: u64, more: &str) -> Bed {
    let (mut bed, invite) = raw_callee(seed, None);
    let more = format!("Require: timer\r\nSession-Expires: 90;refresher=uac\r\n{more}");
    bed.inject(A, RAW, &answer_from(&invite, "one", &more));
    bed
}

#[test]
fn a_peer_without_update_is_refreshed_by_a_reinvite_that_repeats_what_was_said() {
    for refuses_update in [false, true] {
        let mut bed = short_session(5, if refuses_update { "Allow: INVITE, UPDATE\r\n" } else { "" });
        bed.run_ms(45_000);
        if refuses_update {
            let update = bed.last("A UPDATE");
            bed.inject(A, RAW, &response_to(&update, "405 No", "one", "", ""));
        }
        let refresh = bed.last("A INVITE");
        assert!(refresh.ends_with(std::str::from_utf8(OFFER).unwrap()), "{refresh}");
        assert_eq!(header(&refresh, "Session-Expires"), "90;refresher=uac");
        let more = format!("Contact: <sip:one@{RAW}>\r\nSession-Expires: 90;refresher=uac\r\n");
        bed.inject(
            A,
            RAW,
            &response_to(&refresh, "200 OK", "one", &more, std::str::from_utf8(ANSWER).unwrap()),
        );
        assert_eq!(bed.heard(A).last().map(String::as_str), Some("refreshed sdp"));
        bed.run_ms(44_900);
        assert_eq!(bed.last("A INVITE"), refresh, "not before half the interval");
        bed.run_ms(200);
        assert_ne!(bed.last("A INVITE"), refresh);
    }
}

#[test]
fn a_refused_refresh_is_tried_again_until_the_session_ends() {
    let mut bed = short_session(6, "Allow: UPDATE\r\n");
    for _ in 0..3 {
        let before = bed.count("A UPDATE");
        while bed.count("A UPDATE") == before {
            bed.run_ms(100);
        }
        let update = bed.last("A UPDATE");
        bed.inject(A, RAW, &response_to(&update, "503 Later", "one", "Retry-After: 3\r\n", ""));
    }
    bed.run_ms(20_000);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended SessionExpired"));
    let secs = bed.peers[A].events.last().map(|(at, _)| (*at - bed.start()).as_secs());
    assert_eq!(secs, Some(60), "90 s less a third");
}

#[test]
fn a_peer_that_forgot_the_session_ends_it() {
    let mut bed = short_session(7, "Allow: UPDATE\r\n");
    bed.run_ms(45_000);
    let update = bed.last("A UPDATE");
    bed.inject(A, RAW, &response_to(&update, "481 Gone", "one", "", ""));
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Remote"));
    assert_eq!(bed.count("A BYE"), 1);
}

#[test]
fn a_change_waits_for_a_refresh_under_way() {
    let mut bed = short_session(8, "Allow: UPDATE\r\n");
    bed.run_ms(45_000);
    bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
    assert_eq!(bed.count("A INVITE"), 1);
    let update = bed.last("A UPDATE");
    bed.inject(A, RAW, &response_to(&update, "200 OK", "one", "Session-Expires: 90;refresher=uac\r\n", ""));
    assert_eq!(bed.count("A INVITE"), 2);
    let reinvite = bed.last("A INVITE");
    bed.inject(A, RAW, &response_to(&reinvite, "488 No", "one", "", ""));
    assert_eq!(bed.heard(A)[1..], ["refreshed", "reinvite failed 488"]);
}

#[test]
fn intervals_in_requests_within_the_call_are_judged_too() {
    let (mut bed, tag) = raw_call(9);
    let update = |branch: &str, cseq, more: &str| request("UPDATE", branch, cseq, &tag, more, "");
    bed.inject(B, RAW, &update("3", 2, "Supported: timer\r\nSession-Expires: 60\r\n"));
    assert_eq!(header(&bed.last("B 422 UPDATE"), "Min-SE"), "90");
    bed.inject(B, RAW, &update("4", 3, "Supported: timer\r\nSession-Expires: 100;refresher=uas\r\n"));
    assert_eq!(header(&bed.last("B 200 UPDATE"), "Session-Expires"), "100;refresher=uas");
    let invite =
        sdp_invite("5", 4, &tag).replace("Contact", "Supported: timer\r\nSession-Expires: 60\r\nContact");
    bed.inject(B, RAW, &invite);
    assert_eq!(header(&bed.last("B 422 INVITE"), "Min-SE"), "90");
    // A request without a word about it, of a peer that knows the extension, leaves what runs.
    bed.inject(B, RAW, &update("6", 5, "Supported: timer\r\n"));
    assert_eq!(header(&bed.last("B 200 UPDATE"), "Session-Expires"), "100;refresher=uas");
    bed.inject(B, RAW, &update("7", 6, ""));
    assert_eq!(header(&bed.last("B 200 UPDATE"), "Session-Expires"), "", "a peer that knows it not ends it");
    bed.run_ms(400_000);
    assert_eq!(bed.heard(B).last().map(String::as_str), Some("refreshed"));
}

#[test]
fn updates_within_the_call_are_judged_by_what_is_open() {
    let (mut bed, tag) = raw_call(10);
    bed.behave(B, |_| Vec::new());
    let key = bed.incoming(B);
    let sdp = "Content-Type: application/sdp\r\n";
    let offer = std::str::from_utf8(OFFER).unwrap();
    let update = |branch: &str, cseq| request("UPDATE", branch, cseq, &tag, sdp, offer);
    bed.inject(B, RAW, &update("3", 2));
    bed.inject(B, RAW, &update("4", 3));
    bed.inject(B, RAW, &request("UPDATE", "5", 4, &tag, "", ""));
    bed.inject(B, RAW, &sdp_invite("6", 5, &tag));
    assert_eq!(codes(&bed)[3..], ["500 UPDATE", "500 UPDATE", "500 INVITE"]);
    bed.order(B, Order::AnswerReinvite { key, sdp: ANSWER.to_vec() });
    assert!(bed.last("B 200 UPDATE").contains("v=0"), "an UPDATE is answered at once, without ACK");
    bed.order(B, Order::Reinvite { key, sdp: OFFER.to_vec() });
    bed.inject(B, RAW, &update("7", 6));
    bed.inject(B, RAW, &sdp_invite("8", 7, &tag));
    assert_eq!(codes(&bed)[7..], ["491 UPDATE", "491 INVITE"]);
    assert_eq!(bed.heard(B)[2..], ["update sdp"]);
}

#[test]
fn who_sends_a_reinvite_has_our_answer() {
    let mut bed = Bed::new(11);
    bed.behave(B, answer_at_once);
    bed.inject(B, RAW, &sdp_invite("1", 1, ""));
    let tag = to_tag(&bed.last("B 200 INVITE"));
    bed.inject(B, RAW, &sdp_invite("3", 2, &tag));
    bed.inject(B, RAW, &request("ACK", "2", 1, &tag, "", ""));
    bed.inject(B, RAW, &request("ACK", "4", 2, &tag, "", ""));
    assert_eq!(bed.heard(B), ["incoming", "acknowledged", "reinvite sdp", "acknowledged"]);
}

#[test]
fn a_request_that_a_later_one_overtook_is_sent_again() {
    let (mut bed, invite) = raw_callee(12, None);
    bed.inject(A, RAW, &answer_from(&invite, "one", ""));
    bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
    let refer = sip::Refer {
        target: sip::ReferTarget::Uri("sip:x@h".into()),
        referred_by: false,
        wants_progress: true,
    };
    bed.order(A, Order::Refer { key: CallKey(1), refer });
    let reinvite = bed.last("A INVITE");
    bed.inject(A, RAW, &response_to(&reinvite, "500 Out Of Order", "one", "", ""));
    assert_eq!((bed.count("A INVITE"), header(&bed.last("A INVITE"), "CSeq").as_str()), (3, "4 INVITE"));
    let again = bed.last("A INVITE");
    bed.inject(A, RAW, &response_to(&again, "500 Broken", "one", "", ""));
    assert_eq!(
        bed.heard(A).last().map(String::as_str),
        Some("reinvite failed 500"),
        "nothing overtook this one"
    );
}

#[test]
fn byes_that_cross_are_both_answered() {
    for late_ms in [0, 600] {
        let (mut bed, at_a, at_b) = talking(13);
        if late_ms > 0 {
            bed.lose_first("BYE", 1);
        }
        bed.order(A, hang_up(at_a));
        bed.order(B, hang_up(at_b));
        bed.run_out();
        assert_eq!((bed.count("A 200 BYE"), bed.count("B 200 BYE")), (1, 1), "{late_ms}: {:?}", bed.wire());
        for peer in [A, B] {
            assert_eq!(bed.heard(peer).last().map(String::as_str), Some("ended Local"));
        }
    }
}

#[test]
fn a_change_that_the_end_of_the_call_overtakes_is_not_waited_for_for_ever() {
    let (mut bed, at_a, at_b) = talking(14);
    bed.behave(B, |_| Vec::new());
    bed.order(A, Order::Reinvite { key: at_a, sdp: OFFER.to_vec() });
    bed.run_ms(50);
    bed.lose(|packet| packet.name().ends_with(" INVITE"));
    bed.order(B, hang_up(at_b));
    bed.run_out();
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Remote"));
}

#[test]
fn what_we_can_is_said_where_it_is_asked_for() {
    let (mut bed, at_a, at_b) = talking(15);
    bed.behave(A, answer_at_once);
    bed.order(B, Order::Reinvite { key: at_b, sdp: OFFER.to_vec() });
    bed.run_ms(100);
    let allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY";
    let check = |name: &str, supported: &str| {
        let text = bed.last(name);
        assert_eq!(
            (header(&text, "Allow").as_str(), header(&text, "Supported").as_str()),
            (allow, supported),
            "{name}"
        );
    };
    check("A INVITE", "100rel, timer, replaces, norefersub");
    check("B 200 INVITE", "100rel, timer, replaces, norefersub");
    // Nobody is to ring reliably within a call.
    check("B INVITE", "timer, replaces, norefersub");
    check("A 200 INVITE", "100rel, timer, replaces, norefersub");
    bed.order(A, hang_up(at_a));
    bed.run_out();
}
