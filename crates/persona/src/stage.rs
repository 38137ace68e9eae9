//! Where a persona's script acts: its queue of outputs and its timers. Time is what it was last told.

use crate::output::PersonaOutput;
use model::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Outputs that may wait to be polled.
const OUTPUTS_MAX: usize = 64;

/// All timers of a persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The first sign of life of one who is late.
    Trying,
    /// The end of ringing.
    Open,
    /// The script begins, some time after the answer.
    Begin,
    /// The persona hangs up.
    HangUp,
    /// The script's own.
    Script,
}

/// Outputs and timers.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    now: Timestamp,
    outputs: VecDeque<PersonaOutput>,
    /// At most one of each kind.
    timers: Vec<(Timestamp, Timer)>,
}

impl Stage {
    /// It is `now`.
    pub(crate) const fn now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Does something.
    pub(crate) fn act(&mut self, output: PersonaOutput) {
        if self.outputs.len() < OUTPUTS_MAX {
            self.outputs.push_back(output);
        }
    }

    /// Says something, as long as the words take.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.act(PersonaOutput::Say { text: text.into(), length_ms: None });
    }

    /// Sets a timer anew.
    pub(crate) fn after(&mut self, timer: Timer, after_ms: u32) {
        self.stop(timer);
        self.timers.push((self.now + Duration::from_millis(after_ms.into()), timer));
    }

    /// Stops a timer.
    pub(crate) fn stop(&mut self, timer: Timer) {
        self.timers.retain(|set| set.1 != timer);
    }

    /// Takes the timer that is due first, if any is due.
    pub(crate) fn due(&mut self) -> Option<Timer> {
        let next = self.timers.iter().copied().min().filter(|next| next.0 <= self.now)?;
        self.stop(next.1);
        Some(next.1)
    }

    pub(crate) fn poll(&mut self) -> Option<PersonaOutput> {
        self.outputs.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.timers.iter().map(|set| set.0).min()
    }
}
