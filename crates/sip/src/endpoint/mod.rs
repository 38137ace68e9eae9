//! The one public machine: datagrams, orders and time in, [`Output`] out. Only routes between the rooms of this crate.

pub mod config;
pub mod order;
pub mod output;

use crate::dialog::snapshot::DialogSnapshot;
use crate::endpoint::config::EndpointConfig;
use crate::endpoint::order::{CallKey, Hop, Order, OrderError};
use crate::endpoint::output::Output;
use model::Timestamp;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// A SIP user agent without sockets: both roles, any number of calls.
///
/// After each `handle_*` drain [`Endpoint::poll`], then sleep until [`Endpoint::deadline`].
#[derive(Debug)]
pub struct Endpoint {
    outputs: VecDeque<Output>,
}

impl Endpoint {
    /// A new endpoint; branches, tags and Call-IDs are drawn from `seed`, which must be secret and never used twice.
    pub fn new(_config: EndpointConfig, _seed: [u8; 32]) -> Self {
        Self { outputs: VecDeque::new() }
    }

    /// A datagram arrived.
    pub fn handle_datagram(&mut self, _source: SocketAddr, _bytes: &[u8], _now: Timestamp) {}

    /// The application wants something.
    pub fn handle_order(&mut self, _order: Order, _now: Timestamp) -> Result<(), OrderError> {
        Err(OrderError::UnknownCall)
    }

    /// Time passed; fires every timer due by `now`.
    pub fn handle_timeout(&mut self, _now: Timestamp) {}

    /// The transport could not deliver to this hop (ICMP unreachable, connection refused).
    pub fn handle_transport_error(&mut self, _hop: Hop, _now: Timestamp) {}

    /// The next thing to do; drain it after every `handle_*`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Endpoint::handle_timeout`] next.
    pub fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Calls that live, transactions that live: both zero when nothing is left to do.
    pub fn load(&self) -> (usize, usize) {
        (0, 0)
    }

    /// Whether a call lives under this key.
    pub fn has_call(&self, _key: CallKey) -> bool {
        false
    }

    /// What to keep of an answered call; none before the answer and after the end.
    pub fn dialog_snapshot(&self, _key: CallKey) -> Option<DialogSnapshot> {
        None
    }

    /// Takes an answered call up again, in a fresh endpoint or this one.
    pub fn restore(&mut self, _key: CallKey, _snapshot: DialogSnapshot) -> Result<(), OrderError> {
        Err(OrderError::KeyInUse)
    }
}
