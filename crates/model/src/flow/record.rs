//! `record`: keep what the far side says.

use super::Say;
use serde::{Deserialize, Serialize};

/// Record the far side until a key, silence or the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Ends the recording.
    pub end_key: Option<char>,
    /// Longest recording, 1,000–14,400,000.
    pub length_ms_max: u32,
    /// So much silence ends it, 1,000–60,000.
    pub silence_ms: u32,
    /// Sound a tone first.
    pub beep: bool,
    /// Have it written down afterwards.
    pub transcribe: bool,
    /// Language and region of what is said, as in `en-US`.
    pub transcribe_locale: String,
}

impl Record {
    /// Longest recording where none is given.
    pub const LENGTH_MS: u32 = 3_600_000;
    /// Longest recording at all.
    pub const LENGTH_MS_MAX: u32 = 14_400_000;
    /// Silence where none is given.
    pub const SILENCE_MS: u32 = 5_000;
    /// Most silence.
    pub const SILENCE_MS_MAX: u32 = 60_000;
}

impl Default for Record {
    fn default() -> Self {
        Self {
            end_key: None,
            length_ms_max: Self::LENGTH_MS,
            silence_ms: Self::SILENCE_MS,
            beep: false,
            transcribe: false,
            transcribe_locale: Say::LOCALE.to_owned(),
        }
    }
}
