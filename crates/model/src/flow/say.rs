//! `say`: speak a text.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Speak a text. Its `Debug` shows no text: it may name people, or hold a code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Say {
    /// 1 to [`Say::TEXT_MAX`] characters.
    pub text: String,
    /// Language and region, as in `en-US`.
    pub locale: String,
    /// A voice of the speech engine.
    pub voice: Option<String>,
    /// How often, 1–100.
    pub times: u16,
}

impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text: _, locale, voice, times } = self;
        f.debug_struct("Say")
            .field("locale", locale)
            .field("voice", voice)
            .field("times", times)
            .finish_non_exhaustive()
    }
}

impl Say {
    /// Longest text, in characters.
    pub const TEXT_MAX: usize = 4096;
    /// Locale where none is given.
    pub const LOCALE: &'static str = "en-US";
}
