//! What was heard so far, ten milliseconds a mark, kept so that it can be judged anew once more is known: what the
//! line's noise is shows only after a while. Bounded; what comes later than it holds is not kept.

use super::spectrum::Step;

/// Length of a mark.
pub(super) const MARK_MS: u32 = 10;
/// Most marks: thirty seconds.
const MARKS_MAX: usize = 3_000;
/// Levels are counted from here up, dBFS.
const LOWEST_DBFS: i8 = -96;
/// What is fainter is no sound of a line but the absence of one.
const ABSENT_DBFS: i8 = -78;
/// The faintest noise that a line is taken to have.
const NOISE_MIN_DBFS: f32 = -66.0;
/// Nothing fainter is voice.
const VOICE_MIN_DBFS: f32 = -52.0;
/// Voice is at most so much fainter than the loudest; what is fainter is talk in the room.
const VOICE_SPAN_DB: f32 = 17.0;
/// The loudest sound is that of so many marks.
const LOUD_MARKS: u32 = 12;
/// What does not rise above the noise by so much is noise.
const RISE_MIN_DB: f32 = 9.0;
/// A note stands still for so many marks; a vowel glides.
const NOTE_MARKS: u32 = 25;
/// How far a note strays.
const NOTE_STRAY_HZ: f32 = 5.0;
/// A tone has nothing but its one or two peaks, for so many marks.
const TONE_MARKS: u32 = 7;
const TONE_SHARE: f32 = 0.85;
const PAIR_SHARE: f32 = 0.93;
/// How far the tones of a pair stray.
const PAIR_STRAY_HZ: f32 = 12.0;
/// Lower ones are the pitch of a voice.
const TONE_HZ_MIN: f32 = 330.0;

/// Ten milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Mark {
    /// Level, dBFS.
    pub(super) level: i8,
    /// Whether it is part of a note, or of a tone.
    pub(super) note: bool,
    /// Whether it is a pure tone, or two.
    pub(super) tone: bool,
}

/// The marks of a line.
#[derive(Debug, Clone)]
pub(super) struct History {
    marks: Vec<Mark>,
    /// How many marks have each level.
    levels: [u16; 97],
    counted: u32,
    note: Run,
    tone: Run,
}

/// Marks that have stood still since the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Run {
    hz: [f32; 2],
    marks: u32,
}

impl History {
    /// Nothing yet. The only place that allocates.
    pub(super) fn new() -> Self {
        Self {
            marks: Vec::with_capacity(MARKS_MAX),
            levels: [0; 97],
            counted: 0,
            note: Run::default(),
            tone: Run::default(),
        }
    }

    /// Takes the next ten milliseconds.
    pub(super) fn push(&mut self, step: &Step) {
        if self.marks.len() >= MARKS_MAX {
            return;
        }
        let level = step.level_dbfs.round().clamp(-96.0, 0.0) as i8;
        let note = self.is_note(step);
        let tone = self.is_tone(step);
        self.marks.push(Mark { level, note: note || tone, tone });
        if level <= ABSENT_DBFS || tone {
            return;
        }
        let slot = usize::from((level - LOWEST_DBFS).unsigned_abs());
        if let Some(count) = self.levels.get_mut(slot) {
            *count = count.saturating_add(1);
            self.counted += 1;
        }
    }

    /// Whether one of the strongest peaks has stood still for long; marks the beginning of its run too.
    fn is_note(&mut self, step: &Step) -> bool {
        let now = [step.first.hz, step.second.hz];
        let stays = |hz: f32| now.iter().any(|now| (now - hz).abs() <= NOTE_STRAY_HZ);
        let Run { hz: [first, second], marks } = self.note;
        let loud = step.level_dbfs > VOICE_MIN_DBFS;
        self.note = match (stays(first), stays(second)) {
            (true, _) if loud => {
                Run { hz: [first, if stays(second) { second } else { first }], marks: marks + 1 }
            }
            (false, true) if loud => Run { hz: [second, second], marks: marks + 1 },
            _ => Run { hz: now, marks: 1 },
        };
        if self.note.marks == NOTE_MARKS {
            self.marks.iter_mut().rev().take(NOTE_MARKS as usize - 1).for_each(|mark| mark.note = true);
        }
        self.note.marks >= NOTE_MARKS
    }

    /// Whether nothing has been heard for a while but a tone, or two; marks the beginning of its run too.
    fn is_tone(&mut self, step: &Step) -> bool {
        let (first, second) = (step.first, step.second);
        let loud = step.level_dbfs > VOICE_MIN_DBFS && first.hz.min(second.hz.max(first.hz)) >= TONE_HZ_MIN;
        let pair = [first.hz.min(second.hz), first.hz.max(second.hz)];
        let near = |a: [f32; 2], b: [f32; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= PAIR_STRAY_HZ);
        let marks = self.tone.marks;
        self.tone = if loud && first.share >= TONE_SHARE {
            Run { hz: pair, marks: marks + 1 }
        } else if loud && pair[0] >= TONE_HZ_MIN && first.share + second.share >= PAIR_SHARE {
            let goes_on = marks > 0 && near(pair, self.tone.hz);
            Run { hz: pair, marks: if goes_on { marks + 1 } else { 1 } }
        } else {
            Run::default()
        };
        if self.tone.marks == TONE_MARKS {
            for mark in self.marks.iter_mut().rev().take(TONE_MARKS as usize - 1) {
                (mark.tone, mark.note) = (true, true);
            }
        }
        self.tone.marks >= TONE_MARKS
    }

    /// All marks, oldest first.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Whether no more is kept.
    pub(super) fn is_full(&self) -> bool {
        self.marks.len() >= MARKS_MAX
    }

    /// The level that such a part of all sound does not reach.
    fn quantile(&self, part: f32) -> Option<f32> {
        let wanted = (self.counted as f32 * part) as u32;
        let mut seen = 0;
        for (slot, count) in self.levels.iter().enumerate() {
            seen += u32::from(*count);
            if seen > wanted {
                return Some(slot as f32 + f32::from(LOWEST_DBFS));
            }
        }
        None
    }

    /// The level that the loudest moments reach.
    fn loud(&self) -> Option<f32> {
        let mut seen = 0;
        for (slot, count) in self.levels.iter().enumerate().rev() {
            seen += u32::from(*count);
            if seen >= LOUD_MARKS {
                return Some(slot as f32 + f32::from(LOWEST_DBFS));
            }
        }
        None
    }

    /// Noise of the line and the level from which on sound is voice; no such level where nothing stands out.
    pub(super) fn noise_and_threshold(&self) -> (f32, Option<f32>) {
        let (Some(low), Some(high)) = (self.quantile(0.1), self.loud()) else {
            return (f32::from(LOWEST_DBFS), None);
        };
        // Whoever speaks without a pause leaves no noise to be heard.
        let noise = low.clamp(NOISE_MIN_DBFS, high.max(NOISE_MIN_DBFS));
        let stands_out = high - noise >= RISE_MIN_DB && high > VOICE_MIN_DBFS;
        let threshold = (noise + 0.45 * (high - noise)).max(high - VOICE_SPAN_DB).max(VOICE_MIN_DBFS);
        (low, stands_out.then_some(threshold))
    }
}
