//! Whole calls over a network that loses, delays and reorders by seed: the end is the same as without it, and nothing is
//! left behind.
#![cfg(test)]

mod bed;

use bed::{A, ANSWER, B, Bed, OFFER, answer_at_once, hang_up, invite};
use sip::{CallKey, Event, Order};

const SEEDS: u64 = 200;

fn bad_network(seed: u64) -> Bed {
    let mut bed = Bed::new(seed);
    bed.loss_per_mille = 100;
    bed.delay_ms = 5..205;
    bed
}

/// The events that end a call, or mark that it was answered.
fn milestones(bed: &Bed, peer: usize) -> Vec<String> {
    let of_note = |event: &String| {
        ["ended", "failed", "canceled", "answered", "ack"].iter().any(|p| event.starts_with(p))
    };
    bed.heard(peer).into_iter().filter(of_note).collect()
}

fn check(seed: u64, bed: &Bed, a: &[&str], b: &[&str]) {
    assert_eq!(milestones(bed, A), a, "seed {seed}, A; {:#?}", bed.wire());
    assert_eq!(milestones(bed, B), b, "seed {seed}, B; {:#?}", bed.wire());
}

#[test]
fn calls_are_set_up_and_ended_by_the_caller() {
    for seed in 0..SEEDS {
        let mut bed = bad_network(seed);
        bed.behave(B, answer_at_once);
        bed.order(A, invite(1));
        bed.run_ms(40_000);
        bed.order(A, hang_up(CallKey(1)));
        bed.run_out();
        check(seed, &bed, &["answered fork 0", "ended Local"], &["acknowledged", "ended Remote"]);
    }
}

#[test]
fn calls_are_ended_by_the_callee_who_hangs_up_at_once() {
    for seed in 0..SEEDS {
        let mut bed = bad_network(seed);
        bed.behave(B, |event| match event {
            Event::Incoming { key, .. } => {
                vec![Order::Answer { key: *key, sdp: ANSWER.to_vec() }, hang_up(*key)]
            }
            _ => Vec::new(),
        });
        bed.order(A, invite(1));
        bed.run_out();
        check(seed, &bed, &["answered fork 0", "ended Remote"], &["ended Local"]);
    }
}

#[test]
fn refusals_arrive() {
    for seed in 0..SEEDS {
        let mut bed = bad_network(seed);
        bed.behave(B, |event| match event {
            Event::Incoming { key, .. } => {
                vec![Order::Reject { key: *key, rejection: sip::Rejection::with_code(486) }]
            }
            _ => Vec::new(),
        });
        bed.order(A, invite(1));
        bed.run_out();
        check(seed, &bed, &["failed 486 Remote"], &["canceled Local"]);
    }
}

#[test]
fn cancelled_calls_end_on_both_sides_whenever_the_cancel_comes() {
    for seed in 0..SEEDS {
        let mut bed = bad_network(seed);
        bed.order(A, invite(1));
        bed.run_ms(seed * 10);
        bed.order(A, hang_up(CallKey(1)));
        bed.run_out();
        check(seed, &bed, &["canceled Local"], &["canceled Remote"]);
    }
}

#[test]
fn a_cancel_and_an_answer_that_cross_leave_no_call_behind() {
    for seed in 0..SEEDS {
        let mut bed = bad_network(seed);
        bed.behave(B, |event| match event {
            Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 180, sdp: None }],
            _ => Vec::new(),
        });
        bed.order(A, invite(1));
        bed.run_ms(10_000);
        let key = bed.incoming(B);
        bed.order(A, hang_up(CallKey(1)));
        bed.run_ms(seed % 300);
        // The callee answers unless the CANCEL was faster.
        if bed.peers[B].endpoint.has_call(key) {
            bed.order(B, Order::Answer { key, sdp: ANSWER.to_vec() });
        }
        bed.run_out();
        let (a, b) = (milestones(&bed, A), milestones(&bed, B));
        let crossed = a == ["canceled Local crossed"] && b.last().is_some_and(|last| last == "ended Remote");
        let clean = a == ["canceled Local"] && b == ["canceled Remote"];
        assert!(crossed || clean, "seed {seed}: {a:?} {b:?} {:#?}", bed.wire());
    }
}

#[test]
fn sessions_are_changed_from_both_sides() {
    for seed in 0..SEEDS {
        let mut bed = bad_network(seed);
        bed.behave(A, answer_at_once);
        bed.behave(B, answer_at_once);
        bed.order(A, invite(1));
        bed.run_ms(40_000);
        let at_b = bed.incoming(B);
        bed.order(B, Order::Reinvite { key: at_b, sdp: OFFER.to_vec() });
        bed.run_ms(40_000);
        bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
        bed.run_ms(40_000);
        bed.order(B, hang_up(at_b));
        bed.run_out();
        for peer in [A, B] {
            let heard = bed.heard(peer);
            let changed = heard.iter().filter(|event| event.starts_with("reinvite")).count();
            assert_eq!(changed, 2, "seed {seed}, peer {peer}: {heard:?} {:#?}", bed.wire());
        }
        check(
            seed,
            &bed,
            &["answered fork 0", "acknowledged", "ended Remote"],
            &["acknowledged", "acknowledged", "ended Local"],
        );
    }
}

