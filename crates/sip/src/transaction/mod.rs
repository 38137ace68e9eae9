//! Transactions (RFC 3261 §17, RFC 6026): client and server, INVITE and not, with all their timers. Each machine decides
//! by events alone; the two tables hold the machines, send for them and keep their timers. Must not know dialogs, nor
//! what a request is for beyond the owner's name.

mod client;
mod client_table;
mod follow_up;
mod reply;
mod server;
mod server_table;
mod timer;

pub(crate) use client_table::{ClientId, ClientTable, Expiry, Heard, Outgoing, Owner};
pub(crate) use follow_up::reason_value;
pub(crate) use reply::ReplyHead;
pub use reply::way_without_connection;
pub(crate) use server_table::{ServerId, ServerTable, request_key};
pub(crate) use timer::{Timer, TimerId, Timers};

use crate::endpoint::sink::Sink;
use model::Timestamp;
use std::time::Duration;

/// What the tables act through: messages go into the sink, deadlines into the queue.
pub(crate) struct Effects<'e> {
    pub(crate) sink: &'e mut Sink,
    pub(crate) timers: &'e mut Timers,
    /// A buffer to write messages in.
    pub(crate) scratch: &'e mut Vec<u8>,
    pub(crate) now: Timestamp,
}

impl Effects<'_> {
    /// Sets a timer from now.
    pub(crate) fn set(&mut self, after: Duration, timer: Timer) -> TimerId {
        self.timers.set(self.now + after, timer)
    }
}
