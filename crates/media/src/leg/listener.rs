//! Keeps one thing that the far side says: from a little before its voice starts until it has been silent for so long.
//! All room is made with the order; a tick only fills it.

use crate::leg::frame::{NARROW, NARROW_HZ};
use crate::leg::hearing::Pcm;
use model::speech::{ListenId, Listening};
use ports::MediaError;
use ports::speech::HeardSpeech;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Milliseconds of a tick.
const TICK_MS: u32 = 20;
/// Ticks before the voice's start that are kept: a detector hears the first consonant late.
const BEFORE_TICKS: usize = 15;
/// Shortest longest speech, and the least silence that ends it.
const LENGTH_MS_MIN: u32 = 1_000;
const END_SILENCE_MS_MIN: u32 = 200;

/// Room for so many listeners at once.
#[derive(Debug)]
pub(crate) struct Listeners {
    taken: Arc<AtomicUsize>,
    max: usize,
}

impl Listeners {
    pub(crate) fn new(max: usize) -> Self {
        Self { taken: Arc::default(), max }
    }

    /// A listener with all the room that it will need.
    pub(crate) fn begin(
        &self,
        listen: ListenId,
        end_silence_ms: u32,
        length_ms_max: u32,
    ) -> Result<Listener, MediaError> {
        let place = Place(Arc::clone(&self.taken));
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.max {
            return Err(MediaError::Busy);
        }
        let ticks_max = length_ms_max.clamp(LENGTH_MS_MIN, Listening::LENGTH_MS_MAX) / TICK_MS;
        let samples_max = (ticks_max as usize).saturating_add(BEFORE_TICKS) * NARROW;
        Ok(Listener {
            listen,
            before: [[0; NARROW]; BEFORE_TICKS],
            before_ticks: 0,
            samples: Vec::with_capacity(samples_max),
            samples_max,
            silent_ticks: 0,
            silent_ticks_max: end_silence_ms.max(END_SILENCE_MS_MIN) / TICK_MS,
            _place: place,
        })
    }
}

/// Gives its place back.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Listens for one thing that is said.
pub(crate) struct Listener {
    listen: ListenId,
    /// The last ticks before the voice's start, in turn.
    before: [Pcm; BEFORE_TICKS],
    before_ticks: usize,
    /// What is said; empty until the voice has started.
    samples: Vec<i16>,
    samples_max: usize,
    silent_ticks: u32,
    silent_ticks_max: u32,
    _place: Place,
}

impl Listener {
    /// Which listening it is.
    pub(crate) const fn listen(&self) -> ListenId {
        self.listen
    }

    /// Takes 20 ms, and whether somebody speaks in them; what was said once it is over. Nothing comes after that.
    pub(crate) fn tick(&mut self, pcm: &Pcm, voice: bool) -> Option<HeardSpeech> {
        if self.samples.is_empty() && !voice {
            self.remember(pcm);
            return None;
        }
        if self.samples.is_empty() {
            self.recall();
        }
        self.samples.extend_from_slice(pcm);
        self.silent_ticks = if voice { 0 } else { self.silent_ticks + 1 };
        let full = self.samples.len() + NARROW > self.samples_max;
        (full || self.silent_ticks >= self.silent_ticks_max).then(|| HeardSpeech {
            listen: self.listen,
            rate_hz: NARROW_HZ,
            samples: std::mem::take(&mut self.samples),
        })
    }

    fn remember(&mut self, pcm: &Pcm) {
        if let Some(slot) = self.before.get_mut(self.before_ticks % BEFORE_TICKS) {
            *slot = *pcm;
        }
        self.before_ticks += 1;
    }

    fn recall(&mut self) {
        let kept = self.before_ticks.min(BEFORE_TICKS);
        let first = self.before_ticks - kept;
        for tick in first..self.before_ticks {
            if let Some(slot) = self.before.get(tick % BEFORE_TICKS) {
                self.samples.extend_from_slice(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks of sound: `.` silence, `v` voice; each tick's samples are its number. The first and last tick that are
    /// handed over, and at which tick.
    #[track_caller]
    fn check(ticks: &str, (end_silence_ms, length_ms_max): (u32, u32), wanted: Option<(i16, i16, usize)>) {
        let listeners = Listeners::new(1);
        let mut listener = listeners.begin(ListenId(1), end_silence_ms, length_ms_max).unwrap();
        let capacity = listener.samples.capacity();
        let mut heard = None;
        for (at, tick) in ticks.chars().enumerate() {
            if let Some(speech) = listener.tick(&[i16::try_from(at).unwrap(); NARROW], tick == 'v') {
                let (first, last) = (*speech.samples.first().unwrap(), *speech.samples.last().unwrap());
                assert_eq!(speech.samples.len(), usize::try_from(last - first + 1).unwrap() * NARROW);
                heard = Some((first, last, at));
                break;
            }
            assert_eq!(listener.samples.capacity(), capacity, "a tick makes no room");
        }
        assert_eq!(heard, wanted, "{ticks}");
    }

    #[test]
    fn speech_is_kept_from_before_its_start_until_the_silence_after_it() {
        let quiet = ".".repeat(20);
        check(&format!("{quiet}vvvv{quiet}"), (200, 5_000), Some((5, 33, 33)));
        // Spoken to at once: there is less before it.
        check(&format!("..vv{quiet}"), (200, 5_000), Some((0, 13, 13)));
        check(&format!("vv{quiet}"), (200, 5_000), Some((0, 11, 11)));
        // A short pause does not end it.
        check(&format!("{quiet}vv.....vv{quiet}"), (200, 5_000), Some((5, 38, 38)));
        check(&format!("{quiet}{quiet}"), (200, 5_000), None);
        check(&format!("{quiet}vvvvv"), (200, 5_000), None);
    }

    #[test]
    fn long_speech_is_cut_where_its_room_ends() {
        let speech = "v".repeat(100);
        check(&format!("....................{speech}"), (200, 1_000), Some((5, 69, 69)));
        // Less room before the voice is more room for it.
        check(&speech, (200, 1_000), Some((0, 64, 64)));
    }

    #[test]
    fn there_is_room_for_so_many_and_it_comes_back() {
        let listeners = Listeners::new(1);
        let first = listeners.begin(ListenId(1), 800, 5_000).unwrap();
        assert!(listeners.begin(ListenId(2), 800, 5_000).is_err());
        drop(first);
        assert!(listeners.begin(ListenId(3), 800, 5_000).is_ok());
    }
}
