//! Every timer of a call: one enum, kept in one small list in the order they are due.
//! Knows no clock; the time is handed in.

use model::{CommandId, RecordingId, Timestamp};
use serde::{Deserialize, Serialize};

/// What a timer is for. A call has at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Timer {
    /// The callee has rung longer than the carrier should have let it.
    Ringing,
    /// The app has not decided about an inbound call.
    Decision,
    /// The caller's side has not confirmed our answer.
    Answering,
    /// The answered call has lasted as long as it may.
    MaxDuration,
    /// The leg has not confirmed its end.
    LegEnd,
    /// What plays should have ended.
    Playback,
    /// The end of a machine's greeting should have come.
    Greeting,
    /// The running step's prompts should be ready.
    StepPrompt,
    /// A live command's prompts should be ready.
    LivePrompt(CommandId),
    /// The app's answer to the running step should have come.
    Fetch,
    /// The running gather waits for a key.
    Keys,
    /// What is said to the running gather should have been understood.
    Speech,
    /// The running pause is over.
    Pause,
    /// The running record step has heard enough silence.
    Silence,
    /// The running record step has reached its length.
    Length,
    /// A recording is as long as it may be.
    RecordingLength(RecordingId),
    /// The running queue step has waited as long as it may.
    Queue,
    /// The far side should have got through to the new party.
    Transfer,
    /// A recording's file should be there.
    RecordingFile(RecordingId),
}

impl Timer {
    /// Whether it belongs to the running step of the flow and ends with it.
    const fn is_of_step(self) -> bool {
        matches!(
            self,
            Self::StepPrompt
                | Self::Fetch
                | Self::Keys
                | Self::Speech
                | Self::Pause
                | Self::Silence
                | Self::Length
                | Self::Queue
                | Self::Transfer
        )
    }

    /// Whether it outlives the call's end.
    const fn is_of_recording(self) -> bool {
        matches!(self, Self::RecordingFile(_))
    }
}

/// The timers that run. Those due at the same time fire in the order of the enum.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Timers {
    /// In the order they are due. A few entries, so a list serves better than a tree.
    due: Vec<(Timestamp, Timer)>,
}

impl Timers {
    /// Starts the timer; one that runs already is moved.
    pub(super) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.clear(timer);
        let entry = (at, timer);
        self.due.insert(self.due.partition_point(|other| *other < entry), entry);
    }

    /// Stops the timer if it runs.
    pub(super) fn clear(&mut self, timer: Timer) {
        self.due.retain(|(_, other)| *other != timer);
    }

    /// Stops what belongs to the running step.
    pub(super) fn clear_step(&mut self) {
        self.due.retain(|(_, timer)| !timer.is_of_step());
    }

    /// Stops all but those that wait for files.
    pub(super) fn keep_recordings(&mut self) {
        self.due.retain(|(_, timer)| timer.is_of_recording());
    }

    /// When the first is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the first one that is due by `now`.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
        self.due.first().filter(|(at, _)| *at <= now)?;
        Some(self.due.remove(0).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn timers_fire_in_the_order_they_are_due_and_a_moved_one_only_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Keys, at(3));
        timers.set(Timer::Playback, at(2));
        timers.set(Timer::MaxDuration, at(2));
        timers.set(Timer::Keys, at(1));
        assert_eq!(timers.next(), Some(at(1)));
        let mut fired = Vec::new();
        while let Some(timer) = timers.pop_due(at(9)) {
            fired.push(timer);
        }
        assert_eq!(fired, [Timer::Keys, Timer::MaxDuration, Timer::Playback]);
    }

    #[test]
    fn nothing_fires_early() {
        let mut timers = Timers::default();
        timers.set(Timer::Pause, at(5));
        assert_eq!(timers.pop_due(at(4)), None);
        assert_eq!(timers.pop_due(at(5)), Some(Timer::Pause));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn only_files_are_waited_for_after_the_end() {
        let mut timers = Timers::default();
        let recording = RecordingId::from_uuid(model::IdSource::new(1).next_uuid(at(0)));
        timers.set(Timer::MaxDuration, at(1));
        timers.set(Timer::RecordingFile(recording), at(2));
        timers.set(Timer::Silence, at(3));
        timers.clear_step();
        assert_eq!(timers.next(), Some(at(1)));
        timers.keep_recordings();
        assert_eq!(timers.pop_due(at(9)), Some(Timer::RecordingFile(recording)));
        assert_eq!(timers.pop_due(at(9)), None);
    }
}
