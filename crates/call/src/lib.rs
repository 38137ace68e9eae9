//! The brain of a call: pure, `handle` / `poll` / `deadline`, snapshot and restore. Knows no signalling, no HTTP, no SQL
//! and no vendor. See ARCHITECTURE.md.

pub mod input;
pub mod machine;
pub mod output;
pub mod refused;

pub use input::Input;
pub use machine::{Machine, Snapshot};
pub use output::Output;
pub use refused::Refused;
