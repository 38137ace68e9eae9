//! `transfer`: hand the far side over to somebody else.

use crate::secret::Pii;
use serde::{Deserialize, Serialize};

/// Hand the far side over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// A phone number, a phone of the app, or a SIP address.
    pub to: Pii<String>,
    /// How.
    pub mode: TransferMode,
    /// Whose number the new party sees in an attended transfer; the call's own if none.
    pub from: Option<Pii<String>>,
    /// How long the new party may ring in an attended transfer.
    pub ring_timeout_ms: u32,
}

impl Transfer {
    /// Ring timeout where none is given.
    pub const RING_TIMEOUT_MS: u32 = 30_000;
}

/// How a party is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferMode {
    /// The far side is told to call the new party itself, and we let go.
    #[default]
    Blind,
    /// We call the new party first, and hand over when it has answered.
    Attended,
}
