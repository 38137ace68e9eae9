//! The greeting as it stands: when speech began and last sounded, how much of it was voice, its pauses, bursts and
//! words. Judged anew from the history each time, so that what was taken for voice before the noise was known is not.

use super::history::{History, MARK_MS, Mark};

/// Shorter sounds are clicks.
const BURST_MARKS_MIN: u32 = 6;
/// Shorter gaps are within a word.
const GAP_MARKS_MIN: u32 = 8;
/// Sound stands out of the noise by so much.
const QUIET_DB: f32 = 6.0;
/// A syllable rises and falls by so much, dB.
const SYLLABLE_DB: f32 = 3.0;
/// A vowel or two are no music.
const TONAL_MS_MIN: u32 = 900;
/// Of so much tone in what is loud, it is music.
const TONAL_PERCENT: u32 = 70;
/// Syllables of a hundred words of talk on the telephone, by what is counted here.
const SYLLABLES_OF_100_WORDS: u32 = 135;

/// What is known of a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Greeting {
    /// When speech began; none: nobody spoke.
    pub(super) first_ms: Option<u32>,
    /// When it last sounded.
    pub(super) end_ms: u32,
    /// How much was voice.
    pub(super) voiced_ms: u32,
    /// The longest pause within.
    pub(super) pause_ms: u32,
    /// Bursts of voice.
    pub(super) bursts: u16,
    /// Words, by its syllables.
    pub(super) words: u16,
    /// Sum of the levels of voice, and how many they are.
    levels: (f32, u32),
    /// Noise of the line, dBFS.
    pub(super) noise_dbfs: f32,
    /// Loud sound that is tone or music.
    pub(super) tonal_ms: u32,
    /// Loud sound.
    pub(super) loud_ms: u32,
}

impl Greeting {
    /// Of what was heard so far.
    pub(super) fn of(history: &History) -> Self {
        let (noise_dbfs, threshold) = history.noise_and_threshold();
        let mut greeting = Self { noise_dbfs, ..Self::default() };
        let Some(threshold) = threshold else { return greeting };
        let mut burst = Burst::default();
        for (at, mark) in (0_u32..).zip(history.marks()) {
            let loud = f32::from(mark.level) >= threshold;
            if loud {
                greeting.loud_ms += MARK_MS;
                greeting.tonal_ms += if mark.note { MARK_MS } else { 0 };
            }
            burst.syllables.hear(f32::from(mark.level), threshold);
            if loud && !mark.tone {
                burst.voice(at, mark);
            } else if burst.silence(at) {
                greeting.take(&mut burst);
            }
        }
        if burst.marks > 0 {
            greeting.take(&mut burst);
        }
        greeting.words = words(burst.syllables.counted);
        greeting
    }

    /// From the beginning of speech to its last sound.
    pub(super) fn length_ms(&self) -> u32 {
        self.first_ms.map_or(0, |first| self.end_ms.saturating_sub(first))
    }

    /// Mean level of the voice, dBFS.
    pub(super) fn voice_dbfs(&self) -> f32 {
        let (sum, count) = self.levels;
        if count == 0 { f32::from(i8::MIN) } else { sum / count as f32 }
    }

    /// What is fainter is noise; nothing where that is not known yet.
    pub(super) fn quiet_dbfs(&self) -> f32 {
        if self.loud_ms > 0 { self.noise_dbfs + QUIET_DB } else { f32::NEG_INFINITY }
    }

    /// Whether most of what is loud is tone or music.
    pub(super) fn is_tonal(&self) -> bool {
        self.tonal_ms >= TONAL_MS_MIN && self.tonal_ms * 100 > self.loud_ms * TONAL_PERCENT
    }

    fn take(&mut self, burst: &mut Burst) {
        if burst.marks >= BURST_MARKS_MIN {
            let start_ms = burst.start * MARK_MS;
            if self.first_ms.is_some() {
                self.pause_ms = self.pause_ms.max(start_ms.saturating_sub(self.end_ms));
            }
            self.first_ms = self.first_ms.or(Some(start_ms));
            self.end_ms = (burst.last + 1) * MARK_MS;
            self.voiced_ms += burst.marks * MARK_MS;
            self.bursts = self.bursts.saturating_add(1);
            self.levels = (self.levels.0 + burst.levels, self.levels.1 + burst.marks);
            burst.syllables.keep();
        } else {
            burst.syllables.drop();
        }
        *burst = Burst { syllables: burst.syllables, ..Burst::default() };
    }
}

fn words(syllables: u16) -> u16 {
    let hundreds = u32::from(syllables) * 100 + SYLLABLES_OF_100_WORDS / 2;
    u16::try_from(hundreds / SYLLABLES_OF_100_WORDS).unwrap_or(u16::MAX).max(u16::from(syllables > 0))
}

/// Voice with gaps no longer than those within a word.
#[derive(Debug, Clone, Copy, Default)]
struct Burst {
    start: u32,
    last: u32,
    marks: u32,
    levels: f32,
    syllables: Syllables,
}

impl Burst {
    fn voice(&mut self, at: u32, mark: &Mark) {
        if self.marks == 0 {
            self.start = at;
        }
        self.last = at;
        self.marks += 1;
        self.levels += f32::from(mark.level);
    }

    /// True when the burst is over.
    const fn silence(&self, at: u32) -> bool {
        self.marks > 0 && at - self.last >= GAP_MARKS_MIN
    }
}

/// Peaks of loudness, counted as they fall off.
#[derive(Debug, Clone, Copy)]
struct Syllables {
    counted: u16,
    /// Of the burst that is going on.
    fresh: u16,
    smooth: f32,
    high: f32,
    low: f32,
    falling: bool,
}

impl Default for Syllables {
    fn default() -> Self {
        Self { counted: 0, fresh: 0, smooth: -96.0, high: -96.0, low: -96.0, falling: true }
    }
}

impl Syllables {
    fn hear(&mut self, level: f32, threshold: f32) {
        self.smooth = 0.5 * self.smooth + 0.5 * level;
        if self.falling {
            self.low = self.low.min(self.smooth);
            if self.smooth > self.low + SYLLABLE_DB {
                (self.falling, self.high) = (false, self.smooth);
            }
        } else {
            self.high = self.high.max(self.smooth);
            if self.smooth < self.high - SYLLABLE_DB {
                (self.falling, self.low) = (true, self.smooth);
                self.fresh += u16::from(self.high >= threshold);
            }
        }
    }

    fn keep(&mut self) {
        self.counted = self.counted.saturating_add(self.fresh.max(1));
        self.fresh = 0;
    }

    fn drop(&mut self) {
        self.fresh = 0;
    }
}
