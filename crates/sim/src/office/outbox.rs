//! Webhooks of one call to one endpoint: each durable event is a row, tried by the server's table until it is delivered
//! or all attempts failed.

use model::Timestamp;
use std::time::Duration;

const HOUR_S: u64 = 3_600;
/// The wait before each attempt, in seconds: the server's default.
const DELAYS_S: [u64; 10] =
    [0, 5, 5 * 60, 30 * 60, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S];

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowState {
    /// To be tried again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// All attempts failed.
    Exhausted,
}

/// The rows of one call.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    rows: Vec<(u32, RowState, usize)>,
}

impl Outbox {
    /// An event is durable; when it is tried first.
    pub(crate) fn add(&mut self, sequence: u32, now: Timestamp) -> Timestamp {
        self.rows.push((sequence, RowState::Pending, 0));
        now
    }

    /// An attempt was made; when the next one is due.
    pub(crate) fn attempted(&mut self, sequence: u32, took: bool, now: Timestamp) -> Option<Timestamp> {
        let (_, state, attempts) = self.rows.iter_mut().find(|row| row.0 == sequence)?;
        *attempts += 1;
        if took {
            *state = RowState::Delivered;
            return None;
        }
        let Some(delay_s) = DELAYS_S.get(*attempts) else {
            *state = RowState::Exhausted;
            return None;
        };
        Some(now + Duration::from_secs(*delay_s))
    }

    /// The rows: number, state, attempts.
    pub(crate) fn rows(&self) -> &[(u32, RowState, usize)] {
        &self.rows
    }
}
