//! The next machine of a message and how it travels there (RFC 3261 §18). Knows no socket and no connection: over TCP and
//! TLS the address is the one the connection's peer has, and whoever does the I/O finds or opens it.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// How a message travels to the next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transport {
    /// Datagrams: the transactions retransmit.
    Udp,
    /// A stream.
    Tcp,
    /// A stream within TLS.
    Tls,
}

impl Transport {
    /// Whether the transport delivers or fails, so that nothing needs to be retransmitted (RFC 3261 §17).
    pub const fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls => true,
        }
    }

    /// Whether nobody on the way can read along (what `sips` asks for).
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls)
    }

    /// The word in a Via: `UDP`.
    pub const fn via_word(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// The value of a URI's `transport` parameter: `udp`. RFC 3261 §26.2.2 deprecates `tls`, and everybody writes it.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// By the value of a `transport` parameter in any case; `None` for one we do not speak (sctp, ws, …).
    pub fn from_parameter(value: &str) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls].into_iter().find(|one| one.parameter().eq_ignore_ascii_case(value))
    }

    /// The port where none is named: 5060, of TLS 5061 (RFC 3261 §18.1.1, §19.1.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

/// The next machine a message goes to, or the last one it came from. Names are resolved by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// How.
    pub transport: Transport,
    /// Where; of a connection its peer's address, whoever opened it.
    pub address: SocketAddr,
}

impl Hop {
    /// A hop by any transport.
    pub const fn new(transport: Transport, address: SocketAddr) -> Self {
        Self { transport, address }
    }

    /// A hop over UDP.
    pub const fn udp(address: SocketAddr) -> Self {
        Self::new(Transport::Udp, address)
    }

    /// A hop over TCP.
    pub const fn tcp(address: SocketAddr) -> Self {
        Self::new(Transport::Tcp, address)
    }

    /// A hop over TLS.
    pub const fn tls(address: SocketAddr) -> Self {
        Self::new(Transport::Tls, address)
    }
}

impl From<SocketAddr> for Hop {
    fn from(address: SocketAddr) -> Self {
        Self::udp(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_found_by_their_parameter() {
        let check = |value: &str, wanted| assert_eq!(Transport::from_parameter(value), wanted, "{value}");
        check("udp", Some(Transport::Udp));
        check("TCP", Some(Transport::Tcp));
        check("Tls", Some(Transport::Tls));
        check("sctp", None);
        check("", None);
    }
}
