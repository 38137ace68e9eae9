//! The engine's behaviour over replaced seams, in paused time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod bridging;
mod commands;
mod durability;
mod endpoints;
mod fakes;
mod inbound;
mod keys;
mod personas;
mod placing;
mod prompts;
mod recordings;
mod recovery;
mod resources;
mod scheduled;
mod sqlite;
mod timeline;
mod transcriptions;
mod webhooks;
