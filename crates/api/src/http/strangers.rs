//! Slows down whoever tries keys: after some wrong keys in a row an address waits, longer each time, until it hears of
//! another wrong one. Bounded, whatever arrives.

use metrics::{counter, gauge};
use model::fault::{Fault, FaultCode};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wrong keys in a row that cost nothing yet.
const FREE: u32 = 5;
/// The first wait; each further wrong key doubles it.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// An address that tries nothing for so long begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Most addresses remembered; all others beyond share one place.
const SOURCES_MAX: usize = 10_000;

/// Where a request comes from; whoever serves connections puts it into the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddr(pub IpAddr);

/// What is known of addresses. All doors share one, so that nobody tries keys at each of them in turn.
#[derive(Default)]
pub struct Strangers {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    sources: HashMap<IpAddr, Source>,
}

struct Source {
    wrong: u32,
    last: Instant,
    waits_until: Instant,
}

impl Strangers {
    /// What the source hears of the key it showed, which `found` looks up. Who tried wrong keys before hears of further
    /// ones only after a wait; a key that is right is let through all the same, because many clients can share an
    /// address.
    pub async fn ask<T>(
        &self,
        source: Option<IpAddr>,
        found: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let waits_s = source.and_then(|source| self.wait_s(source, Instant::now()));
        let found = found.await;
        match (&found, source) {
            (Ok(_), Some(source)) => self.right(source),
            (Err(fault), Some(source)) if fault.code == FaultCode::InvalidKey => {
                if waits_s.is_some() {
                    counter!("lyrebird_http_slowed_sources_total").increment(1);
                    return Err(Fault { retry_after_s: waits_s, ..Fault::new(FaultCode::RateLimited) });
                }
                self.wrong(source, Instant::now());
            }
            _ => {}
        }
        found
    }

    /// How many seconds the address has to wait before it may try a wrong key again; none: it may go on.
    fn wait_s(&self, source: IpAddr, now: Instant) -> Option<u32> {
        let known = self.lock();
        let wait =
            known.sources.get(&known.place(network(source)))?.waits_until.checked_duration_since(now)?;
        if wait.is_zero() {
            return None;
        }
        Some(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// The key was nobody's.
    fn wrong(&self, source: IpAddr, now: Instant) {
        counter!("lyrebird_http_wrong_keys_total").increment(1);
        let mut known = self.lock();
        if known.sources.len() >= SOURCES_MAX {
            known.sources.retain(|_, source| now.duration_since(source.last) < FORGOTTEN_AFTER);
        }
        let place = known.place(network(source));
        let fresh = Source { wrong: 0, last: now, waits_until: now };
        let source = known.sources.entry(place).or_insert(fresh);
        if now.duration_since(source.last) >= FORGOTTEN_AFTER {
            source.wrong = 0;
        }
        source.wrong = source.wrong.saturating_add(1);
        source.last = now;
        if source.wrong > FREE {
            let doubled = WAIT_FIRST.saturating_mul(1 << (source.wrong - FREE - 1).min(16));
            source.waits_until = now + doubled.min(WAIT_MAX);
        }
        gauge!("lyrebird_http_wrong_key_sources").set(known.sources.len() as f64);
    }

    /// The key was somebody's: the row of wrong ones ends.
    fn right(&self, source: IpAddr) {
        let mut known = self.lock();
        // The shared place is nobody's to clear.
        if known.sources.remove(&network(source)).is_some() {
            gauge!("lyrebird_http_wrong_key_sources").set(known.sources.len() as f64);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Where the address stands: its own place, or the one that all share when there are too many.
    fn place(&self, source: IpAddr) -> IpAddr {
        let own = self.sources.len() < SOURCES_MAX || self.sources.contains_key(&source);
        if own { source } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
    }
}

/// An IPv4 address, or the /64 network that one client of IPv6 has for itself.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    #[test]
    fn waits_grow_and_end_with_a_good_key() {
        let strangers = Strangers::default();
        let now = Instant::now();
        let waits: Vec<_> = (0..9)
            .map(|_| {
                strangers.wrong(THERE, now);
                strangers.wait_s(THERE, now)
            })
            .collect();
        assert_eq!(waits, [None, None, None, None, None, Some(2), Some(3), Some(5), Some(9)]);
        assert_eq!(strangers.wait_s(THERE, now + Duration::from_secs(9)), None, "the wait is over");
        assert_eq!(strangers.wait_s(Ipv4Addr::LOCALHOST.into(), now), None, "others do not wait");
        strangers.right(THERE);
        assert_eq!(strangers.wait_s(THERE, now), None);
    }

    #[test]
    fn a_client_cannot_hide_in_its_network_nor_fill_the_table() {
        let strangers = Strangers::default();
        let now = Instant::now();
        for low in 0..u128::from(FREE) + 1 {
            strangers.wrong(Ipv6Addr::from_bits(0x2001_0db8 << 96 | low).into(), now);
        }
        assert!(strangers.wait_s(Ipv6Addr::from_bits(0x2001_0db8 << 96 | 99).into(), now).is_some());
        for address in 0..SOURCES_MAX as u32 + 50 {
            strangers.wrong(Ipv4Addr::from_bits(0x0a00_0000 + address).into(), now);
        }
        assert!(strangers.lock().sources.len() <= SOURCES_MAX + 1);
        assert!(strangers.wait_s(Ipv4Addr::new(198, 51, 100, 1).into(), now).is_some(), "the shared place");
    }
}
