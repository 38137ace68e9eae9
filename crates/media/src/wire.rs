//! How a leg's datagrams leave it. The leg knows neither sockets nor whether time is real: a worker gives it sockets,
//! a simulation a queue.

use std::net::SocketAddr;

/// Which of a leg's two ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// RTP, and RTCP where the far side takes both on one port (RFC 5761).
    Sound,
    /// RTCP on a port of its own.
    Reports,
}

/// A leg's way out.
pub(crate) trait Wire: 'static {
    /// Sends a datagram from one of the leg's ports; false when it was not taken.
    fn send(&self, channel: Channel, datagram: &[u8], to: SocketAddr) -> bool;
}
