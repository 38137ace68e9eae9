//! How many datagrams each source may send before anything is read of them: a token bucket a source, in a bounded
//! table. Time is an argument; who is known is asked.

use model::Timestamp;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How often it is asked again whether a source is known.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// A rate and the burst it may save up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Datagrams a second.
    pub(crate) per_second: u32,
    /// Datagrams at once.
    pub(crate) burst: u32,
}

/// Who somebody is, by where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A peer whose machines we know: a trunk's.
    Peer,
    /// A place where phones are registered, perhaps among others.
    Phone,
    /// Anybody else.
    Stranger,
}

/// What sources may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetConfig {
    /// Peers we know: trunks.
    pub(crate) known: Rate,
    /// Places where phones are registered.
    pub(crate) phone: Rate,
    /// Everybody else.
    pub(crate) stranger: Rate,
    /// Sources remembered at one time. When all are busy, new strangers get nothing and new peers everything.
    pub(crate) sources_max: usize,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            known: Rate { per_second: 20_000, burst: 20_000 },
            phone: Rate { per_second: 100, burst: 200 },
            stranger: Rate { per_second: 20, burst: 60 },
            sources_max: 4_096,
        }
    }
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// From a peer or a phone we know.
    Known,
    /// From anybody else.
    Stranger,
    /// Its source has sent too many.
    TooMany,
}

/// The buckets of all sources.
#[derive(Debug)]
pub(crate) struct Budget {
    config: BudgetConfig,
    buckets: HashMap<IpAddr, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    standing: Standing,
    rate: Rate,
    /// Millionths of a datagram.
    tokens: u64,
    filled_at: Timestamp,
    asked_at: Timestamp,
}

const TOKEN: u64 = 1_000_000;

impl Bucket {
    const fn full(standing: Standing, config: &BudgetConfig, now: Timestamp) -> Self {
        let rate = config.rate(standing);
        Self { standing, rate, tokens: rate.burst as u64 * TOKEN, filled_at: now, asked_at: now }
    }

    fn fill(&mut self, now: Timestamp) {
        let passed_micros = u64::try_from(now.since(self.filled_at).as_micros()).unwrap_or(u64::MAX);
        let earned = passed_micros.saturating_mul(u64::from(self.rate.per_second));
        self.tokens = self.tokens.saturating_add(earned).min(u64::from(self.rate.burst) * TOKEN);
        self.filled_at = now;
    }

    const fn is_full(&self) -> bool {
        self.tokens >= self.rate.burst as u64 * TOKEN
    }
}

impl BudgetConfig {
    const fn rate(&self, standing: Standing) -> Rate {
        match standing {
            Standing::Peer => self.known,
            Standing::Phone => self.phone,
            Standing::Stranger => self.stranger,
        }
    }
}

impl Budget {
    /// No source has sent anything yet.
    pub(crate) fn new(config: BudgetConfig) -> Self {
        Self { config, buckets: HashMap::new() }
    }

    /// Takes a datagram off the budget of its source. A stranger is asked for again with each datagram that is within
    /// its budget, so that a new peer is heard at once; a known one each second.
    pub(crate) fn take(
        &mut self,
        source: IpAddr,
        now: Timestamp,
        standing: impl Fn(IpAddr) -> Standing,
    ) -> Verdict {
        let config = self.config;
        let place = place(source);
        if !self.buckets.contains_key(&place) {
            self.make_room(now);
            if self.buckets.len() >= config.sources_max {
                return if standing(source) == Standing::Stranger {
                    Verdict::TooMany
                } else {
                    Verdict::Known
                };
            }
        }
        let new = || Bucket::full(standing(source), &config, now);
        let bucket = self.buckets.entry(place).or_insert_with(new);
        bucket.fill(now);
        let is_stranger = bucket.standing == Standing::Stranger;
        if now.since(bucket.asked_at) >= KNOWN_FOR || (is_stranger && bucket.tokens >= TOKEN) {
            bucket.standing = standing(source);
            bucket.rate = config.rate(bucket.standing);
            bucket.asked_at = now;
            // What was saved at the old rate may be more than the new one's burst.
            bucket.fill(now);
        }
        match bucket.tokens.checked_sub(TOKEN) {
            None => Verdict::TooMany,
            Some(left) => {
                bucket.tokens = left;
                if bucket.standing == Standing::Stranger { Verdict::Stranger } else { Verdict::Known }
            }
        }
    }

