//! Which source a leg's media is taken from, and where ours is sent. An injected stranger gets nothing: no
//! packet of his is heard and no packet of ours goes to him. Decisions only; knows no socket.

use std::net::{IpAddr, SocketAddr};

/// Most extra addresses a strict latch takes.
pub const ALLOWED_MAX: usize = 8;

/// How a leg decides whom to believe. The SDP address itself is always believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatchPolicy {
    /// For peers with known media addresses: only the SDP address, and the trunk's own media addresses given
    /// to `Latch::allow`. Never re-points. A peer may send from another port than it receives at; the first port
    /// of the SDP address that is heard is then the only one (RFC 4961 asks for one port, not all peers obey).
    Strict,
    /// For peers behind a NAT whose SDP address may be wrong: the first `packets` packets may re-point the leg,
    /// then it is locked to the source that sent last. A packet from the SDP address locks to it at once, and even
    /// after another source was locked.
    Nat {
        /// How many valid packets are heard before the lock; at least 1.
        packets: u8,
    },
}

/// What to do with a packet from a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hear it.
    Accept,
    /// Hear it, and send to this source from now on.
    AcceptAndRepoint,
    /// Forget it; count it.
    Drop,
}

/// The latch of one leg. Ask it only for datagrams that parsed as RTP with a payload type of the answer:
/// noise must not spend the learning packets.
#[derive(Clone, Debug)]
pub struct Latch {
    policy: LatchPolicy,
    expected: SocketAddr,
    target: SocketAddr,
    allowed: [Option<IpAddr>; ALLOWED_MAX],
    /// The source that was believed last.
    source: Option<SocketAddr>,
    heard: u8,
    locked: bool,
    dropped: u64,
}

impl Latch {
    /// A latch for a peer whose SDP names `expected`.
    pub fn new(policy: LatchPolicy, expected: SocketAddr) -> Self {
        let expected = canonical(expected);
        Self {
            policy,
            expected,
            target: expected,
            allowed: [None; ALLOWED_MAX],
            source: None,
            heard: 0,
            locked: false,
            dropped: 0,
        }
    }

    /// Also believes `address`, on any port, under the strict policy. `false` when the list is full.
    pub fn allow(&mut self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.allowed.contains(&Some(address)) {
            return true;
        }
        let Some(free) = self.allowed.iter_mut().find(|slot| slot.is_none()) else { return false };
        *free = Some(address);
        true
    }

    /// Judges one packet by its source.
    pub fn on_packet(&mut self, source: SocketAddr) -> Verdict {
        let source = canonical(source);
        let verdict = self.judge(source);
        if verdict == Verdict::Drop {
            self.dropped = self.dropped.saturating_add(1);
        }
        verdict
    }

    /// Where to send.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// Whether the source can no longer change.
    pub fn is_locked(&self) -> bool {
        self.locked || self.policy == LatchPolicy::Strict
    }

    /// Packets dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A new SDP named `expected`: an unchanged address changes nothing, a new one starts to learn again. Nor does
    /// the unspecified address of a peer that holds (RFC 2543): what it sends meanwhile comes from where it came.
    pub fn on_new_description(&mut self, policy: LatchPolicy, expected: SocketAddr) {
        let expected = canonical(expected);
        if expected.ip().is_unspecified() || (policy, expected) == (self.policy, self.expected) {
            return;
        }
        self.policy = policy;
        self.expected = expected;
        self.target = expected;
        self.source = None;
        self.heard = 0;
        self.locked = false;
    }

    fn judge(&mut self, source: SocketAddr) -> Verdict {
        let expected_ip = self.expected.ip();
        let first_described = self.source.is_none_or(|believed| believed.ip() != expected_ip);
        if source == self.expected || (source.ip() == expected_ip && first_described) {
            self.locked = true;
            return self.believe(source, self.expected);
        }
        if self.locked && self.source == Some(source) {
            return Verdict::Accept;
        }
        match self.policy {
            LatchPolicy::Strict if self.allowed.contains(&Some(source.ip())) => Verdict::Accept,
            LatchPolicy::Nat { packets } if !self.locked => {
                self.heard = self.heard.saturating_add(1);
                self.locked = self.heard >= packets.max(1);
                self.believe(source, source)
            }
            LatchPolicy::Strict | LatchPolicy::Nat { .. } => Verdict::Drop,
        }
    }

    fn believe(&mut self, source: SocketAddr, target: SocketAddr) -> Verdict {
        self.source = Some(source);
        if std::mem::replace(&mut self.target, target) == target {
            Verdict::Accept
        } else {
            Verdict::AcceptAndRepoint
        }
    }
}

