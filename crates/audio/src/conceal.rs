//! Hides lost frames: goes on with the last pitch period that was heard, fading to silence within 60 ms, and
//! blends into what comes after. A simple relative of G.711 Appendix I; knows no packets.

use crate::dot::dot;

/// Most samples of one frame (20 ms at 48 kHz).
pub const FRAME_SAMPLES_MAX: usize = 960;

/// Milliseconds until silence.
const FADE_MS: usize = 60;
/// Milliseconds over which the first frame after a loss is blended in.
const BLEND_MS: usize = 5;
/// Pitch periods looked for, in 1/8000 s: 66 to 200 Hz, as Appendix I does.
const PERIOD_MIN: usize = 40;
const PERIOD_MAX: usize = 120;
/// Samples compared, in 1/8000 s.
const COMPARE: usize = 80;

/// Concealment of one stream.
#[derive(Clone, Debug)]
pub struct Concealer {
    /// The end of what was heard, newest last.
    heard: [i16; HISTORY],
    heard_len: usize,
    samples_per_ms: usize,
    /// Samples made up since the last frame that came.
    made_up: usize,
    period: usize,
}

/// Enough for the longest period and the comparison at 48 kHz.
const HISTORY: usize = (PERIOD_MAX + COMPARE) * 6;

impl Default for Concealer {
    fn default() -> Self {
        Self::new()
    }
}

impl Concealer {
    /// For sound at 8 kHz, with nothing heard yet: conceals with silence.
    pub fn new() -> Self {
        Self::with_rate(8_000)
    }

    /// For sound at another rate, 8 to 48 kHz.
    pub fn with_rate(rate_hz: u32) -> Self {
        let samples_per_ms = (rate_hz / 1_000).clamp(8, 48) as usize;
        Self { heard: [0; HISTORY], heard_len: 0, samples_per_ms, made_up: 0, period: 1 }
    }

    /// A frame came. After a loss its beginning is blended with what was made up, so that there is no click.
    pub fn on_frame(&mut self, frame: &mut [i16]) {
        if self.made_up > 0 {
            let blend = BLEND_MS * self.samples_per_ms;
            for (n, sample) in frame.iter_mut().take(blend).enumerate() {
                let made_up = i32::from(self.next_sample());
                let (n, blend) = (n as i32, blend as i32);
                *sample = ((i32::from(*sample) * n + made_up * (blend - n)) / blend) as i16;
            }
            self.made_up = 0;
        }
        self.remember(frame);
    }

    /// A frame is missing: writes its replacement.
    pub fn conceal(&mut self, out: &mut [i16]) {
        if self.made_up == 0 {
            self.period = self.pitch_period();
        }
        for sample in out {
            *sample = self.next_sample();
        }
    }

    /// Whether what is made up now is silence.
    pub fn is_silent(&self) -> bool {
        self.made_up >= self.fade_samples()
    }

    fn fade_samples(&self) -> usize {
        FADE_MS * self.samples_per_ms
    }

    fn next_sample(&mut self) -> i16 {
        let fade = self.fade_samples();
        if self.heard_len < self.period || self.made_up >= fade {
            self.made_up = self.made_up.max(1).saturating_add(1).min(fade);
            return 0;
        }
        let back = self.period - self.made_up % self.period;
        let sample = self.heard.get(HISTORY - back).copied().unwrap_or(0);
        // The first 10 ms keep their level, as short losses are the rule.
        let full = fade / 6;
        let left = if self.made_up < full { fade - full } else { fade - self.made_up };
        self.made_up += 1;
        (i64::from(sample) * left as i64 / (fade - full) as i64) as i16
    }

    fn remember(&mut self, frame: &[i16]) {
        let newest = frame.get(frame.len().saturating_sub(HISTORY)..).unwrap_or_default();
        self.heard.copy_within(newest.len().., 0);
        if let Some(end) = self.heard.get_mut(HISTORY - newest.len()..) {
            end.copy_from_slice(newest);
        }
        self.heard_len = (self.heard_len + newest.len()).min(HISTORY);
    }

