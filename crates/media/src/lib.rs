//! The real-time engine: sockets, the 20 ms tick, playback, digits, relay, recording. Worker threads own their
//! legs; no async task enters them, and on the packet path they take no lock and allocate nothing.
//! Knows no signalling, no HTTP and no database.

mod config;
mod engine;

pub use config::{MediaConfig, StartError};
pub use engine::MediaEngine;
