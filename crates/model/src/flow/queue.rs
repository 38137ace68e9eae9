//! `queue`: wait with music until somebody of the app takes the call, or take the one that has waited longest.

use serde::{Deserialize, Serialize};

/// Wait in a queue of the app, or take from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its name within the app, as in [`super::Label::is_name`].
    pub name: String,
    /// Take the call that has waited longest, instead of waiting oneself.
    pub take: bool,
    /// A URL or a name in the media folder; the server's own music if none.
    pub music: Option<String>,
    /// How long to wait, 1,000–[`Queue::WAIT_MS_MAX`]; then the flow goes on.
    pub wait_ms_max: u32,
}

impl Queue {
    /// Longest wait, and the wait where none is given: an hour.
    pub const WAIT_MS_MAX: u32 = 3_600_000;

    /// By name, with everything else as where nothing is said.
    pub const fn named(name: String) -> Self {
        Self { name, take: false, music: None, wait_ms_max: Self::WAIT_MS_MAX }
    }
}
