//! `gather`: collect keys, speech, or whichever comes first.

use super::{Playback, Say};
use serde::{Deserialize, Serialize};

/// Collect what the far side keys or says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gather {
    /// What counts as input.
    pub input: GatherInput,
    /// Played first; a key or voice cuts it (barge-in) and counts.
    pub prompt: Option<GatherPrompt>,
    /// Ends after so many keys, 1–64; without a limit an end key or the timeout ends it.
    pub keys_max: Option<u8>,
    /// Ends the input and is not part of it.
    pub end_key: Option<char>,
    /// To the first key or word (counted from the prompt's end), then between keys; 1,000–120,000.
    pub timeout_ms: u32,
    /// How often to ask again when there was no input, 0–10.
    pub retries: u8,
    /// Language and region of what is said, as in `en-US`.
    pub speech_locale: String,
}

impl Gather {
    /// Most keys of one input.
    pub const KEYS_MAX: u8 = 64;
    /// Timeout where none is given.
    pub const TIMEOUT_MS: u32 = 5_000;
    /// Longest timeout.
    pub const TIMEOUT_MS_MAX: u32 = 120_000;
    /// Most retries.
    pub const RETRIES_MAX: u8 = 10;
}

impl Default for Gather {
    fn default() -> Self {
        Self {
            input: GatherInput::Dtmf,
            prompt: None,
            keys_max: None,
            end_key: None,
            timeout_ms: Self::TIMEOUT_MS,
            retries: 0,
            speech_locale: Say::LOCALE.to_owned(),
        }
    }
}

/// What a gather takes as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatherInput {
    /// Keys.
    #[default]
    Dtmf,
    /// Words.
    Speech,
    /// Both; a key wins over words.
    Both,
}

impl GatherInput {
    /// Whether keys count.
    pub const fn takes_keys(self) -> bool {
        matches!(self, Self::Dtmf | Self::Both)
    }

    /// Whether words count.
    pub const fn takes_speech(self) -> bool {
        matches!(self, Self::Speech | Self::Both)
    }
}

/// What a gather plays while it listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatherPrompt {
    /// Speak.
    Say(Say),
    /// Play.
    Playback(Playback),
}