#[test]
fn many_calls_at_once_all_end_and_the_same_seed_gives_the_same_packets() {
    let run = |seed| {
        let mut bed = bad_network(seed);
        bed.behave(B, answer_at_once);
        for key in 1..=50 {
            bed.order(A, invite(key));
            bed.run_ms(20);
        }
        bed.run_ms(40_000);
        for key in 1..=50 {
            bed.order(A, hang_up(CallKey(key)));
        }
        bed.run_out();
        let ended = bed.heard(B).iter().filter(|event| *event == "ended Remote").count();
        assert_eq!(ended, 50, "seed {seed}");
        bed.packets.into_iter().map(|(at, packet)| (at, packet.bytes)).collect::<Vec<_>>()
    };
    assert!(run(7) == run(7));
    assert!(run(7) != run(8));
}

/// A scenario over a clean network and over bad ones: what both sides hear of note is the same.
#[track_caller]
fn same_in_the_end(of_note: &[&str], scenario: impl Fn(&mut Bed)) {
    let outcome = |mut bed: Bed| {
        scenario(&mut bed);
        bed.run_out();
        let heard = [A, B].map(|peer| {
            let note = |event: &String| of_note.iter().any(|prefix| event.starts_with(prefix));
            bed.heard(peer).into_iter().filter(note).collect::<Vec<_>>()
        });
        (heard, bed.wire())
    };
    let (clean, _) = outcome(Bed::new(0));
    for seed in 0..SEEDS {
        let (heard, wire) = outcome(bad_network(seed));
        assert_eq!(heard, clean, "seed {seed}: {wire:#?}");
    }
}

const PAUSE_MS: u64 = 40_000;

#[test]
fn early_sound_is_acknowledged_before_the_answer() {
    same_in_the_end(&["183", "provisional", "answered", "acknowledged", "ended"], |bed| {
        bed.behave(B, |event| match event {
            Event::Incoming { key, .. } => vec![
                Order::Ring { key: *key, code: 183, sdp: Some(ANSWER.to_vec()) },
                Order::Answer { key: *key, sdp: ANSWER.to_vec() },
            ],
            _ => Vec::new(),
        });
        bed.order(A, invite(1));
        bed.run_ms(PAUSE_MS);
        bed.order(B, hang_up(bed.incoming(B)));
    });
}

#[test]
fn offers_of_the_callee_are_answered_in_prack_and_ack() {
    for early in [true, false] {
        same_in_the_end(&["provisional", "answer wanted", "answered", "acknowledged", "ended"], |bed| {
            bed.behave(A, |event| match event {
                Event::AnswerWanted { key, place, .. } => {
                    vec![Order::GiveAnswer { key: *key, place: *place, sdp: ANSWER.to_vec() }]
                }
                _ => Vec::new(),
            });
            bed.behave(B, move |event| match event {
                Event::Incoming { key, .. } => {
                    let ring = Order::Ring { key: *key, code: 183, sdp: Some(OFFER.to_vec()) };
                    let answer = Order::Answer { key: *key, sdp: OFFER.to_vec() };
                    if early { vec![ring, answer] } else { vec![answer] }
                }
                _ => Vec::new(),
            });
            bed.order(A, bed::offerless(1));
            bed.run_ms(PAUSE_MS);
            bed.order(A, hang_up(CallKey(1)));
        });
    }
}

#[test]
fn changes_that_meet_both_end() {
    for seed in 0..SEEDS {
        let mut bed = bad_network(seed);
        bed.behave(A, answer_at_once);
        bed.behave(B, answer_at_once);
        bed.order(A, invite(1));
        bed.run_ms(PAUSE_MS);
        let at_b = bed.incoming(B);
        bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
        bed.order(B, Order::Reinvite { key: at_b, sdp: OFFER.to_vec() });
        bed.run_ms(2 * PAUSE_MS);
        bed.order(A, hang_up(CallKey(1)));
        bed.run_out();
        for peer in [A, B] {
            let done = |event: &&String| {
                event.starts_with("reinvite answered") || event.starts_with("reinvite failed")
            };
            let count = bed.heard(peer).iter().filter(done).count();
            assert_eq!(count, 1, "seed {seed}, peer {peer}: {:?} {:#?}", bed.heard(peer), bed.wire());
        }
    }
}

#[test]
fn transfers_are_told_to_the_end() {
    same_in_the_end(&["refer Accepted", "refer Succeeded", "ended"], |bed| {
        bed.behave(B, |event| match event {
            Event::ReferReceived { key, refer, .. } => vec![
                Order::AnswerRefer { key: *key, refer: *refer, code: 202 },
                Order::NotifyRefer { key: *key, refer: *refer, code: 180, reason: None },
                Order::NotifyRefer { key: *key, refer: *refer, code: 200, reason: None },
            ],
            event => answer_at_once(event),
        });
        bed.order(A, invite(1));
        bed.run_ms(PAUSE_MS);
        let target = sip::ReferTarget::Uri("sip:x@h".into());
        let refer = sip::Refer { target, referred_by: true, wants_progress: true };
        bed.order(A, Order::Refer { key: CallKey(1), refer });
        bed.run_ms(2 * PAUSE_MS);
        bed.order(A, hang_up(CallKey(1)));
    });
}

#[test]
fn sessions_are_refreshed_for_an_hour() {
    for seed in 0..SEEDS / 4 {
        let mut bed = bad_network(seed);
        bed.behave(B, answer_at_once);
        bed.order(A, invite(1));
        bed.run_ms(3_600_000);
        assert_eq!(bed.heard(B).iter().filter(|event| *event == "refreshed").count(), 3, "seed {seed}");
        bed.order(A, hang_up(CallKey(1)));
        bed.run_out();
        check(seed, &bed, &["answered fork 0", "ended Local"], &["acknowledged", "ended Remote"]);
    }
}
