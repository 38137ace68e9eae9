//! `ringing`: let an inbound caller hear that it rings, or hear our sound before the answer.

use serde::{Deserialize, Serialize};

/// Ring an inbound caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ringing {
    /// Open the sound path before the answer, so that prompts can be heard.
    pub early_media: bool,
}
