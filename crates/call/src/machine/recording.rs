//! The recordings of a call, from their start until their file is there or never will be.
//! Knows nothing of who wanted them, nor of files.

use super::desk::Desk;
use super::timers::Timer;
use model::RecordingId;
use model::call::Call;
use model::event::EventBody;
use model::recording::{Recording, RecordingStatus};
use model::sound::{RecordFact, RecordOrder, RecordSource};
use serde::{Deserialize, Serialize};

/// What is said of one recording too many.
pub(super) const RECORDINGS_FULL: &str = "the call has as many recordings as it may";
/// How long a stopped recording's file may take.
const FILE_MS: u64 = 60_000;

/// What a fact means to those who wanted the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordNews {
    /// Sound is being kept.
    Started(RecordingId),
    /// It is over.
    Over(RecordingId, Result<(), String>),
}

/// One recording that is not final.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Open {
    row: Recording,
    /// The app started it by a command, and a command stops it.
    live: bool,
}

/// The recordings that are not final.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Recordings {
    open: Vec<Open>,
    made: usize,
}

impl Recordings {
    /// Most recordings of one call.
    const MAX: usize = 100;

    /// Starts one; none if the call has as many as it may.
    pub(super) fn start(&mut self, source: RecordSource, live: bool, desk: &mut Desk) -> Option<RecordingId> {
        if self.is_full() {
            return None;
        }
        let id = desk.recording_id();
        self.made += 1;
        self.open.push(Open { row: new_row(id, source, desk), live });
        desk.order_record(RecordOrder::Start { recording: id, source });
        Some(id)
    }

    /// Takes over those of a call whose node died. Whoever finds their remains reports them.
    pub(super) fn adopt(&mut self, rows: Vec<Recording>, desk: &mut Desk) {
        for row in rows.into_iter().filter(|row| is_open(row.status)).take(Self::MAX) {
            desk.set_timer(Timer::RecordingFile(row.id), FILE_MS);
            self.made += 1;
            self.open.push(Open { row, live: false });
        }
    }

    /// Stops one that still runs.
    pub(super) fn stop(&mut self, id: RecordingId, desk: &mut Desk) {
        let running = |open: &&mut Open| open.row.id == id && open.row.status == RecordingStatus::Recording;
        if let Some(open) = self.open.iter_mut().find(running) {
            open.row.status = RecordingStatus::Processing;
            open.row.ended_at = Some(desk.now);
            desk.order_record(RecordOrder::Stop { recording: id });
            desk.set_timer(Timer::RecordingFile(id), FILE_MS);
        }
    }

    /// Stops all that still run.
    pub(super) fn stop_all(&mut self, desk: &mut Desk) {
        let ids: Vec<RecordingId> = self.rows().map(|row| row.id).collect();
        for id in ids {
            self.stop(id, desk);
        }
    }

    /// The one that the app started and has not stopped.
    pub(super) fn live(&self) -> Option<RecordingId> {
        let running = |open: &&Open| open.live && open.row.status == RecordingStatus::Recording;
        self.open.iter().find(running).map(|open| open.row.id)
    }

    /// The call has as many recordings as it may.
    pub(super) fn is_full(&self) -> bool {
        self.made >= Self::MAX
    }

    /// All are final.
    pub(super) fn are_final(&self) -> bool {
        self.open.is_empty()
    }

    /// The rows of those that are not final, oldest first.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Recording> {
        self.open.iter().map(|open| &open.row)
    }

    /// Takes what became of one; none if it is not ours, or final already.
    pub(super) fn on_fact(&mut self, fact: RecordFact, desk: &mut Desk) -> Option<RecordNews> {
        match fact {
            RecordFact::Started { recording } => {
                let open = self.open.iter_mut().find(|open| open.row.id == recording)?;
                if open.row.status == RecordingStatus::Recording {
                    open.row.started_at = desk.now;
                }
                Some(RecordNews::Started(recording))
            }
            RecordFact::Finished { recording, duration_ms, bytes } => {
                let mut row = self.take(recording, desk)?;
                row.status = RecordingStatus::Completed;
                row.duration_ms = Some(duration_ms);
                row.bytes = Some(bytes);
                desk.emit(EventBody::RecordingCompleted { recording: row });
                Some(RecordNews::Over(recording, Ok(())))
            }
            RecordFact::Failed { recording, reason } => self.fail(recording, reason, desk),
        }
    }

    /// A stopped one's file should have been there.
    pub(super) fn on_timeout(&mut self, id: RecordingId, desk: &mut Desk) -> Option<RecordNews> {
        self.fail(id, "the file was not ready in time".to_owned(), desk)
    }

    fn fail(&mut self, id: RecordingId, reason: String, desk: &mut Desk) -> Option<RecordNews> {
        let mut row = self.take(id, desk)?;
        row.status = RecordingStatus::Failed;
        row.failure = Some(reason.clone());
        desk.emit(EventBody::RecordingCompleted { recording: row });
        Some(RecordNews::Over(id, Err(reason)))
    }

    fn take(&mut self, id: RecordingId, desk: &mut Desk) -> Option<Recording> {
        let at = self.open.iter().position(|open| open.row.id == id)?;
        let mut row = self.open.remove(at).row;
        row.ended_at.get_or_insert(desk.now);
        desk.timers.clear(Timer::RecordingFile(id));
        Some(row)
    }
}

fn new_row(id: RecordingId, source: RecordSource, desk: &Desk) -> Recording {
    let Call { id: call, app, .. } = desk.call;
    Recording {
        id,
        call,
        app,
        status: RecordingStatus::Recording,
        source,
        duration_ms: None,
        bytes: None,
        failure: None,
        started_at: desk.now,
        ended_at: None,
    }
}

const fn is_open(status: RecordingStatus) -> bool {
    matches!(status, RecordingStatus::Recording | RecordingStatus::Processing)
}
