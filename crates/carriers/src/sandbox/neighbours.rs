//! Where a persona may send its caller: to its own network and nowhere else.

use crate::leg::attempts::{Guide, Target};
use model::Timestamp;
use sip::Hop;
use sip::message::Uri;
use std::net::SocketAddr;

/// Knows the one host there is.
pub(super) struct Neighbours {
    /// The persona network.
    pub(super) network: SocketAddr,
}

impl Guide for Neighbours {
    fn failed(&self, _hop: Hop, _retry_after_s: Option<u32>, _now: Timestamp) {}

    fn redirected(&self, uri: &str) -> Vec<Target> {
        let Ok(parsed) = Uri::parse(uri) else { return Vec::new() };
        let there = format!("{}:{}", parsed.host, parsed.port.unwrap_or(5_060));
        if there.parse() != Ok(self.network) {
            return Vec::new();
        }
        vec![Target { uri: Some(uri.to_owned()), ..Target::to(Hop::udp(self.network)) }]
    }

    /// The personas listen for datagrams alone.
    fn takes_connections(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_lead_to_personas_and_nowhere_else() {
        let check = |uri: &str, followed: bool| {
            let neighbours = Neighbours { network: "127.0.0.1:4000".parse().unwrap() };
            assert_eq!(!neighbours.redirected(uri).is_empty(), followed, "{uri}");
        };
        check("sip:+15005550000@127.0.0.1:4000", true);
        check("sip:+15005550000@127.0.0.1:4000;persona=human", true);
        for elsewhere in [
            "sip:+15005550000@127.0.0.1",
            "sip:+15005550000@127.0.0.1:4001",
            "sip:+15005550000@127.0.0.2:4000",
            "sip:+15005550000@192.0.2.1:4000",
            "sip:a@sip.example.com:4000",
            "tel:+15005550000",
            "",
        ] {
            check(elsewhere, false);
        }
    }
}
