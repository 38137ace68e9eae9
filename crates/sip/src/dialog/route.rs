//! Where a request within a dialog goes: loose and strict routes (RFC 3261 §12.2.1.1, §16.12.1.2), and the next machine as
//! far as it can be told without asking DNS.

use super::snapshot::DialogState;
use crate::endpoint::order::{Hop, Transport};
use crate::message::uri::Scheme;
use crate::message::{NameAddr, Uri};
use std::net::{IpAddr, SocketAddr};

/// Request-URI and Route values of a request.
pub(super) fn request_uri(state: &DialogState) -> (&str, Vec<String>) {
    let first = state.route_set.first().and_then(|route| NameAddr::parse(route.as_bytes()));
    match first {
        Some(route) if route.uri().param("lr").is_none() => {
            // A strict router wants itself in the Request-URI and the target last.
            let rest = state.route_set.iter().skip(1).cloned();
            let target = format!("<{}>", state.remote_target);
            (route.uri_text, rest.chain(std::iter::once(target)).collect())
        }
        _ => (&state.remote_target, state.route_set.clone()),
    }
}

/// The hop a URI names if its host is an address; else the machine the dialog was set up with. An address of a private
/// network that a peer on the public one names is not reachable: its packets came through a NAT, and go back there. One
/// of this machine or of its link is none that a peer from elsewhere may send us to. What was secure stays so, over the
/// connection whose certificate was checked.
pub(super) fn hop_of(uri: &str, peer: Hop) -> Hop {
    let Ok(uri) = Uri::parse(uri) else { return peer };
    let Some(ip) = uri.address() else { return peer };
    let hidden = is_private(ip) && !is_private(peer.address.ip());
    let other_family = ip.is_ipv4() != peer.address.is_ipv4();
    if hidden || other_family || !Reach::of(ip).includes(peer.address.ip()) {
        return peer;
    }
    let named = uri.param("transport").flatten().and_then(Transport::from_parameter);
    let transport = match uri.scheme {
        _ if peer.transport.is_secure() => peer.transport,
        Scheme::Sips => Transport::Tls,
        _ => named.unwrap_or(peer.transport),
    };
    if transport.is_secure() && peer.transport.is_secure() && ip == peer.address.ip() {
        return peer;
    }
    Hop::new(transport, SocketAddr::new(ip, uri.port.unwrap_or(transport.default_port())))
}

/// How far an address leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To nobody, or to nobody in particular.
    Nowhere,
    /// No further than the machine itself.
    Machine,
    /// No further than the link.
    Link,
    Beyond,
}

impl Reach {
    fn of(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let (is_link, is_broadcast) = match ip {
            IpAddr::V4(v4) => (v4.is_link_local(), v4.is_broadcast() || v4.octets().first() == Some(&0)),
            IpAddr::V6(v6) => (v6.is_unicast_link_local(), false),
        };
        match () {
            () if ip.is_unspecified() || ip.is_multicast() || is_broadcast => Self::Nowhere,
            () if ip.is_loopback() => Self::Machine,
            () if is_link => Self::Link,
            () => Self::Beyond,
        }
    }

