//! The journal: takes timeline lines from every room without making it wait, writes them in batches, and shows
//! them live to whoever follows a call. Never the truth: that is what events are for.

use crate::losses::Losses;
use crate::panics::caught;
use model::CallId;
use model::timeline::TimelineEntry;
use ports::{Store, Timeline};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

/// Most lines waiting to be written; one more is dropped and counted.
const WAITING_MAX: usize = 16_384;
/// Most lines written at once.
const BATCH_MAX: usize = 1_000;
/// How long a line waits for company.
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// How often a batch is tried before it is given up.
const WRITE_ATTEMPTS: u32 = 5;
/// Most calls followed at once.
const FEEDS_MAX: usize = 1_024;
/// Most lines a follower may lag behind.
const FEED_LAG_MAX: usize = 256;
/// Longest summary, in bytes (see [`TimelineEntry::summary`]).
const SUMMARY_BYTES_MAX: usize = 200;
/// Longest detail, in bytes of JSON (see [`TimelineEntry::detail`]).
const DETAIL_BYTES_MAX: usize = 4_096;

/// The timelines of all calls.
pub struct Journal {
    lines: mpsc::Sender<Line>,
    feeds: Mutex<HashMap<CallId, broadcast::Sender<TimelineEntry>>>,
    /// Size of `feeds`, so that nobody locks while nobody follows.
    followed: AtomicUsize,
    dropped: Arc<AtomicU64>,
}

enum Line {
    Entry(Box<TimelineEntry>),
    /// Answered when everything before it is written or given up.
    Flush(oneshot::Sender<()>),
}

impl Journal {
    /// Starts the writer; it ends with the last handle. Must be called on a tokio runtime.
    pub fn start(store: Arc<dyn Store>) -> Arc<Self> {
        let (lines, waiting) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(waiting, store, dropped.clone()));
        Arc::new(Self { lines, feeds: Mutex::default(), followed: AtomicUsize::new(0), dropped })
    }

    /// Returns when every line noted so far is in the store, or given up.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.lines.send(Line::Flush(done)).await.is_ok() {
            // An error says that the writer is gone, and then there is nothing to wait for.
            let _ = flushed.await;
        }
    }

    /// Lines that were lost: the queue was full, or the store would not take them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The call's lines from now on. When as many calls are followed as may be, the receiver is closed at once.
    pub fn subscribe(&self, call: CallId) -> broadcast::Receiver<TimelineEntry> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.receiver_count() > 0);
        let (fresh, closed) = broadcast::channel(FEED_LAG_MAX);
        let receiver = if feeds.len() < FEEDS_MAX || feeds.contains_key(&call) {
            feeds.entry(call).or_insert(fresh).subscribe()
        } else {
            closed
        };
        self.followed.store(feeds.len(), Ordering::Relaxed);
        receiver
    }

    fn show(&self, entry: &TimelineEntry) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(feed) = feeds.get(&entry.call) else { return };
        if feed.send(entry.clone()).is_err() {
            feeds.remove(&entry.call);
            self.followed.store(feeds.len(), Ordering::Relaxed);
        }
    }
}

impl Timeline for Journal {
    fn note(&self, entry: TimelineEntry) {
        if self.followed.load(Ordering::Relaxed) > 0 {
            self.show(&entry);
        }
        if self.lines.try_send(Line::Entry(Box::new(entry))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn write(mut waiting: mpsc::Receiver<Line>, store: Arc<dyn Store>, dropped: Arc<AtomicU64>) {
    let mut losses = Losses::default();
    while let Some(first) = waiting.recv().await {
        let (entries, flush) = gather(first, &mut waiting).await;
        let lines = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        if lines > 0 && caught(append(store.as_ref(), entries, &dropped)).await.is_none() {
            tracing::error!(lines, "writing timeline lines panicked");
            dropped.fetch_add(lines, Ordering::Relaxed);
        }
        if let Some(lines) = losses.fresh(dropped.load(Ordering::Relaxed)) {
            tracing::warn!(lines, "timeline lines were lost");
        }
        if let Some(flush) = flush {
            // Whoever asked may be gone.
            let _ = flush.send(());
        }
    }
}

/// A batch: what comes within [`BATCH_WAIT`], until a flush.
async fn gather(
    first: Line,
    waiting: &mut mpsc::Receiver<Line>,
) -> (Vec<TimelineEntry>, Option<oneshot::Sender<()>>) {
    let until = Instant::now() + BATCH_WAIT;
    let mut entries = Vec::new();
    let mut next = Some(first);
    while let Some(line) = next {
        match line {
            Line::Entry(entry) => entries.push(bounded(*entry)),
            Line::Flush(done) => return (entries, Some(done)),
        }
        if entries.len() >= BATCH_MAX {
            break;
        }
        next = timeout_at(until, waiting.recv()).await.ok().flatten();
    }
    (entries, None)
}

async fn append(store: &dyn Store, entries: Vec<TimelineEntry>, dropped: &AtomicU64) {
    let mut wait = Duration::from_millis(100);
    for _ in 0..WRITE_ATTEMPTS {
        let Err(error) = store.append_timeline(entries.clone()).await else { return };
        tracing::warn!(%error, lines = entries.len(), "timeline lines could not be written");
        sleep(wait).await;
        wait *= 2;
    }
    dropped.fetch_add(u64::try_from(entries.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// The entry within its limits.
fn bounded(mut entry: TimelineEntry) -> TimelineEntry {
    let cut = entry.summary.floor_char_boundary(SUMMARY_BYTES_MAX);
    entry.summary.truncate(cut);
    if !matches!(entry.detail, Value::Null | Value::Bool(_) | Value::Number(_)) {
        let text = entry.detail.to_string();
        if text.len() > DETAIL_BYTES_MAX {
            // Escaping can at most double a JSON text that is itself put into a string.
            let cut = text.floor_char_boundary(DETAIL_BYTES_MAX / 2 - 32);
            entry.detail = json!({ "cut": text.get(..cut) });
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::timeline::TimelineKind;
    use model::{IdSource, Timestamp};

    fn entry(summary: &str, detail: Value) -> TimelineEntry {
        let call = CallId::generate(&mut IdSource::new(1), Timestamp::default());
        let summary = summary.to_owned();
        TimelineEntry { call, at: Timestamp::default(), kind: TimelineKind::Call, summary, detail }
    }

    #[test]
    fn entries_are_cut_to_their_limits() {
        let long = bounded(entry(&"ä".repeat(150), json!({ "text": "\"".repeat(5_000) })));
        assert_eq!(long.summary, "ä".repeat(100));
        assert!(long.detail.to_string().len() <= DETAIL_BYTES_MAX, "{}", long.detail.to_string().len());
        let short = entry("rings", json!({ "a": 1 }));
        assert_eq!(bounded(short.clone()), short);
    }
}
