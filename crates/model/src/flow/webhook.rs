//! `webhook`: ask the app how to go on.

use serde::{Deserialize, Serialize};

/// Ask a URL of the app for the next steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// An https URL.
    pub url: String,
    /// How long the answer may take, 1,000–15,000.
    pub timeout_ms: u32,
    /// The label to go on at when it fails; the next step if none.
    pub on_failure: Option<String>,
}

impl Webhook {
    /// Timeout where none is given.
    pub const TIMEOUT_MS: u32 = 5_000;
    /// Longest timeout.
    pub const TIMEOUT_MS_MAX: u32 = 15_000;
}
