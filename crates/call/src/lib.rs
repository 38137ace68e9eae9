//! The brain of a call: pure, `handle` / `poll` / `deadline`, snapshot and restore. Knows no signalling, no HTTP, no SQL
//! and no vendor. See ARCHITECTURE.md.

pub mod input;
pub mod output;

pub use input::Input;
pub use output::Output;
