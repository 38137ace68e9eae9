//! A recording's row, and what is asked for before there is one.

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
    /// Who asked for it.
    #[serde(default)]
    pub origin: RecordingOrigin,
    /// How its file is written.
    #[serde(default)]
    pub format: RecordingFormat,
    /// Whether what is said in it is to be written down.
    #[serde(default)]
    pub transcribe: bool,
    /// Language and region of what is said in it, where it is to be written down.
    #[serde(default)]
    pub transcribe_locale: Option<String>,
    /// Its length, once known.
    pub duration_ms: Option<u32>,
    /// The file's size, once known.
    pub bytes: Option<u64>,
    /// Why it failed.
    pub failure: Option<String>,
    /// Why no more sound was kept, once it is over.
    #[serde(default)]
    pub ended_by: Option<RecordingEnd>,
    /// When sound began to be kept.
    pub started_at: Timestamp,
    /// When it stopped.
    pub ended_at: Option<Timestamp>,
    /// When the row last changed; none in rows of old: then its end or its start.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

impl Recording {
    /// Whether each direction has a channel of its own.
    pub const fn is_stereo(&self) -> bool {
        self.source.channels() > 1
    }

    /// When the row last changed.
    pub fn changed_at(&self) -> Timestamp {
        self.updated_at.or(self.ended_at).unwrap_or(self.started_at)
    }
}

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStatus {
    /// Sound is being kept.
    Recording,
    /// Nothing is kept until it is resumed.
    Paused,
    /// The file is being made.
    Processing,
    /// The file is there.
    Completed,
    /// There is no whole file.
    Failed,
}

impl RecordingStatus {
    /// Nothing follows this status.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// It can be paused, resumed and stopped.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Recording | Self::Paused)
    }
}

/// Who asked for a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingOrigin {
    /// A `record` step or command: what the far side says, until a key, silence or the length ends it.
    Message,
    /// A command to record the call.
    #[default]
    Command,
    /// The request that made the call.
    Creation,
    /// The command that bridged it.
    Bridge,
}

/// How a recording's file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingFormat {
    /// 16-bit samples in a RIFF WAVE file.
    #[default]
    Wav,
}

impl RecordingFormat {
    /// Its name, which is also the ending of its files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
        }
    }
}

/// Why no more sound was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingEnd {
    /// A command ended it.
    Command,
    /// The end key was pressed.
    EndKey,
    /// The far side was silent for long enough.
    Silence,
    /// It was as long as it may be.
    LengthMax,
    /// The step that wanted it was cut short.
    Interrupted,
    /// The call, or what it was recording of it, ended.
    CallEnded,
    /// It broke.
    Failed,
    /// The server that kept it died.
    NodeLost,
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
