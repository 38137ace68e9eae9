//! What a call still has to write: numbered events, its row, its recordings. One commit is under way at a time and
//! the rest gathers behind it, so events become durable in order and in groups. A store that does not answer is
//! asked again for as long as it takes; another node's claim ends the writing for good.

use crate::core::Core;
use model::call::Call;
use model::event::{Event, EventBody};
use model::recording::{Recording, RecordingStatus};
use model::{LegId, RecordingId, Timestamp};
use ports::StoreError;
use ports::carrier::Handover;
use ports::store::CallCommit;
use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// Most events waiting for the store; a call with more is ended.
const EVENTS_WAITING_MAX: usize = 256;
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What is durable of a call, and which legs it has: what whoever cleans up after its actor needs.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// The row.
    pub(super) row: Call,
    /// The number of the last event.
    pub(super) sequence: u32,
    /// Recordings that are not final.
    pub(super) recordings: BTreeMap<RecordingId, Recording>,
    /// Legs that were dialled or adopted.
    pub(super) legs: Vec<LegId>,
}

/// Shared with whoever cleans up after a panic.
pub(super) type SharedStanding = Arc<Mutex<Standing>>;

/// The call is somebody else's now, or can never be written again.
#[derive(Debug)]
pub(super) struct Lost;

type Commit = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// A commit under way. `content` is kept for the next try.
struct Writing {
    content: CallCommit,
    result: Commit,
    retry: Duration,
}

/// The call's books.
pub(super) struct Ledger {
    core: Arc<Core>,
    fence: u64,
    sequence: u32,
    row: Call,
    row_changed: bool,
    events: Vec<Event>,
    /// Recordings as they were last handed over.
    known: BTreeMap<RecordingId, Recording>,
    changed: BTreeMap<RecordingId, Recording>,
    handover: Option<Handover>,
    writing: Option<Writing>,
    released: bool,
    standing: SharedStanding,
}

impl Ledger {
    pub(super) fn new(core: Arc<Core>, fence: u64, standing: SharedStanding) -> Self {
        let Standing { row, sequence, recordings, .. } = lock(&standing).clone();
        Self {
            core,
            fence,
            sequence,
            row,
            row_changed: false,
            events: Vec::new(),
            known: recordings,
            changed: BTreeMap::new(),
            handover: None,
            writing: None,
            released: false,
            standing,
        }
    }

    /// Adds the next event.
    pub(super) fn event(&mut self, body: EventBody, row: Call, at: Timestamp) {
        self.sequence = self.sequence.saturating_add(1);
        if let EventBody::RecordingCompleted { recording } = &body {
            self.recording(recording);
        }
        self.row = row.clone();
        self.row_changed = true;
        self.events.push(Event {
            call: row.id,
            app: row.app,
            sequence: self.sequence,
            at,
            body,
            snapshot: row,
        });
    }

    /// Dialling begins: the row says so before it happens.
    pub(super) fn started(&mut self, at: Timestamp) {
        if self.row.started_at.is_none() {
            self.row.started_at = Some(at);
            self.row_changed = true;
        }
    }

    /// A recording as it is now.
    pub(super) fn recording(&mut self, recording: &Recording) {
        if self.known.get(&recording.id) != Some(recording) {
            self.known.insert(recording.id, recording.clone());
            self.changed.insert(recording.id, recording.clone());
        }
    }

    /// What lets go of the far side. It goes along with whatever is written next: the event that follows it.
    pub(super) fn hand_over(&mut self, handover: Handover) {
        self.handover = Some(handover);
    }

    /// Everything handed over is durable.
    pub(super) fn is_clean(&self) -> bool {
        self.writing.is_none() && !self.has_news()
    }

    /// The call was let go of.
    pub(super) fn is_released(&self) -> bool {
        self.released && self.writing.is_none()
    }

    /// The store has not kept up for too long.
    pub(super) fn is_overfull(&self) -> bool {
        let under_way = self.writing.as_ref().map_or(0, |writing| writing.content.events.len());
        self.events.len() + under_way > EVENTS_WAITING_MAX
    }

    /// Starts a commit if there is something to write and none is under way. With `release`, the commit that leaves
    /// nothing behind lets go of the call.
    pub(super) fn start(&mut self, release: bool) {
        if self.writing.is_some() || self.released || !(release || self.has_news()) {
            return;
        }
        self.released = release;
        let row = self.row_changed.then(|| self.row.clone());
        self.row_changed = false;
        let content = CallCommit {
            call: self.row.id,
            fence: self.fence,
            events: std::mem::take(&mut self.events),
            row,
            recordings: std::mem::take(&mut self.changed).into_values().collect(),
            handover: self.handover.take(),
            release,
        };
        let result = commit(self.core.clone(), content.clone(), Duration::ZERO);
        self.writing = Some(Writing { content, result, retry: RETRY_FIRST });
    }

    /// Returns when the commit under way is durable; waits for ever if there is none. May be dropped and called
    /// again.
    pub(super) async fn written(&mut self) -> Result<(), Lost> {
        loop {
            let Some(writing) = &mut self.writing else { return pending().await };
            match writing.result.as_mut().await {
                Ok(()) => {
                    self.keep();
                    return Ok(());
                }
                Err(StoreError::Busy | StoreError::Unavailable(_)) => {
                    tracing::warn!(call = %self.row.id, "the store does not take a call's events; trying again");
                    writing.result = commit(self.core.clone(), writing.content.clone(), writing.retry);
                    writing.retry = (writing.retry * 2).min(RETRY_MAX);
                }
                // An earlier try was written after all: the fence says that nobody else can have done it.
                Err(StoreError::Sequence { got, expected }) if expected > got => {
                    writing.content.events.retain(|event| event.sequence >= expected);
                    writing.result = commit(self.core.clone(), writing.content.clone(), Duration::ZERO);
                }
                Err(error) => {
                    tracing::warn!(call = %self.row.id, %error, "the call is let go of");
                    return Err(Lost);
                }
            }
        }
    }

    fn has_news(&self) -> bool {
        self.row_changed || !self.events.is_empty() || !self.changed.is_empty()
    }

    /// The commit under way is durable.
    fn keep(&mut self) {
        let Some(Writing { content, .. }) = self.writing.take() else { return };
        if !content.events.is_empty() {
            self.core.events_written(content.call);
        }
        let mut standing = lock(&self.standing);
        standing.sequence = content.events.last().map_or(standing.sequence, |event| event.sequence);
        if let Some(row) = content.row {
            standing.row = row;
        }
        for recording in content.recordings {
            if recording.transcribe && recording.status == RecordingStatus::Completed {
                self.core.transcription_wake.notify_one();
            }
            if recording.status.is_final() {
                standing.recordings.remove(&recording.id);
            } else {
                standing.recordings.insert(recording.id, recording);
            }
        }
    }
}

fn commit(core: Arc<Core>, content: CallCommit, wait: Duration) -> Commit {
    Box::pin(async move {
        if !wait.is_zero() {
            sleep(wait).await;
        }
        core.store.commit_call(content).await
    })
}

/// The standing, whoever panicked while holding it.
pub(super) fn lock(standing: &SharedStanding) -> std::sync::MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}
