//! Leases: who may take a call over, and who may write after that.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use common::{START, World, at, commit, ended};
use model::NodeId;
use model::recording::RecordingStatus;
use ports::StoreError;
use ports::store::{CallStore, Claim};

fn claim(node: NodeId, now_ms: u64) -> Claim {
    Claim { node, now: at(now_ms), until: at(now_ms + 30_000), limit: 10, regardless_of_lease: false }
}

/// One call, leased until 30,000 ms; who gets it?
async fn check_claim(change: impl FnOnce(&mut Claim, NodeId), now_ms: u64, taken: bool) {
    let mut world = World::new().await;
    let (call, fence) = world.placed(0).await;
    world.store.commit_call(commit(&call, fence, &[2, 3])).await.unwrap();
    let other = NodeId::generate(&mut world.ids, START);
    let mut wish = claim(other, now_ms);
    change(&mut wish, world.node);
    let claimed = world.store.claim_calls(wish).await.unwrap();
    assert_eq!(claimed.len(), usize::from(taken), "{wish:?}");
    let old_owner = world.store.commit_call(commit(&call, fence, &[4])).await;
    assert_eq!(old_owner, if taken { Err(StoreError::LeaseLost) } else { Ok(()) }, "{wish:?}");
    if let Some(claimed) = claimed.first() {
        assert_eq!((claimed.fence, claimed.last_sequence), (2, 3));
        assert_eq!((&claimed.call, claimed.setup.id), (&call, call.id));
        world.store.commit_call(commit(&call, 2, &[4])).await.unwrap();
        assert!(world.store.claim_calls(claim(world.node, now_ms)).await.unwrap().is_empty(), "taken twice");
    }
}

#[tokio::test]
async fn a_call_is_taken_over_when_its_lease_has_run_out() {
    check_claim(|_, _| {}, 29_999, false).await;
    check_claim(|_, _| {}, 30_000, true).await;
    check_claim(|wish, _| wish.regardless_of_lease = true, 1, true).await;
    check_claim(|wish, owner| wish.node = owner, 90_000, false).await;
    check_claim(
        |wish, owner| {
            wish.node = owner;
            wish.regardless_of_lease = true;
        },
        90_000,
        false,
    )
    .await;
    check_claim(|wish, _| wish.limit = 0, 90_000, false).await;
}

#[tokio::test]
async fn renewed_leases_hold_longer() {
    let mut world = World::new().await;
    world.placed(0).await;
    let other = NodeId::generate(&mut world.ids, START);
    world.store.renew_leases(other, at(90_000)).await.unwrap();
    world.store.renew_leases(world.node, at(60_000)).await.unwrap();
    assert!(world.store.claim_calls(claim(other, 59_999)).await.unwrap().is_empty());
    assert_eq!(world.store.claim_calls(claim(other, 60_000)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_unfinished_work_is_taken_over() {
    let mut world = World::new().await;
    let other = NodeId::generate(&mut world.ids, START);
    // Ended and released; ended, nothing open; ended with an open recording; not ended.
    let cases = [(true, true, false), (true, false, false), (true, false, true), (false, false, false)];
    let mut expected = Vec::new();
    for (millis, (over, release, open)) in (0..).zip(cases) {
        let (call, fence) = world.placed(millis).await;
        let mut last = commit(&call, fence, &[2]);
        last.row = over.then(|| ended(&call));
        last.release = release;
        let finished = world.recording(&call, RecordingStatus::Completed, 1);
        let processing = world.recording(&call, RecordingStatus::Processing, 2);
        last.recordings.push(finished);
        if open {
            last.recordings.push(processing.clone());
        }
        world.store.commit_call(last).await.unwrap();
        if open || !over {
            expected.push((call.id, if open { vec![processing] } else { vec![] }));
        }
    }
    let claimed = world.store.claim_calls(claim(other, 90_000)).await.unwrap();
    let got: Vec<_> = claimed.into_iter().map(|claimed| (claimed.call.id, claimed.recordings)).collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn two_claimers_share_and_never_both_get_a_call() {
    let mut world = World::new().await;
    for _ in 0..20 {
        world.placed(0).await;
    }
    let nodes = [NodeId::generate(&mut world.ids, START), NodeId::generate(&mut world.ids, START)];
    let [one, two] = nodes.map(|node| world.store.claim_calls(Claim { limit: 12, ..claim(node, 90_000) }));
    let (one, two) = tokio::join!(one, two);
    let mut calls: Vec<_> =
        one.unwrap().into_iter().chain(two.unwrap()).map(|claimed| claimed.call.id).collect();
    calls.sort();
    let all = calls.len();
    calls.dedup();
    assert_eq!((all, calls.len()), (20, 20));
}
