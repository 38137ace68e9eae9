//! The recordings of a call, from their start until their file is there or never will be.
//! Knows nothing of who wanted them, nor of files.

use super::desk::Desk;
use super::timers::Timer;
use model::call::Call;
use model::event::EventBody;
use model::flow::WhichRecording;
use model::recording::{Recording, RecordingEnd, RecordingFormat, RecordingOrigin, RecordingStatus};
use model::sound::{RecordFact, RecordOrder, RecordSource};
use model::{CommandId, RecordingId, Timestamp};
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

/// What somebody wants recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// A command whose first recording bears its id, so that whoever gave it knows the recording's name at once.
    pub(super) named_by: Option<CommandId>,
    /// Which sound.
    pub(super) source: RecordSource,
    /// Who asks.
    pub(super) origin: RecordingOrigin,
    /// It ends after so much sound.
    pub(super) length_ms_max: Option<u32>,
    /// What is said is to be written down.
    pub(super) transcribe: bool,
    /// In which language.
    pub(super) transcribe_locale: Option<String>,
}

/// One recording that is not final.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Open {
    row: Recording,
    /// How much more it may keep; as it was when it last went on.
    left_ms: Option<u64>,
    /// Since when it keeps sound without a pause.
    going_since: Timestamp,
}

impl Open {
    fn turn(&mut self, status: RecordingStatus, desk: &Desk) {
        self.row.status = status;
        self.row.updated_at = Some(desk.now);
    }
}

/// The recordings that are not final.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Recordings {
    open: Vec<Open>,
    /// All there ever were.
    made: Vec<RecordingId>,
}

impl Recordings {
    /// Most recordings of one call.
    const MAX: usize = 100;

    /// Starts one; none if the call has as many as it may.
    pub(super) fn start(&mut self, ask: Ask, desk: &mut Desk) -> Option<RecordingId> {
        if self.is_full() {
            return None;
        }
        let named = ask.named_by.map(|command| RecordingId::from_uuid(command.uuid()));
        let id = named.filter(|id| !self.made.contains(id)).unwrap_or_else(|| desk.recording_id());
        self.made.push(id);
        let (source, left_ms) = (ask.source, ask.length_ms_max.map(u64::from));
        self.open.push(Open { row: new_row(id, ask, desk), left_ms, going_since: desk.now });
        desk.order_record(RecordOrder::Start { recording: id, source });
        if let Some(left_ms) = left_ms {
            desk.set_timer(Timer::RecordingLength(id), left_ms);
        }
        Some(id)
    }

    /// Takes over those of a call whose node died. Whoever finds their remains reports them.
    pub(super) fn adopt(&mut self, rows: Vec<Recording>, desk: &mut Desk) {
        for mut row in rows.into_iter().filter(|row| !row.status.is_final()).take(Self::MAX) {
            desk.set_timer(Timer::RecordingFile(row.id), FILE_MS);
            self.made.push(row.id);
            row.ended_by.get_or_insert(RecordingEnd::NodeLost);
            self.open.push(Open { row, left_ms: None, going_since: desk.now });
        }
    }

    /// Keeps nothing of one until it is resumed; one that is not kept anyhow stays so.
    pub(super) fn pause(&mut self, id: RecordingId, desk: &mut Desk) {
        let Some(open) = self.open.iter_mut().find(|open| is(open, id, RecordingStatus::Recording)) else {
            return;
        };
        let kept_ms = u64::try_from(desk.now.since(open.going_since).as_millis()).unwrap_or(u64::MAX);
        open.left_ms = open.left_ms.map(|left_ms| left_ms.saturating_sub(kept_ms));
        open.turn(RecordingStatus::Paused, desk);
        let recording = open.row.clone();
        desk.timers.clear(Timer::RecordingLength(id));
        desk.order_record(RecordOrder::Pause { recording: id });
        desk.emit(EventBody::RecordingChanged { recording });
    }

