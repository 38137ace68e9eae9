//! What we call ourselves in Via and Contact: one name for all peers, and another towards those that reach this machine
//! by another of its addresses. Bounded; knows no route.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Most peers with a name of their own; all others are told the usual one.
const NAMES_MAX: usize = 4_096;

/// Our names, as `host:port`.
#[derive(Debug)]
pub(crate) struct Names {
    usual: String,
    towards: BTreeMap<IpAddr, Box<str>>,
}

impl Names {
    /// One name for all.
    pub(crate) const fn new(usual: String) -> Self {
        Self { usual, towards: BTreeMap::new() }
    }

    /// The name for this peer.
    pub(crate) fn towards(&self, peer: IpAddr) -> &str {
        self.towards.get(&peer.to_canonical()).map_or(&self.usual, |name| name)
    }

    /// Whether the name for this peer was set.
    pub(crate) fn is_set(&self, peer: IpAddr) -> bool {
        self.towards.contains_key(&peer.to_canonical())
    }

    /// Sets the name for a peer; without effect when too many have one.
    pub(crate) fn set(&mut self, peer: IpAddr, name: &str) {
        let peer = peer.to_canonical();
        if self.towards.len() < NAMES_MAX || self.towards.contains_key(&peer) {
            self.towards.insert(peer, name.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_told_its_own_name_and_all_others_the_usual_one() {
        let mut names = Names::new("192.0.2.1:5060".to_owned());
        let peer = IpAddr::from([10, 0, 0, 9]);
        assert!(!names.is_set(peer));
        names.set(peer, "10.0.0.1:5060");
        names.set(peer, "10.0.0.2:5060");
        assert_eq!(names.towards("::ffff:10.0.0.9".parse().unwrap()), "10.0.0.2:5060");
        assert_eq!(names.towards([10, 0, 0, 8].into()), "192.0.2.1:5060");
        for number in 0..2 * u32::try_from(NAMES_MAX).unwrap() {
            names.set(std::net::Ipv4Addr::from_bits(number).into(), "x:1");
        }
        assert_eq!(names.towards.len(), NAMES_MAX);
        names.set(peer, "10.0.0.3:5060");
        assert_eq!(names.towards(peer), "10.0.0.3:5060");
    }
}
