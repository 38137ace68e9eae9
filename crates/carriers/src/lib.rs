//! Carriers: whoever can ring a phone, behind [`ports::Carrier`]. `trunk` speaks to real SIP peers, `sandbox` to
//! personas on loopback; both run their legs on the SIP user agent in `agent` and `leg`. Must not know the engine,
//! the doors, or why a call is made.

mod agent;
mod error;
mod leg;
mod phones;
pub mod sandbox;
pub mod trunk;

pub use agent::counters::AgentFigures;
pub use agent::tls::{TlsFiles, TlsIdentity};
pub use error::StartError;
pub use phones::PhoneDigest;
pub use sandbox::{HeardConfig, PersonaNetwork, SandboxCarrier, SandboxConfig};
pub use trunk::{TrunkCarrier, TrunkConfig};
