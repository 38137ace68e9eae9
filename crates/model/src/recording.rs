//! A recording's row.

use crate::id::{AppId, CallId, RecordingId};
use crate::sound::RecordSource;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One recording of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Its id.
    pub id: RecordingId,
    /// The call.
    pub call: CallId,
    /// The app it belongs to.
    pub app: AppId,
    /// Where it stands.
    pub status: RecordingStatus,
    /// Which sound it holds.
    pub source: RecordSource,
    /// Its length, once known.
    pub duration_ms: Option<u32>,
    /// The file's size, once known.
    pub bytes: Option<u64>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When sound began to be kept.
    pub started_at: Timestamp,
    /// When it stopped.
    pub ended_at: Option<Timestamp>,
}

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStatus {
    /// Sound is being kept.
    Recording,
    /// The file is being made.
    Processing,
    /// The file is there.
    Completed,
    /// There is no whole file.
    Failed,
}

/// Both sides of a whole call are recorded from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionRecord {
    /// From when on.
    pub start: RecordStart,
    /// Each side in a channel of its own.
    pub stereo: bool,
}

/// From when on a whole call is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordStart {
    /// Its answer.
    #[default]
    Answer,
    /// Its ringing, with what is heard before the answer.
    Ringing,
}
