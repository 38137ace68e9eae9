//! A transcription's row: what is said in a recording, written down afterwards. Its words are kept apart.

use crate::call::Mode;
use crate::id::{AppId, CallId, RecordingId, TranscriptionId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One transcription of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcription {
    /// Its id.
    pub id: TranscriptionId,
    /// The recording.
    pub recording: RecordingId,
    /// The recording's call.
    pub call: CallId,
    /// The app it belongs to.
    pub app: AppId,
    /// The call's mode.
    pub mode: Mode,
    /// Language and region of what is said, as in `en-US`.
    pub locale: String,
    /// Where it stands.
    pub status: TranscriptionStatus,
    /// The recording has a speaker in each channel.
    pub stereo: bool,
    /// How sure the engine is of all of it, 0 to 1, where it says so.
    pub confidence: Option<f32>,
    /// Why there are no words.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Transcription {
    /// Most unfinished ones of an app.
    pub const UNFINISHED_MAX: u32 = 100;
}

/// Where a transcription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptionStatus {
    /// It waits for its turn.
    Accepted,
    /// The recording is being listened to.
    Ongoing,
    /// The words are there.
    Available,
    /// There are no words: nobody speaks, or the sound is gone.
    Absent,
    /// It could not be done.
    Failed,
}

impl TranscriptionStatus {
    /// Nothing follows this status.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Available | Self::Absent | Self::Failed)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ongoing => "ongoing",
            Self::Available => "available",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }
}
