//! Request rates per key, with the figures that the rate headers show.

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use model::KeyId;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// After so many requests, keys that have been idle are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// One class of requests with its own allowance per key.
pub(crate) struct Rate {
    allowing: RwLock<Arc<Allowing>>,
    since_sweep: AtomicU32,
}

type Limiter = RateLimiter<KeyId, DefaultKeyedStateStore<KeyId>, DefaultClock, StateInformationMiddleware>;

/// How much is allowed, and what of it is spent.
struct Allowing {
    limiter: Limiter,
    per_minute: NonZeroU32,
}

/// The rates of all doors, which can be changed while requests come.
pub struct Limits {
    pub(crate) requests: Rate,
    pub(crate) webhook_requests: Rate,
}

impl Limits {
    /// So many requests a minute and key, webhook management aside, and so many for that.
    pub fn new(requests_per_minute: NonZeroU32, webhook_requests_per_minute: NonZeroU32) -> Self {
        Self {
            requests: Rate::per_minute(requests_per_minute),
            webhook_requests: Rate::per_minute(webhook_requests_per_minute),
        }
    }

    /// Allows so much from now on. A limit that did not change forgets nothing.
    pub fn set(&self, requests_per_minute: NonZeroU32, webhook_requests_per_minute: NonZeroU32) {
        self.requests.set(requests_per_minute);
        self.webhook_requests.set(webhook_requests_per_minute);
    }
}

/// What the rate headers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Requests a minute.
    pub limit: u32,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// Seconds until the allowance is whole again.
    pub reset_in_s: u64,
}

/// Too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// The allowance, which is spent.
    pub allowance: Allowance,
    /// Seconds to wait, at least 1.
    pub retry_after_s: u64,
}

impl Rate {
    /// So many requests a minute and key, all of them at once if the client likes.
    pub(crate) fn per_minute(per_minute: NonZeroU32) -> Self {
        Self { allowing: RwLock::new(Arc::new(Allowing::new(per_minute))), since_sweep: AtomicU32::new(0) }
    }

    fn set(&self, per_minute: NonZeroU32) {
        let mut allowing = self.allowing.write().unwrap_or_else(PoisonError::into_inner);
        if allowing.per_minute != per_minute {
            *allowing = Arc::new(Allowing::new(per_minute));
        }
    }

    /// Takes one request of `key` from its allowance.
    pub(crate) fn take(&self, key: KeyId) -> Result<Allowance, Exceeded> {
        let allowing = self.allowing.read().unwrap_or_else(PoisonError::into_inner).clone();
        if self.since_sweep.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            allowing.limiter.retain_recent();
            metrics::gauge!("lyrebird_http_rate_keys").set(allowing.limiter.len() as f64);
        }
        match allowing.limiter.check_key(&key) {
            Ok(state) => Ok(allowing.allowance(state.remaining_burst_capacity())),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let retry_after_s = wait.as_secs().saturating_add(1);
                Err(Exceeded { allowance: allowing.allowance(0), retry_after_s })
            }
        }
    }
}

impl Allowing {
    fn new(per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware();
        Self { limiter, per_minute }
    }

    fn allowance(&self, remaining: u32) -> Allowance {
        let limit = self.per_minute.get();
        let spent = u64::from(limit.saturating_sub(remaining));
        Allowance { limit, remaining, reset_in_s: (spent * 60).div_ceil(u64::from(limit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{IdSource, Timestamp};

    #[test]
    fn the_allowance_is_per_key_and_ends() {
        let mut ids = IdSource::new(1);
        let [a, b] = [(); 2].map(|()| KeyId::generate(&mut ids, Timestamp::default()));
        let rate = Rate::per_minute(NonZeroU32::new(3).unwrap());
        assert_eq!([(); 3].map(|()| rate.take(a).unwrap().remaining), [2, 1, 0]);
        let exceeded = rate.take(a).unwrap_err();
        assert_eq!(exceeded.allowance.remaining, 0);
        assert!((1..=21).contains(&exceeded.retry_after_s), "{exceeded:?}");
        assert_eq!(rate.take(b).unwrap().remaining, 2);
        rate.set(NonZeroU32::new(3).unwrap());
        assert!(rate.take(a).is_err(), "nothing changed");
        rate.set(NonZeroU32::new(4).unwrap());
        assert_eq!(rate.take(a).unwrap().remaining, 3);
    }
}
