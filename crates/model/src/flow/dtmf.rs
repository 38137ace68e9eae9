//! `dtmf`: send keys to the far side.

use crate::secret::Pii;
use serde::{Deserialize, Serialize};

/// Send keys to the far side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dtmf {
    /// As in [`crate::sound::MediaOrder::SendDigits`]; may hold templates.
    pub digits: Pii<String>,
}

impl Dtmf {
    /// Most keys of one command.
    pub const DIGITS_MAX: usize = 64;
}
