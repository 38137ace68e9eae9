//! Calls taken up again in a fresh endpoint, from what was kept of them: talking, waiting for an ACK, hanging up.
#![cfg(test)]

mod bed;

use bed::{A, ANSWER, B, Bed, OFFER, answer_at_once, hang_up, header, invite, talking};
use sip::{CallKey, DialogSnapshot, Event, Order, OrderError, SnapshotPhase};

/// What a peer keeps, as it comes back from where it was kept.
fn kept(bed: &Bed, peer: usize, key: CallKey) -> DialogSnapshot {
    let snapshot = bed.peers[peer].endpoint.dialog_snapshot(key).unwrap();
    serde_json::from_str(&serde_json::to_string(&snapshot).unwrap()).unwrap()
}

/// The peer's process ends, and another one takes the call up.
fn begin_anew(bed: &mut Bed, peer: usize, key: CallKey, snapshot: DialogSnapshot) {
    let (now, address) = (bed.now, bed.peers[peer].address);
    bed.peers[peer].endpoint = sip::Endpoint::new(bed::config(address), [99; 32]);
    bed.peers[peer].endpoint.restore(key, snapshot, None, now).unwrap();
    bed.drain(peer);
}

#[test]
fn the_session_timer_goes_on_from_where_it_was() {
    for (restored, refreshes) in [(A, true), (B, false)] {
        let (mut bed, at_a, at_b) = talking(1);
        let key = if restored == A { at_a } else { at_b };
        bed.run_ms(600_000);
        let snapshot = kept(&bed, restored, key);
        assert_eq!(snapshot.session.map(|session| session.we_refresh), Some(refreshes));
        bed.run_ms(200_000);
        begin_anew(&mut bed, restored, key, snapshot);
        bed.run_ms(95_000);
        assert_eq!(bed.count("A UPDATE"), 0);
        bed.run_ms(10_000);
        assert_eq!(bed.count("A UPDATE"), 1, "at 900 s, by whoever it is");
        assert_eq!(bed.heard(restored).last().map(String::as_str), Some("refreshed"));
        bed.order(B, hang_up(at_b));
        bed.run_out();
    }
}

#[test]
fn a_refresh_that_is_overdue_is_made_up_for_and_an_expired_session_ends() {
    for (asleep_secs, wanted) in [(1_000, "refreshed"), (1_900, "ended SessionExpired")] {
        let (mut bed, at_a, _) = talking(2);
        let snapshot = kept(&bed, A, at_a);
        let address = bed.peers[A].address;
        bed.peers[A].endpoint = sip::Endpoint::new(bed::config(address), [98; 32]);
        bed.run_ms(asleep_secs * 1_000);
        begin_anew(&mut bed, A, at_a, snapshot);
        bed.run_ms(100);
        assert_eq!(bed.heard(A).last().map(String::as_str), Some(wanted), "after {asleep_secs} s");
    }
}

#[test]
fn an_answer_that_waits_for_its_ack_goes_out_again() {
    let mut bed = Bed::new(3);
    bed.behave(B, answer_at_once);
    bed.lose(|packet| packet.name() == "200 INVITE");
    bed.order(A, invite(1));
    bed.run_ms(100);
    let key = bed.incoming(B);
    let snapshot = kept(&bed, B, key);
    assert!(matches!(snapshot.phase, SnapshotPhase::Unacknowledged(_)));
    bed.lose(|_| false);
    begin_anew(&mut bed, B, key, snapshot);
    bed.run_ms(100);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("answered fork 0"));
    assert_eq!(bed.heard(B).last().map(String::as_str), Some("acknowledged"));
    bed.order(A, hang_up(CallKey(1)));
    bed.run_out();
}

#[test]
fn a_bye_under_way_goes_out_again_and_the_application_hears_no_second_end() {
    for before_ack in [false, true] {
        let mut bed = Bed::new(4);
        bed.behave(B, |event| match event {
            Event::Incoming { key, .. } => vec![Order::Answer { key: *key, sdp: ANSWER.to_vec() }],
            _ => Vec::new(),
        });
        bed.lose(move |packet| packet.name() == if before_ack { "ACK" } else { "BYE" });
        bed.order(A, invite(1));
        bed.run_ms(100);
        let key = bed.incoming(B);
        bed.order(B, hang_up(key));
        let snapshot = kept(&bed, B, key);
        let SnapshotPhase::Leaving { reason } = &snapshot.phase else { panic!() };
        assert_eq!(reason.as_deref(), Some("Q.850;cause=16"));
        assert!(!bed.peers[B].endpoint.has_call(key) || before_ack);
        let cseq = snapshot.dialog.local_cseq;
        bed.lose(|_| false);
        begin_anew(&mut bed, B, key, snapshot);
        bed.run_out();
        assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Remote"));
        assert_eq!(bed.heard(B).iter().filter(|event| event.starts_with("ended")).count(), 1);
        let bye = bed.last("B BYE");
        let sent: u32 = header(&bye, "CSeq").split(' ').next().unwrap().parse().unwrap();
        assert!(sent > cseq, "newer than whatever was sent before: {bye}");
        assert_eq!(header(&bye, "Reason"), "Q.850;cause=16");
    }
}

#[test]
fn what_cannot_be_taken_up_is_refused() {
    let (mut bed, at_a, _) = talking(5);
    let snapshot = kept(&bed, A, at_a);
    let now = bed.now;
    let mut check = |key, snapshot: &DialogSnapshot, wanted| {
        let got = bed.peers[A].endpoint.restore(key, snapshot.clone(), None, now);
        assert_eq!(got, Err(wanted));
    };
    check(at_a, &snapshot, OrderError::KeyInUse);
    check(CallKey(5), &snapshot, OrderError::KeyInUse);
    let mut other = snapshot.clone();
    other.dialog.local_tag = "fresh".into();
    other.version = 1;
    check(CallKey(5), &other, OrderError::WrongState);
    let shown = format!("{snapshot:?} {:?}", snapshot.dialog);
    assert!(!shown.contains("5550100") && !shown.contains("5550101"), "{shown}");
}

#[test]
fn a_restored_call_waits_out_glare_as_the_side_it_was() {
    let (mut bed, at_a, at_b) = talking(6);
    let snapshot = kept(&bed, A, at_a);
    // Under a key of the other kind: what counts is who called.
    begin_anew(&mut bed, A, CallKey(u64::MAX), snapshot);
    bed.behave(A, answer_at_once);
    bed.order(A, Order::Reinvite { key: CallKey(u64::MAX), sdp: OFFER.to_vec() });
    bed.order(B, Order::Reinvite { key: at_b, sdp: OFFER.to_vec() });
    bed.run_ms(2_050);
    assert_eq!(bed.heard(B).last().map(String::as_str), Some("reinvite answered"), "B waits less");
    bed.order(B, hang_up(at_b));
    bed.run_out();
}
