//! The 20 ms tick, spread over 20 phases of one millisecond so that legs do not send in bursts. Knows numbers of
//! milliseconds; what time it is comes from the worker.

use super::slab::Key;
use std::time::Duration;

/// Phases of a tick, a millisecond each.
pub(crate) const PHASES: usize = 20;
/// After a stall, ticks older than this are left out instead of being sent in one burst.
pub(crate) const CATCH_UP: Duration = Duration::from_millis(CATCH_UP_MS);
const CATCH_UP_MS: u64 = 60;

/// Which legs tick when.
#[derive(Debug)]
pub(crate) struct Pace {
    phases: [Vec<Key>; PHASES],
    legs: usize,
    /// The first millisecond whose phase has not run.
    next_ms: u64,
    /// Phases with legs in them that were left out.
    skipped: u64,
}

impl Pace {
    /// No leg ticks; time begins at `now_ms`.
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { phases: [const { Vec::new() }; PHASES], legs: 0, next_ms: now_ms, skipped: 0 }
    }

    /// Gives a leg the emptiest phase; returns its number.
    pub(crate) fn join(&mut self, key: Key) -> usize {
        let emptiest = self.phases.iter_mut().enumerate().min_by_key(|(_, phase)| phase.len());
        let Some((number, phase)) = emptiest else { return 0 };
        phase.push(key);
        self.legs += 1;
        number
    }

    /// Takes a leg out of its phase.
    pub(crate) fn leave(&mut self, key: Key, phase: usize) {
        let Some(keys) = self.phases.get_mut(phase) else { return };
        if let Some(at) = keys.iter().position(|other| *other == key) {
            keys.swap_remove(at);
            self.legs -= 1;
        }
    }

    /// Phases with legs that were left out after stalls.
    pub(crate) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next phase that is due; call until none is.
    pub(crate) fn due(&mut self, now_ms: u64) -> Option<usize> {
        if self.legs == 0 {
            self.next_ms = now_ms + 1;
            return None;
        }
        if now_ms.saturating_sub(self.next_ms) > CATCH_UP_MS {
            let first_kept = now_ms - CATCH_UP_MS;
            let left_out = (self.next_ms..first_kept).take(PHASES);
            let busy = left_out.filter(|ms| self.phase_len(phase_of(*ms)) > 0).count() as u64;
            let rounds = (first_kept - self.next_ms).div_ceil(PHASES as u64);
            self.skipped += busy * rounds;
            self.next_ms = first_kept;
        }
        while self.next_ms <= now_ms {
            let phase = phase_of(self.next_ms);
            self.next_ms += 1;
            if self.phase_len(phase) > 0 {
                return Some(phase);
            }
        }
        None
    }

    /// A leg of a phase by its place there.
    pub(crate) fn leg(&self, phase: usize, place: usize) -> Option<Key> {
        self.phases.get(phase)?.get(place).copied()
    }

    /// The millisecond at which something is next due; none while no leg ticks.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        (self.next_ms..self.next_ms + PHASES as u64).find(|ms| self.phase_len(phase_of(*ms)) > 0)
    }

    fn phase_len(&self, phase: usize) -> usize {
        self.phases.get(phase).map_or(0, Vec::len)
    }
}

const fn phase_of(ms: u64) -> usize {
    (ms % PHASES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        Key::from_bits(number)
    }

    fn all_due(pace: &mut Pace, now_ms: u64) -> Vec<usize> {
        std::iter::from_fn(|| pace.due(now_ms)).collect()
    }

    #[test]
    fn legs_are_spread_evenly() {
        let mut pace = Pace::new(0);
        for number in 0..1_000 {
            pace.join(key(number));
        }
        assert!((0..PHASES).all(|phase| pace.phase_len(phase) == 50));
    }

    #[test]
    fn every_leg_ticks_each_20_ms_however_late_the_wake_ups_are() {
        let mut pace = Pace::new(1_000);
        let phase = pace.join(key(1));
        let mut ticks = 0;
        for now_ms in [1_003, 1_019, 1_020, 1_041, 1_090, 1_139] {
            let due = all_due(&mut pace, now_ms);
            assert!(due.iter().all(|it| *it == phase));
            ticks += due.len();
        }
        assert_eq!(ticks, 7, "140 ms are seven ticks");
        assert_eq!(pace.skipped(), 0);
    }

    #[test]
    fn a_stall_is_not_made_up_by_a_burst() {
        let mut pace = Pace::new(0);
        pace.join(key(1));
        all_due(&mut pace, 0);
        assert_eq!(all_due(&mut pace, 10_000).len(), 4, "60 ms and the present one");
        assert!(pace.skipped() >= 490, "{}", pace.skipped());
    }

    #[test]
    fn the_next_wake_up_is_the_next_phase_with_a_leg() {
        let mut pace = Pace::new(100);
        assert_eq!(pace.next_due_ms(), None);
        let phase = pace.join(key(1));
        let due = pace.next_due_ms().unwrap();
        assert_eq!(due % 20, phase as u64);
        all_due(&mut pace, due);
        assert_eq!(pace.next_due_ms(), Some(due + 20));
        pace.leave(key(1), phase);
        assert_eq!(pace.next_due_ms(), None);
    }

    #[test]
    fn idle_time_is_not_caught_up() {
        let mut pace = Pace::new(0);
        assert!(all_due(&mut pace, 50_000).is_empty());
        pace.join(key(1));
        assert!(all_due(&mut pace, 50_019).len() <= 1);
        assert_eq!(pace.skipped(), 0);
    }
}
