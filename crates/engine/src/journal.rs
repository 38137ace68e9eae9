//! The journal: takes timeline lines from every room without making it wait, writes them in batches, and shows
//! them live to whoever follows a call. Never the truth: that is what events are for.

use crate::figures;
use crate::losses::Losses;
use crate::panics::caught;
use metrics::counter;
use model::CallId;
use model::timeline::{TIMELINE_DETAIL_BYTES_MAX, TimelineEntry};
use ports::{Store, Timeline};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// Most lines waiting to be written; one more is dropped and counted.
const WAITING_MAX: usize = 16_384;
/// Most lines written at once.
const BATCH_MAX: usize = 1_000;
/// How long a line waits for company.
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// Most lines kept while the store does not take them; one more is dropped and counted.
const BACKLOG_MAX: usize = 50_000;
/// How long to wait before the store is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// Most calls followed at once.
const FEEDS_MAX: usize = 1_024;
/// Most lines a follower may lag behind.
const FEED_LAG_MAX: usize = 256;
/// Longest summary, in bytes (see [`TimelineEntry::summary`]).
const SUMMARY_BYTES_MAX: usize = 200;

/// The timelines of all calls.
pub struct Journal {
    lines: mpsc::Sender<Line>,
    feeds: Mutex<HashMap<CallId, broadcast::Sender<TimelineEntry>>>,
    /// Size of `feeds`, so that nobody locks while nobody follows.
    followed: AtomicUsize,
    dropped: Arc<AtomicU64>,
    /// Lines that the store has not taken yet.
    backlog: Arc<AtomicUsize>,
}

enum Line {
    Entry(Box<TimelineEntry>),
    /// Answered when everything before it is written, or kept because the store takes nothing now.
    Flush(oneshot::Sender<()>),
}

impl Journal {
    /// Starts the writer; it ends with the last handle. Must be called on a tokio runtime.
    pub fn start(store: Arc<dyn Store>) -> Arc<Self> {
        let (lines, waiting) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let backlog = Backlog::default();
        let kept = backlog.size.clone();
        tokio::spawn(write(waiting, store, dropped.clone(), backlog));
        let (feeds, followed) = (Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { lines, feeds, followed, dropped, backlog: kept })
    }

    /// Returns when every line noted so far is in the store, or kept because the store takes nothing now.
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

    /// Reads levels into the metrics facade.
    pub(crate) fn sample(&self) {
        let waiting = self.lines.max_capacity() - self.lines.capacity();
        figures::level("lyrebird_timeline_lines_waiting", waiting);
        figures::level("lyrebird_timeline_backlog_lines", self.backlog.load(Ordering::Relaxed));
        figures::level("lyrebird_timeline_feeds", self.followed.load(Ordering::Relaxed));
        counter!("lyrebird_timeline_lines_dropped_total").absolute(self.dropped());
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

async fn write(
    mut waiting: mpsc::Receiver<Line>,
    store: Arc<dyn Store>,
    dropped: Arc<AtomicU64>,
    mut backlog: Backlog,
) {
    let mut losses = Losses::default();
    while let Some(first) = next(&mut waiting, backlog.lines.is_empty()).await {
        let (entries, flush) = match first {
            Some(line) => gather(line, &mut waiting).await,
            None => Default::default(),
        };
        backlog.keep(entries, &dropped);
        backlog.write(store.as_ref(), &dropped).await;
        backlog.size.store(backlog.lines.len(), Ordering::Relaxed);
        if let Some(lines) = losses.fresh(dropped.load(Ordering::Relaxed)) {
            tracing::warn!(lines, "timeline lines were lost");
        }
        if let Some(flush) = flush {
            // Whoever asked may be gone.
            let _ = flush.send(());
        }
    }
    backlog.write(store.as_ref(), &dropped).await;
}

/// The next line; nothing when it is time to try again what could not be written. None: no line will ever come.
async fn next(waiting: &mut mpsc::Receiver<Line>, all_written: bool) -> Option<Option<Line>> {
    if all_written {
        return waiting.recv().await.map(Some);
    }
    match timeout(RETRY_WAIT, waiting.recv()).await {
        Ok(line) => line.map(Some),
        Err(_) => Some(None),
    }
}

/// Lines that the store has not taken yet, in order: a full disk passes, and their calls' stories stay whole.
#[derive(Default)]
struct Backlog {
    lines: VecDeque<TimelineEntry>,
    failing: bool,
    /// How many there are, for whoever asks.
    size: Arc<AtomicUsize>,
}

impl Backlog {
    fn keep(&mut self, entries: Vec<TimelineEntry>, dropped: &AtomicU64) {
        for entry in entries {
            if self.lines.len() < BACKLOG_MAX {
                self.lines.push_back(entry);
            } else {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Writes as much as the store takes.
    async fn write(&mut self, store: &dyn Store, dropped: &AtomicU64) {
        while !self.lines.is_empty() {
            let batch: Vec<_> = self.lines.iter().take(BATCH_MAX).cloned().collect();
            let lines = batch.len();
            match caught(store.append_timeline(batch)).await {
                Some(Ok(())) => self.failing = false,
                Some(Err(error)) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(%error, "timeline lines cannot be written; they are kept for later");
                    }
                    return;
                }
                None => {
                    tracing::error!(lines, "writing timeline lines panicked");
                    dropped.fetch_add(u64::try_from(lines).unwrap_or(u64::MAX), Ordering::Relaxed);
                }
            }
            self.lines.drain(..lines);
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

/// The entry within its limits.
fn bounded(mut entry: TimelineEntry) -> TimelineEntry {
    let cut = entry.summary.floor_char_boundary(SUMMARY_BYTES_MAX);
    entry.summary.truncate(cut);
    if !matches!(entry.detail, Value::Null | Value::Bool(_) | Value::Number(_)) {
        let text = entry.detail.to_string();
        if text.len() > TIMELINE_DETAIL_BYTES_MAX {
            // Escaping can at most double a JSON text that is itself put into a string.
            let cut = text.floor_char_boundary(TIMELINE_DETAIL_BYTES_MAX / 2 - 32);
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
        let long = bounded(entry(&"ä".repeat(150), json!({ "text": "\"".repeat(20_000) })));
        assert_eq!(long.summary, "ä".repeat(100));
        assert!(
            long.detail.to_string().len() <= TIMELINE_DETAIL_BYTES_MAX,
            "{}",
            long.detail.to_string().len()
        );
        let short = entry("rings", json!({ "a": 1 }));
        assert_eq!(bounded(short.clone()), short);
    }
}
