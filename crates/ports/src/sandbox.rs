//! The sandbox, as far as it is more than a carrier: its personas call, too.

use crate::carrier::{Carrier, CarrierError};
use model::{CallId, Pii};
use persona::Settings;

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

/// A carrier whose far side is a network of personas.
#[async_trait::async_trait]
pub trait Sandbox: Carrier {
    /// Has a persona call. `Ok` means that the call is on its way: it arrives like any other.
    async fn call_from_persona(&self, call: PersonaCall) -> Result<(), CarrierError>;
}
