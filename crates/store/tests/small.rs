//! Idempotency keys by themselves, timelines, and finished files.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use common::{World, at};
use model::CallId;
use model::timeline::{TIMELINE_ENTRIES_MAX, TimelineEntry, TimelineKind};
use ports::store::{IdempotencyStore, Reserved, TimelineStore};
use ports::{Blob, BlobError, StoreError};
use std::os::unix::fs::MetadataExt;
use store::LocalBlob;

#[tokio::test]
async fn a_reserved_key_is_pending_then_replayed() {
    let mut world = World::new().await;
    let (key, response) = world.idempotency("key", 1);
    let (other_body, _) = world.idempotency("key", 2);
    let store = &world.store;
    assert_eq!(store.complete(&key, &response).await, Err(StoreError::NotFound));
    assert_eq!(store.reserve(&key).await, Ok(Reserved::Ours));
    assert_eq!(store.reserve(&key).await, Ok(Reserved::Pending));
    assert_eq!(store.reserve(&other_body).await, Ok(Reserved::Mismatch));
    store.release(&other_body).await.unwrap();
    assert_eq!(store.reserve(&key).await, Ok(Reserved::Pending), "released by another request");
    store.release(&key).await.unwrap();
    assert_eq!(store.reserve(&key).await, Ok(Reserved::Ours));
    store.complete(&key, &response).await.unwrap();
    assert_eq!(store.reserve(&key).await, Ok(Reserved::Replayed(response.clone())));
    store.release(&key).await.unwrap();
    assert_eq!(store.reserve(&key).await, Ok(Reserved::Replayed(response)), "an answer that was given stays");
}

#[tokio::test]
async fn expired_keys_are_forgotten() {
    let mut world = World::new().await;
    let (key, _) = world.idempotency("key", 1);
    world.store.reserve(&key).await.unwrap();
    assert_eq!(world.store.forget_expired(at(86_399_999)).await, Ok(0));
    assert_eq!(world.store.forget_expired(at(86_400_000)).await, Ok(1));
    assert_eq!(world.store.reserve(&key).await, Ok(Reserved::Ours));
}

fn entry(call: CallId, number: u32) -> TimelineEntry {
    TimelineEntry {
        call,
        at: at(u64::from(number)),
        kind: TimelineKind::Flow,
        summary: format!("step {number} of \"ü\0\u{1F600}\""),
        detail: serde_json::json!({ "number": number }),
    }
}

#[tokio::test]
async fn each_timeline_is_numbered_by_itself() {
    let mut world = World::new().await;
    let [one, two] = [0, 1].map(|millis| CallId::generate(&mut world.ids, at(millis)));
    world.store.append_timeline(vec![entry(one, 1), entry(two, 1), entry(one, 2)]).await.unwrap();
    world.store.append_timeline(vec![entry(two, 2), entry(one, 3)]).await.unwrap();
    world.store.append_timeline(vec![]).await.unwrap();
    for (call, after, limit, expected) in
        [(one, 0, 9, vec![1, 2, 3]), (two, 0, 9, vec![1, 2]), (one, 1, 1, vec![2]), (one, 3, 9, vec![])]
    {
        let stored = world.store.timeline(call, after, limit).await.unwrap();
        let entries: Vec<_> = stored.iter().map(|stored| (stored.index, stored.entry.clone())).collect();
        let expected: Vec<_> = expected.into_iter().map(|number| (number, entry(call, number))).collect();
        assert_eq!(entries, expected);
    }
}

#[tokio::test]
async fn a_full_timeline_says_so_in_its_last_line() {
    let mut world = World::new().await;
    let call = CallId::generate(&mut world.ids, at(0));
    let numbers: Vec<u32> = (1..=TIMELINE_ENTRIES_MAX + 50).collect();
    for part in numbers.chunks(300) {
        world.store.append_timeline(part.iter().map(|number| entry(call, *number)).collect()).await.unwrap();
    }
    let last = world.store.timeline(call, TIMELINE_ENTRIES_MAX - 2, 100).await.unwrap();
    assert_eq!(last.len(), 2);
    assert_eq!(last[0].entry, entry(call, TIMELINE_ENTRIES_MAX - 1));
    assert_eq!(last[1].index, TIMELINE_ENTRIES_MAX);
    assert!(last[1].entry.summary.contains("full"), "{}", last[1].entry.summary);
}

#[tokio::test]
async fn a_kept_file_is_moved_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let blob = LocalBlob::open(dir.path().join("blobs")).unwrap();
    let source = dir.path().join("spool");
    for text in ["first", "second replaces it"] {
        std::fs::write(&source, text).unwrap();
        blob.keep("recordings/a-b_1.wav", &source).await.unwrap();
        assert!(!source.exists(), "taken over");
        let path = blob.path("recordings/a-b_1.wav").await.unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    }
    assert_eq!(blob.path("recordings").await, Err(BlobError::NotFound), "a directory is no file");
    blob.remove("recordings/a-b_1.wav").await.unwrap();
    blob.remove("recordings/a-b_1.wav").await.unwrap();
    assert_eq!(blob.path("recordings/a-b_1.wav").await, Err(BlobError::NotFound));
    assert_eq!(blob.keep("recordings/x.wav", &source).await, Err(BlobError::NotFound));
}

#[tokio::test]
async fn a_file_of_another_file_system_is_copied_whole() {
    let dir = tempfile::tempdir().unwrap();
    let blob = LocalBlob::open(dir.path().join("blobs")).unwrap();
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else { return };
    let device = |path: &std::path::Path| std::fs::metadata(path).unwrap().dev();
    if device(elsewhere.path()) == device(dir.path()) {
        return; // nothing to cross on this machine
    }
    let source = elsewhere.path().join("spool");
    std::fs::write(&source, "sound").unwrap();
    blob.keep("recordings/a.wav", &source).await.unwrap();
    assert!(!source.exists());
    assert_eq!(std::fs::read_to_string(blob.path("recordings/a.wav").await.unwrap()).unwrap(), "sound");
    assert_eq!(std::fs::read_dir(dir.path().join("blobs/recordings")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_key_leads_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let blob = LocalBlob::open(dir.path().join("blobs")).unwrap();
    let (source, outside) = (dir.path().join("source"), dir.path().join("outside"));
    std::fs::write(&source, "source").unwrap();
    std::fs::write(&outside, "outside").unwrap();
    let long = "a".repeat(513);
    for key in [
        "",
        "/",
        "../outside",
        "a/../../outside",
        "/etc/passwd",
        "a//b",
        "a/",
        ".hidden",
        "a\\b",
        "a\0b",
        "ü",
        &long,
    ] {
        assert!(matches!(blob.keep(key, &source).await, Err(BlobError::Unavailable(_))), "{key:?}");
        assert_eq!(blob.path(key).await, Err(BlobError::NotFound), "{key:?}");
        assert_eq!(blob.remove(key).await, Ok(()), "{key:?}");
    }
    assert!(source.exists() && outside.exists());
}
