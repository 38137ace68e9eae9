//! Which source a leg's media is taken from, and where ours is sent. An injected stranger gets nothing: no
//! packet of his is heard and no packet of ours goes to him. Decisions only; knows no socket.

use std::net::{IpAddr, SocketAddr};

/// Most extra addresses a strict latch takes.
pub const ALLOWED_MAX: usize = 8;

/// How a leg decides whom to believe. The SDP address itself is always believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatchPolicy {
    /// For peers with known media addresses: only the SDP address, and the trunk's own media addresses given
    /// to `Latch::allow`. Never re-points.
    Strict,
    /// For peers behind a NAT whose SDP address may be wrong: the first `packets` packets may re-point the leg,
    /// then it is locked to the source that sent last. A packet from the SDP address locks at once.
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
        let verdict = match self.policy {
            LatchPolicy::Strict => self.judge_strict(source),
            LatchPolicy::Nat { packets } => self.judge_nat(source, packets.max(1)),
        };
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

    /// A new SDP named `expected`: an unchanged address changes nothing, a new one starts to learn again.
    pub fn on_new_description(&mut self, expected: SocketAddr) {
        let expected = canonical(expected);
        if expected == self.expected {
            return;
        }
        self.expected = expected;
        self.target = expected;
        self.heard = 0;
        self.locked = false;
    }

    fn judge_strict(&self, source: SocketAddr) -> Verdict {
        let known = source == self.expected || self.allowed.contains(&Some(source.ip()));
        if known { Verdict::Accept } else { Verdict::Drop }
    }

    fn judge_nat(&mut self, source: SocketAddr, packets: u8) -> Verdict {
        if self.locked {
            return if source == self.target { Verdict::Accept } else { Verdict::Drop };
        }
        self.heard = self.heard.saturating_add(1);
        self.locked = source == self.expected || self.heard >= packets;
        if source == self.target {
            return Verdict::Accept;
        }
        self.target = source;
        Verdict::AcceptAndRepoint
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
            &[
                ("198.51.100.1:4000", Drop),
                ("192.0.2.10:4001", Drop),
                (SDP, Accept),
                ("[::ffff:192.0.2.10]:4000", Accept),
            ],
            SDP,
        );
    }

    #[test]
    fn strict_hears_a_trunks_other_media_address_but_never_sends_there() {
        check(
            LatchPolicy::Strict,
            &["192.0.2.77"],
            &[("192.0.2.77:9999", Accept), ("192.0.2.78:9999", Drop)],
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
                (SDP, Drop),
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
        check(
            LatchPolicy::Nat { packets: 50 },
            &[],
            &[("203.0.113.66:1", AcceptAndRepoint), (SDP, AcceptAndRepoint), ("203.0.113.66:1", Drop)],
            SDP,
        );
    }

    #[test]
    fn a_new_description_learns_again_and_an_unchanged_one_does_not() {
        let mut latch = Latch::new(LatchPolicy::Nat { packets: 1 }, SDP.parse().unwrap());
        latch.on_packet("203.0.113.5:50000".parse().unwrap());
        latch.on_new_description(SDP.parse().unwrap());
        assert!(latch.is_locked());
        assert_eq!(latch.target(), "203.0.113.5:50000".parse().unwrap());
        latch.on_new_description("192.0.2.11:4000".parse().unwrap());
        assert!(!latch.is_locked());
        assert_eq!(latch.target(), "192.0.2.11:4000".parse().unwrap());
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