    /// The period after which the end of what was heard looks most like itself.
    fn pitch_period(&self) -> usize {
        let scale = self.samples_per_ms / 8;
        let compare = COMPARE * scale;
        if self.heard_len < compare + PERIOD_MAX * scale {
            return (self.heard_len / 2).clamp(1, PERIOD_MAX * scale);
        }
        let mut sound = [0.0_f32; HISTORY];
        for (float, sample) in sound.iter_mut().zip(&self.heard) {
            *float = f32::from(*sample);
        }
        let mut best = (f32::MIN, PERIOD_MAX * scale);
        for period in (PERIOD_MIN * scale..=PERIOD_MAX * scale).step_by(scale) {
            let likeness = likeness(&sound, period, compare);
            if likeness > best.0 {
                best = (likeness, period);
            }
        }
        best.1
    }
}

/// Normalised correlation of the last `compare` samples with those a period before.
fn likeness(sound: &[f32; HISTORY], period: usize, compare: usize) -> f32 {
    let end = HISTORY - compare;
    let now = sound.get(end..).unwrap_or_default();
    let before = sound.get(end - period..HISTORY - period).unwrap_or_default();
    dot(now, before) / (dot(before, before) + 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::level_dbfs;
    use crate::tone::{ToneGenerator, ToneSpec};

    fn tone(frequency_hz: f32, rate_hz: u32, frames: usize) -> Vec<Vec<i16>> {
        let mut generator = ToneGenerator::new(ToneSpec::sine(frequency_hz, -6.0, 60_000), rate_hz);
        (0..frames)
            .map(|_| {
                let mut frame = vec![0; rate_hz as usize / 50];
                generator.fill(&mut frame);
                frame
            })
            .collect()
    }

    #[test]
    fn a_short_loss_in_a_voiced_sound_is_hardly_heard() {
        for (frequency, rate) in
            [(100.0, 8_000), (160.0, 8_000), (400.0, 8_000), (125.0, 16_000), (125.0, 48_000)]
        {
            let frames = tone(frequency, rate, 6);
            let mut concealer = Concealer::with_rate(rate);
            for frame in &frames[..5] {
                concealer.on_frame(&mut frame.clone());
            }
            let mut made_up = vec![0; frames[5].len()];
            concealer.conceal(&mut made_up);
            let head = made_up.len() / 2;
            let error: Vec<i16> =
                made_up.iter().zip(&frames[5]).map(|(a, b)| a.wrapping_sub(*b)).take(head).collect();
            let below = level_dbfs(&frames[5]) - level_dbfs(&error);
            assert!(below > 10.0, "{frequency} Hz at {rate}: the error is only {below} dB below");
        }
    }

    #[test]
    fn a_long_loss_is_silent_after_60_ms() {
        let frames = tone(200.0, 8_000, 4);
        let mut concealer = Concealer::new();
        frames.iter().for_each(|frame| concealer.on_frame(&mut frame.clone()));
        let mut levels = Vec::new();
        for _ in 0..5 {
            let mut made_up = [0; 160];
            concealer.conceal(&mut made_up);
            levels.push(level_dbfs(&made_up));
        }
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0]), "{levels:?}");
        assert!(levels[1] > -40.0 && levels[3] == crate::level::SILENCE_DBFS, "{levels:?}");
        assert!(concealer.is_silent());
    }

    #[test]
    fn nothing_heard_is_concealed_with_silence() {
        let mut concealer = Concealer::default();
        let mut out = [77; 160];
        concealer.conceal(&mut out);
        assert_eq!(out, [0; 160]);
    }

    #[test]
    fn sound_returns_without_a_click() {
        let mut concealer = Concealer::new();
        for mut frame in tone(150.0, 8_000, 4) {
            concealer.on_frame(&mut frame);
        }
        let mut made_up = [0; 160];
        for _ in 0..4 {
            concealer.conceal(&mut made_up);
        }
        let mut back = [10_000; 160];
        concealer.on_frame(&mut back);
        assert_eq!(back[0], 0, "begins where silence ended");
        assert!(back.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 251), "{back:?}");
        assert_eq!(back[40..], [10_000; 120]);
    }

    #[test]
    fn frames_of_any_length_are_taken() {
        let mut concealer = Concealer::with_rate(48_000);
        for len in [0, 1, 7, 160, 960, 5_000] {
            concealer.on_frame(&mut vec![100; len]);
            concealer.conceal(&mut vec![0; len]);
        }
    }
}