    /// Whether a peer at this address may name one of that reach.
    fn includes(self, peer: IpAddr) -> bool {
        match self {
            Self::Beyond => true,
            Self::Nowhere => false,
            Self::Machine | Self::Link => self == Self::of(peer),
        }
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared(v4.octets()),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10, the inside of carriers' NATs (RFC 6598).
const fn is_shared(octets: [u8; 4]) -> bool {
    let [first, second, ..] = octets;
    first == 100 && second & 0xc0 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(routes: &[&str]) -> DialogState {
        DialogState {
            call_id: String::new(),
            local: String::new(),
            remote: String::new(),
            local_tag: String::new(),
            remote_tag: String::new(),
            remote_target: "sip:bob@192.0.2.4".into(),
            route_set: routes.iter().map(|route| (*route).to_owned()).collect(),
            local_contact: String::new(),
            local_cseq: 1,
            remote_cseq: None,
            peer: Hop::udp("192.0.2.1:5060".parse().unwrap()),
            peer_allows_update: false,
        }
    }

    #[test]
    fn requests_are_addressed_for_loose_and_strict_routers() {
        let check = |routes: &[&str], uri: &str, wanted: &[&str]| {
            let state = state(routes);
            let (got_uri, got_routes) = request_uri(&state);
            assert_eq!(
                (got_uri, got_routes),
                (uri, wanted.iter().map(|r| (*r).to_owned()).collect()),
                "{routes:?}"
            );
        };
        check(&[], "sip:bob@192.0.2.4", &[]);
        check(&["<sip:p1;lr>", "<sip:p2>"], "sip:bob@192.0.2.4", &["<sip:p1;lr>", "<sip:p2>"]);
        check(&["<sip:p1>", "<sip:p2;lr>"], "sip:p1", &["<sip:p2;lr>", "<sip:bob@192.0.2.4>"]);
    }

    #[test]
    fn the_next_hop_is_the_named_address_if_it_can_be_reached() {
        let check = |uri: &str, peer: &str, wanted: &str| {
            let hop = hop_of(uri, Hop::udp(peer.parse().unwrap()));
            assert_eq!(hop.address.to_string(), wanted, "{uri} from {peer}");
        };
        check("sip:a@203.0.113.9:5070", "192.0.2.1:5060", "203.0.113.9:5070");
        check("sip:a@203.0.113.9", "192.0.2.1:5062", "203.0.113.9:5060");
        check("sip:a@example.com", "192.0.2.1:5062", "192.0.2.1:5062");
        check("sip:a@10.0.0.5:5060", "203.0.113.1:40000", "203.0.113.1:40000");
        check("sip:a@10.0.0.5:5070", "10.0.0.9:5060", "10.0.0.5:5070");
        check("sip:a@127.0.0.1:5070", "127.0.0.1:5060", "127.0.0.1:5070");
        check("sip:a@100.64.3.4", "203.0.113.1:5060", "203.0.113.1:5060");
        check("sip:a@0.0.0.0", "203.0.113.1:5060", "203.0.113.1:5060");
        check("sip:a@[2001:db8::1]", "203.0.113.1:5060", "203.0.113.1:5060");
        for own in [
            "127.0.0.1",
            "127.8.9.1:80",
            "169.254.169.254:80",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            for peer in ["203.0.113.1:5060", "10.0.0.9:5060", "192.168.1.1:5060", "100.64.0.1:5060"] {
                check(&format!("sip:a@{own}"), peer, peer);
            }
        }
        check("sip:a@127.0.0.1", "169.254.0.1:5060", "169.254.0.1:5060");
        check("sip:a@169.254.0.2", "127.0.0.1:5060", "127.0.0.1:5060");
        check("sip:a@169.254.0.2:5070", "169.254.0.1:5060", "169.254.0.2:5070");
        check("sip:a@224.0.0.1", "127.0.0.1:5060", "127.0.0.1:5060");
        for own in ["::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fe80::5", "::", "ff02::1"] {
            for peer in ["[2001:db8::9]:5060", "[fd00::9]:5060"] {
                check(&format!("sip:a@[{own}]:5070"), peer, peer);
            }
        }
        check("sip:a@[::1]:5070", "[::1]:5060", "[::1]:5070");
        check("sip:a@[fe80::5]:5070", "[fe80::6]:5060", "[fe80::5]:5070");
        check("tel:+1555", "203.0.113.1:5060", "203.0.113.1:5060");
    }

    #[test]
    fn the_next_hop_is_spoken_to_by_the_transport_it_names() {
        let check = |uri: &str, peer: Transport, wanted: &str| {
            let hop = hop_of(uri, Hop::new(peer, "192.0.2.1:40000".parse().unwrap()));
            assert_eq!(
                format!("{} {}", hop.transport.parameter(), hop.address),
                wanted,
                "{uri} from {peer:?}"
            );
        };
        check("sip:a@192.0.2.1;transport=tcp", Transport::Udp, "tcp 192.0.2.1:5060");
        check("sip:a@192.0.2.1:5070", Transport::Tcp, "tcp 192.0.2.1:5070");
        check("sip:a@192.0.2.1;transport=UDP", Transport::Tcp, "udp 192.0.2.1:5060");
        check("sip:a@192.0.2.1;transport=sctp", Transport::Tcp, "tcp 192.0.2.1:5060");
        check("sips:a@192.0.2.1", Transport::Tcp, "tls 192.0.2.1:5061");
        check("sip:a@192.0.2.1:5061;transport=udp", Transport::Tls, "tls 192.0.2.1:40000");
        check("sip:a@192.0.2.9", Transport::Tls, "tls 192.0.2.9:5061");
        check("sip:a@example.com;transport=tcp", Transport::Tls, "tls 192.0.2.1:40000");
    }
}
