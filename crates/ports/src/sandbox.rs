//! The sandbox, as far as it is more than a carrier: its personas call, too.

use crate::carrier::{Carrier, CarrierError};
use model::{CallId, Pii};
use persona::Settings;
use std::path::{Path, PathBuf};

/// A call that a persona shall place.
#[derive(Debug, Clone)]
pub struct PersonaCall {
    /// Under which id it will arrive at [`crate::InboundCalls`].
    pub call: CallId,
    /// Who calls: the persona at this number, unless the settings name another.
    pub from: Pii<String>,
    /// Whom it calls.
    pub to: Pii<String>,
    /// What is set of it.
    pub settings: Settings,
    /// How long it lets ring before it gives up.
    pub ring_timeout_ms: u32,
}

/// A side of a test call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Who called.
    Caller,
    /// Who was called.
    Callee,
}

impl Party {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Caller, Self::Callee];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
        }
    }

    /// Where the sandbox, which keeps sound in `dir`, keeps what this side of a call heard: a wav in the call's folder.
    pub fn heard_file(self, dir: &Path, call: CallId) -> PathBuf {
        dir.join(call.to_string()).join(format!("{}.wav", self.as_str()))
    }
}

/// A carrier whose far side is a network of personas.
#[async_trait::async_trait]
pub trait Sandbox: Carrier {
    /// Has a persona call. `Ok` means that the call is on its way: it arrives like any other.
    async fn call_from_persona(&self, call: PersonaCall) -> Result<(), CarrierError>;
}
