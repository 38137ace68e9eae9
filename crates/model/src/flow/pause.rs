//! `pause`: wait.

use serde::{Deserialize, Serialize};

/// Wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// 1,000–3,600,000.
    pub length_ms: u32,
}

impl Pause {
    /// Length where none is given.
    pub const LENGTH_MS: u32 = 1_000;
    /// Longest pause.
    pub const LENGTH_MS_MAX: u32 = 3_600_000;
}
