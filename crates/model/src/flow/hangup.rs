//! `hangup`: end the call.

use serde::{Deserialize, Serialize};

/// End the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hangup {
    /// What a caller who was not answered is told; nothing special after an answer.
    pub cause: Option<HangupCause>,
}

/// What a caller who was not answered is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HangupCause {
    /// The call is declined.
    Rejected,
    /// The called party is busy.
    Busy,
}
