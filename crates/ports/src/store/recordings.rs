//! Recordings of an app: found, measured and deleted. They are written with their call.

use super::{Place, StoreError};
use model::call::{Call, Direction, Mode};
use model::recording::Recording;
use model::{AppId, CallId, RecordingId, Timestamp};
use uuid::Uuid;

/// Which recordings of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordingFilter {
    /// Only this one.
    pub id: Option<RecordingId>,
    /// Only of this call.
    pub call: Option<CallId>,
    /// Only of calls of this channel.
    pub voice_channel: Option<Uuid>,
    /// Only of calls this way.
    pub direction: Option<Direction>,
    /// Only of calls from exactly this address.
    pub from: Option<String>,
    /// Only of calls to exactly this address.
    pub to: Option<String>,
    /// Only begun at or after.
    pub started_after: Option<Timestamp>,
    /// Only begun before.
    pub started_before: Option<Timestamp>,
}

/// A recording and the call it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRecording {
    /// The recording.
    pub recording: Recording,
    /// Its call.
    pub call: Call,
}

impl FoundRecording {
    /// Its place in the list.
    pub fn place(&self) -> Place {
        Place { at: self.recording.started_at, id: self.recording.id.uuid() }
    }
}

/// How much was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordingUsage {
    /// How many recordings there are.
    pub count: u64,
    /// Their length together, milliseconds.
    pub duration_ms: u64,
    /// Bytes of the files by the day (UTC, `2026-05-02`) on which their recordings began, newest first; at most
    /// [`RecordingUsage::DAYS_MAX`].
    pub days: Vec<(String, u64)>,
    /// When one of them last changed.
    pub changed_at: Option<Timestamp>,
}

impl RecordingUsage {
    /// Most days.
    pub const DAYS_MAX: usize = 366;
}

/// What became of a wish to delete a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condemned {
    /// Nobody sees it any more; its files are to be removed, and then its row.
    Now,
    /// It is not final.
    Running,
    /// There is none, or it is condemned already.
    Unknown,
}

/// Finding and deleting recordings.
#[async_trait::async_trait]
pub trait RecordingStore: Send + Sync {
    /// Those of an app's calls of a mode, newest first, after a place, at most `limit`.
    async fn find_recordings(
        &self,
        app: AppId,
        mode: Mode,
        filter: &RecordingFilter,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<FoundRecording>, StoreError>;

    /// How much was recorded of an app's calls of a mode, or of one of them.
    async fn recording_usage(
        &self,
        app: AppId,
        mode: Mode,
        call: Option<CallId>,
    ) -> Result<RecordingUsage, StoreError>;

    /// Marks a final recording as deleted: from now on nothing else here knows it.
    async fn condemn_recording(&self, recording: RecordingId) -> Result<Condemned, StoreError>;

    /// Removes the row of a condemned recording whose files are gone.
    async fn forget_recording(&self, recording: RecordingId) -> Result<(), StoreError>;

    /// Recordings that are condemned and not forgotten, at most `limit`.
    async fn condemned_recordings(&self, limit: u32) -> Result<Vec<RecordingId>, StoreError>;
}