/// A v4 peer on a dual-stack socket appears as a mapped v6 address; both spell one source.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Accept, AcceptAndRepoint, Drop};

    const SDP: &str = "192.0.2.10:4000";

    fn check(policy: LatchPolicy, allowed: &[&str], steps: &[(&str, Verdict)], target: &str) {
        let mut latch = Latch::new(policy, SDP.parse().unwrap());
        for address in allowed {
            assert!(latch.allow(address.parse().unwrap()));
        }
        for (index, (source, expected)) in steps.iter().enumerate() {
            assert_eq!(latch.on_packet(source.parse().unwrap()), *expected, "step {index} from {source}");
        }
        assert_eq!(latch.target(), target.parse().unwrap());
        let drops = steps.iter().filter(|(_, verdict)| *verdict == Drop).count();
        assert_eq!(latch.dropped(), drops as u64);
    }

    #[test]
    fn strict_hears_the_described_address_only() {
        check(
            LatchPolicy::Strict,
            &[],
            &[("198.51.100.1:4000", Drop), (SDP, Accept), ("[::ffff:192.0.2.10]:4000", Accept)],
            SDP,
        );
    }

    #[test]
    fn strict_hears_one_port_of_a_peer_that_sends_from_another_than_it_described() {
        check(
            LatchPolicy::Strict,
            &[],
            &[("192.0.2.10:9000", Accept), ("192.0.2.10:9002", Drop), ("192.0.2.10:9000", Accept)],
            SDP,
        );
    }

    #[test]
    fn the_described_port_wins_over_others_of_its_address() {
        check(
            LatchPolicy::Strict,
            &[],
            &[("192.0.2.10:9000", Accept), (SDP, Accept), ("192.0.2.10:9000", Drop), (SDP, Accept)],
            SDP,
        );
    }

    #[test]
    fn strict_hears_a_trunks_other_media_address_but_never_sends_there() {
        check(
            LatchPolicy::Strict,
            &["192.0.2.77"],
            &[("192.0.2.77:9999", Accept), ("192.0.2.78:9999", Drop), (SDP, Accept)],
            SDP,
        );
    }

    #[test]
    fn nat_follows_the_first_packets_then_locks() {
        check(
            LatchPolicy::Nat { packets: 3 },
            &[],
            &[
                ("203.0.113.5:50000", AcceptAndRepoint),
                ("203.0.113.5:50001", AcceptAndRepoint),
                ("203.0.113.5:50001", Accept),
                ("203.0.113.66:1", Drop),
                ("203.0.113.5:50001", Accept),
            ],
            "203.0.113.5:50001",
        );
    }

    #[test]
    fn a_packet_from_the_described_address_locks_at_once() {
        check(
            LatchPolicy::Nat { packets: 50 },
            &[],
            &[(SDP, Accept), ("203.0.113.66:1", Drop), (SDP, Accept)],
            SDP,
        );
    }

    #[test]
    fn the_true_peer_wins_over_a_stranger_who_came_first() {
        let check = |packets: u8, source: &str| {
            check(
                LatchPolicy::Nat { packets },
                &[],
                &[
                    ("203.0.113.66:1", AcceptAndRepoint),
                    (source, AcceptAndRepoint),
                    ("203.0.113.66:1", Drop),
                    (source, Accept),
                ],
                SDP,
            );
        };
        check(50, SDP);
        check(1, SDP);
        check(1, "192.0.2.10:9000");
    }

    #[test]
    fn a_new_description_learns_again_and_an_unchanged_one_does_not() {
        let check = |policy: LatchPolicy, described: &str, target: &str, locked: bool| {
            let nat = LatchPolicy::Nat { packets: 1 };
            let mut latch = Latch::new(nat, SDP.parse().unwrap());
            latch.on_packet("203.0.113.5:50000".parse().unwrap());
            latch.on_new_description(policy, described.parse().unwrap());
            assert_eq!((latch.target(), latch.is_locked()), (target.parse().unwrap(), locked), "{described}");
        };
        let nat = LatchPolicy::Nat { packets: 1 };
        check(nat, SDP, "203.0.113.5:50000", true);
        check(nat, "0.0.0.0:4000", "203.0.113.5:50000", true);
        check(nat, "192.0.2.11:4000", "192.0.2.11:4000", false);
        check(LatchPolicy::Strict, SDP, SDP, true);
    }

    #[test]
    fn the_list_of_allowed_addresses_is_bounded() {
        let mut latch = Latch::new(LatchPolicy::Strict, SDP.parse().unwrap());
        for last in 0..u8::try_from(ALLOWED_MAX).unwrap() {
            assert!(latch.allow(IpAddr::from([10, 0, 0, last])));
        }
        assert!(latch.allow(IpAddr::from([10, 0, 0, 1])), "already there");
        assert!(!latch.allow(IpAddr::from([10, 0, 1, 1])));
    }
}
