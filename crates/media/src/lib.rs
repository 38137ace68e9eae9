//! The real-time engine: sockets, the 20 ms tick, playback, digits, relay, recording. Worker threads own their
//! legs; no async task enters them, and on the packet path they take no lock and allocate nothing.
//! Knows no signalling, no HTTP and no database.

mod config;
mod counters;
mod directory;
mod engine;
mod finish;
mod hub;
mod io;
mod lane;
mod leg;
mod pool;
mod port_pool;
mod prompts;
mod random;
mod sample;
mod spool;
mod virtual_plane;
mod wire;
mod worker;

pub use config::{MediaConfig, StartError};
pub use counters::PacketFigures;
pub use engine::{EngineFigures, MediaEngine};
pub use port_pool::PortFigures;
pub use virtual_plane::{VirtualPacket, VirtualPlane};
