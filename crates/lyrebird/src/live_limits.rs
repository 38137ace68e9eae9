//! Limits of the configuration that hold for a running server from the moment it is read again.

use crate::config::Config;
use ports::Ceiling;
use std::time::Duration;

/// The limits; all clones are the same ones.
#[derive(Debug, Clone)]
pub(crate) struct LiveLimits {
    /// Calls at once.
    pub calls: Ceiling,
    /// Of these, calls that one source of a trunk has sent.
    pub calls_of_one_source: Ceiling,
    drain_ms: Ceiling,
}

impl LiveLimits {
    /// As the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let (calls, of_one_source, drain_ms) = read(config);
        Self {
            calls: Ceiling::new(calls),
            calls_of_one_source: Ceiling::new(of_one_source),
            drain_ms: Ceiling::new(drain_ms),
        }
    }

    /// As the configuration says now.
    pub(crate) fn set(&self, config: &Config) {
        let (calls, of_one_source, drain_ms) = read(config);
        self.calls.set(calls);
        self.calls_of_one_source.set(of_one_source);
        self.drain_ms.set(drain_ms);
    }

    /// How long running calls may go on while the server stops.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.drain_ms.get()).unwrap_or(u64::MAX))
    }
}

fn read(config: &Config) -> (usize, usize, usize) {
    let calls = config.calls.at_once_max;
    let of_one_source = calls.saturating_mul(usize::from(config.sip.source_share_percent)) / 100;
    (calls, of_one_source.max(1), usize::try_from(config.shutdown.drain_ms).unwrap_or(usize::MAX))
}