    /// Goes on with one that is paused.
    pub(super) fn resume(&mut self, id: RecordingId, desk: &mut Desk) {
        let Some(open) = self.open.iter_mut().find(|open| is(open, id, RecordingStatus::Paused)) else {
            return;
        };
        open.going_since = desk.now;
        open.turn(RecordingStatus::Recording, desk);
        let (recording, left_ms) = (open.row.clone(), open.left_ms);
        if let Some(left_ms) = left_ms {
            desk.set_timer(Timer::RecordingLength(id), left_ms);
        }
        desk.order_record(RecordOrder::Resume { recording: id });
        desk.emit(EventBody::RecordingChanged { recording });
    }

    /// Stops one that still runs.
    pub(super) fn stop(&mut self, id: RecordingId, by: RecordingEnd, desk: &mut Desk) {
        let running = |open: &&mut Open| open.row.id == id && open.row.status.is_live();
        if let Some(open) = self.open.iter_mut().find(running) {
            open.turn(RecordingStatus::Processing, desk);
            open.row.ended_at = Some(desk.now);
            open.row.ended_by = Some(by);
            desk.timers.clear(Timer::RecordingLength(id));
            desk.order_record(RecordOrder::Stop { recording: id });
            desk.set_timer(Timer::RecordingFile(id), FILE_MS);
        }
    }

    /// Stops all that still run.
    pub(super) fn stop_all(&mut self, by: RecordingEnd, desk: &mut Desk) {
        let ids: Vec<RecordingId> = self.rows().map(|row| row.id).collect();
        for id in ids {
            self.stop(id, by, desk);
        }
    }

    /// The one that is meant, if it runs: of those that record the whole call the newest, unless it is named.
    pub(super) fn find(&self, which: WhichRecording) -> Option<RecordingId> {
        let meant = |row: &&Recording| match which.recording {
            Some(id) => row.id == id,
            None => row.origin != RecordingOrigin::Message,
        };
        let mut live: Vec<&Recording> = self.rows().filter(|row| row.status.is_live()).collect();
        live.reverse();
        live.into_iter().find(meant).map(|row| row.id)
    }

    /// Whether one runs that a command started.
    pub(super) fn is_commanded(&self) -> bool {
        self.rows().any(|row| row.origin == RecordingOrigin::Command && row.status.is_live())
    }

    /// The call has as many recordings as it may.
    pub(super) fn is_full(&self) -> bool {
        self.made.len() >= Self::MAX
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
                    open.turn(RecordingStatus::Recording, desk);
                    desk.emit(EventBody::RecordingChanged { recording: open.row.clone() });
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
        row.ended_by.get_or_insert(RecordingEnd::Failed);
        row.failure = Some(reason.clone());
        desk.emit(EventBody::RecordingCompleted { recording: row });
        Some(RecordNews::Over(id, Err(reason)))
    }

    fn take(&mut self, id: RecordingId, desk: &mut Desk) -> Option<Recording> {
        let at = self.open.iter().position(|open| open.row.id == id)?;
        let mut row = self.open.remove(at).row;
        row.ended_at.get_or_insert(desk.now);
        row.updated_at = Some(desk.now);
        desk.timers.clear(Timer::RecordingFile(id));
        desk.timers.clear(Timer::RecordingLength(id));
        Some(row)
    }
}

fn is(open: &Open, id: RecordingId, status: RecordingStatus) -> bool {
    open.row.id == id && open.row.status == status
}

fn new_row(id: RecordingId, ask: Ask, desk: &Desk) -> Recording {
    let Call { id: call, app, .. } = desk.call;
    Recording {
        id,
        call,
        app,
        status: RecordingStatus::Recording,
        source: ask.source,
        origin: ask.origin,
        format: RecordingFormat::Wav,
        transcribe: ask.transcribe,
        transcribe_locale: ask.transcribe_locale,
        duration_ms: None,
        bytes: None,
        failure: None,
        ended_by: None,
        started_at: desk.now,
        ended_at: None,
        updated_at: Some(desk.now),
    }
}
