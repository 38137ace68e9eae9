//! What we call ourselves in Via and Contact: one name for all peers, and another towards those that reach this machine
//! by another of its addresses; over TLS the same host with the port of TLS. Bounded; knows no route.

use super::hop::{Hop, Transport};
use crate::message::uri::{escape_user, split_host_port};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Most peers with a name of their own; all others are told the usual one.
const NAMES_MAX: usize = 4_096;

/// One name of ours, as `host:port`.
#[derive(Debug)]
struct Name {
    plain: Box<str>,
    tls: Box<str>,
}

/// Our names.
#[derive(Debug)]
pub(crate) struct Names {
    usual: Name,
    tls_port: u16,
    towards: BTreeMap<IpAddr, Name>,
}

impl Names {
    /// One name for all; over TLS the second one, or the first one's host with port 5061.
    pub(crate) fn new(plain: &str, tls: Option<&str>) -> Self {
        let named_port = tls.and_then(|tls| split_host_port(tls).ok()).and_then(|(_, port)| port);
        let tls_port = named_port.unwrap_or(Transport::Tls.default_port());
        let tls = tls.map_or_else(|| with_port(plain, tls_port), Into::into);
        Self { usual: Name { plain: plain.into(), tls }, tls_port, towards: BTreeMap::new() }
    }

    /// The name for this peer.
    pub(crate) fn towards(&self, hop: Hop) -> &str {
        let name = self.towards.get(&hop.address.ip().to_canonical()).unwrap_or(&self.usual);
        if hop.transport.is_secure() { &name.tls } else { &name.plain }
    }

    /// Our Contact URI for this peer; `user` is unescaped and may be empty. `is_sips` where the request it stands in, or
    /// answers, is about a `sips` URI (RFC 5630 §5.1).
    pub(crate) fn contact(&self, hop: Hop, user: &str, is_sips: bool) -> String {
        let (user, us) = (escape_user(user), self.towards(hop));
        let at = if user.is_empty() { "" } else { "@" };
        match (is_sips, hop.transport) {
            (true, _) => format!("sips:{user}{at}{us}"),
            (false, Transport::Udp) => format!("sip:{user}{at}{us}"),
            (false, other) => format!("sip:{user}{at}{us};transport={}", other.parameter()),
        }
    }

    /// Whether the name for this peer was set.
    pub(crate) fn is_set(&self, peer: IpAddr) -> bool {
        self.towards.contains_key(&peer.to_canonical())
    }

    /// Sets the name for a peer; without effect when too many have one.
    pub(crate) fn set(&mut self, peer: IpAddr, plain: &str) {
        let peer = peer.to_canonical();
        if self.towards.len() < NAMES_MAX || self.towards.contains_key(&peer) {
            let tls = with_port(plain, self.tls_port);
            self.towards.insert(peer, Name { plain: plain.into(), tls });
        }
    }
}

/// The host of `host[:port]` with another port.
fn with_port(host_port: &str, port: u16) -> Box<str> {
    let host = split_host_port(host_port).map_or(host_port, |(host, _)| host);
    format!("{host}:{port}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn hop(transport: Transport, ip: &str) -> Hop {
        Hop::new(transport, SocketAddr::new(ip.parse().unwrap(), 5060))
    }

    #[test]
    fn a_peer_is_told_its_own_name_and_all_others_the_usual_one() {
        let mut names = Names::new("192.0.2.1:5060", None);
        let peer = IpAddr::from([10, 0, 0, 9]);
        assert!(!names.is_set(peer));
        names.set(peer, "10.0.0.1:5060");
        names.set(peer, "10.0.0.2:5060");
        let udp = |ip| hop(Transport::Udp, ip);
        assert_eq!(names.towards(udp("::ffff:10.0.0.9")), "10.0.0.2:5060");
        assert_eq!(names.towards(hop(Transport::Tcp, "10.0.0.9")), "10.0.0.2:5060");
        assert_eq!(names.towards(hop(Transport::Tls, "10.0.0.9")), "10.0.0.2:5061");
        assert_eq!(names.towards(udp("10.0.0.8")), "192.0.2.1:5060");
        for number in 0..2 * u32::try_from(NAMES_MAX).unwrap() {
            names.set(std::net::Ipv4Addr::from_bits(number).into(), "x:1");
        }
        assert_eq!(names.towards.len(), NAMES_MAX);
        names.set(peer, "10.0.0.3:5060");
        assert_eq!(names.towards(udp("10.0.0.9")), "10.0.0.3:5060");
    }

    #[test]
    fn the_contact_leads_back_over_the_same_transport() {
        let names = Names::new("[2001:db8::1]:5070", Some("sip.example.com:5443"));
        let check = |transport, user, is_sips, wanted| {
            assert_eq!(names.contact(hop(transport, "192.0.2.9"), user, is_sips), wanted);
        };
        check(Transport::Udp, "a", false, "sip:a@[2001:db8::1]:5070");
        check(Transport::Udp, "", false, "sip:[2001:db8::1]:5070");
        check(Transport::Tcp, "a b", false, "sip:a%20b@[2001:db8::1]:5070;transport=tcp");
        check(Transport::Tls, "a", false, "sip:a@sip.example.com:5443;transport=tls");
        check(Transport::Tls, "a", true, "sips:a@sip.example.com:5443");
        assert_eq!(Names::new("h:5060", None).towards(hop(Transport::Tls, "192.0.2.9")), "h:5061");
    }
}
