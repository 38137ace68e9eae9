//! Hosts that failed lately: calls try others first for a while. Time is an argument.

use model::Timestamp;
use sip::Hop;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a host is avoided that does not say for how long itself.
const USUAL: Duration = Duration::from_secs(30);
/// The longest that a host may ask for.
const LONGEST: Duration = Duration::from_secs(300);
/// Most hosts that are remembered.
const HOSTS_MAX: usize = 1_024;

/// Hosts that failed lately.
#[derive(Default)]
pub(super) struct Avoided(Mutex<HashMap<Hop, Timestamp>>);

impl Avoided {
    /// A host failed.
    pub(super) fn failed(&self, hop: Hop, retry_after_s: Option<u32>, now: Timestamp) {
        let asked = retry_after_s.map(|seconds| Duration::from_secs(seconds.into()));
        let until = now + asked.unwrap_or(USUAL).min(LONGEST);
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= HOSTS_MAX {
            hosts.retain(|_, until| *until > now);
        }
        if hosts.len() < HOSTS_MAX || hosts.contains_key(&hop) {
            hosts.insert(hop, until);
        }
    }

    /// Whether a host failed lately.
    pub(super) fn contains(&self, hop: Hop, now: Timestamp) -> bool {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&hop).is_some_and(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(retry_after_s: Option<u32>, after_s: u64, expected: bool) {
        let at = |secs: u64| Timestamp::from_millis(secs * 1_000);
        let hop = Hop::udp("192.0.2.1:5060".parse().unwrap());
        let avoided = Avoided::default();
        avoided.failed(hop, retry_after_s, at(100));
        assert_eq!(avoided.contains(hop, at(100 + after_s)), expected, "{retry_after_s:?} {after_s}");
        assert!(!avoided.contains(Hop::tcp(hop.address), at(100)));
    }

    #[test]
    fn a_host_is_avoided_for_as_long_as_it_asks_within_reason() {
        check(None, 29, true);
        check(None, 30, false);
        check(Some(5), 4, true);
        check(Some(5), 5, false);
        check(Some(86_400), 299, true);
        check(Some(86_400), 300, false);
    }

    #[test]
    fn no_more_hosts_are_remembered_than_there_is_room_for() {
        let avoided = Avoided::default();
        let now = Timestamp::from_millis(1_000);
        for port in 1..=2_000 {
            avoided.failed(Hop::udp(([192, 0, 2, 1], port).into()), None, now);
        }
        assert_eq!(avoided.0.lock().unwrap().len(), HOSTS_MAX);
    }
}