    /// Forgets sources that have been quiet, when the table is full.
    fn make_room(&mut self, now: Timestamp) {
        if self.buckets.len() < self.config.sources_max {
            return;
        }
        self.buckets.retain(|_, bucket| {
            bucket.fill(now);
            !bucket.is_full()
        });
    }
}

/// An IPv4 address is a source of its own, an IPv6 one shares with its /64.
pub(crate) fn place(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn budget() -> Budget {
        let known = Rate { per_second: 1_000, burst: 1_000 };
        let stranger = Rate { per_second: 10, burst: 3 };
        let phone = Rate { per_second: 100, burst: 20 };
        Budget::new(BudgetConfig { known, phone, stranger, sources_max: 2 })
    }

    fn taken(budget: &mut Budget, source: &str, tries: usize, millis: u64, known: bool) -> usize {
        let (standing, verdict) = match known {
            true => (Standing::Peer, Verdict::Known),
            false => (Standing::Stranger, Verdict::Stranger),
        };
        let mut take = || budget.take(source.parse().unwrap(), at(millis), |_| standing);
        (0..tries).filter(|_| take() == verdict).count()
    }

    #[test]
    fn a_place_of_phones_gets_more_than_a_stranger_and_less_than_a_peer() {
        let mut budget = budget();
        let mut heard = |millis| {
            let mut take = || budget.take([192, 0, 2, 1].into(), at(millis), |_| Standing::Phone);
            (0..100).filter(|_| take() == Verdict::Known).count()
        };
        assert_eq!((heard(0), heard(100), heard(60_000)), (20, 10, 20));
    }

    #[test]
    fn a_stranger_gets_a_burst_and_then_a_trickle() {
        let mut budget = budget();
        assert_eq!(taken(&mut budget, "192.0.2.1", 10, 0, false), 3);
        assert_eq!(taken(&mut budget, "192.0.2.1", 10, 99, false), 0);
        assert_eq!(taken(&mut budget, "192.0.2.1", 10, 200, false), 2);
        assert_eq!(taken(&mut budget, "192.0.2.1", 10, 60_000, false), 3);
    }

    #[test]
    fn a_source_that_becomes_known_is_asked_for_again() {
        let mut budget = budget();
        assert_eq!(taken(&mut budget, "192.0.2.1", 10, 0, false), 3);
        assert_eq!(taken(&mut budget, "192.0.2.1", 1, 100, true), 1);
        assert_eq!(taken(&mut budget, "192.0.2.1", 900, 2_000, true), 900);
        assert_eq!(taken(&mut budget, "192.0.2.1", 10, 4_000, false), 3);
    }

    #[test]
    fn sources_are_apart_and_ipv6_neighbours_are_not() {
        let mut budget = budget();
        assert_eq!(taken(&mut budget, "2001:db8::1", 2, 0, false), 2);
        assert_eq!(taken(&mut budget, "2001:db8::2", 9, 0, false), 1);
        assert_eq!(taken(&mut budget, "192.0.2.1", 9, 0, false), 3);
        assert_eq!(taken(&mut budget, "::ffff:192.0.2.1", 9, 0, false), 0);
    }

    #[test]
    fn a_full_table_has_no_room_for_strangers_until_somebody_is_quiet() {
        let mut budget = budget();
        assert_eq!(taken(&mut budget, "192.0.2.1", 2, 0, false), 2);
        assert_eq!(taken(&mut budget, "192.0.2.2", 2, 0, false), 2);
        assert_eq!(taken(&mut budget, "192.0.2.3", 2, 0, false), 0);
        assert_eq!(taken(&mut budget, "192.0.2.3", 2, 0, true), 2);
        assert_eq!(taken(&mut budget, "192.0.2.3", 2, 900, false), 2);
    }
}
