//! Tones from tables and integer phases, the same on every machine: sines, pairs, cadences, DTMF, beep.

/// Most on/off pairs in a cadence.
pub const CADENCE_MAX: usize = 4;

/// A tone: up to two sines, switched on and off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneSpec {
    /// Frequencies in Hz; 0 for none.
    pub frequencies_hz: [f32; 2],
    /// Level of each sine in dB relative to a full-scale sine; 0 at most.
    pub level_db: f32,
    /// Milliseconds on and off, in turn; unused pairs are (0, 0). All unused: on for ever.
    pub cadence_ms: [(u32, u32); CADENCE_MAX],
    /// Whether the cadence begins again after its end.
    pub repeat: bool,
}

impl ToneSpec {
    /// A single sine of limited length.
    pub const fn sine(frequency_hz: f32, level_db: f32, duration_ms: u32) -> Self {
        Self::once([frequency_hz, 0.0], level_db, (duration_ms, 0))
    }

    /// A DTMF digit (ITU-T Q.23) of `on_ms` followed by `off_ms` of silence; `None` if it is no digit.
    pub fn dtmf(digit: char, on_ms: u32, off_ms: u32) -> Option<Self> {
        let (low, high) = dtmf_pair(digit)?;
        Some(Self::once([low, high], -10.0, (on_ms, off_ms)))
    }

    /// The beep before a recording: 1 kHz, 400 ms.
    pub const fn beep() -> Self {
        Self::sine(1_000.0, -12.0, 400)
    }

    const fn once(frequencies_hz: [f32; 2], level_db: f32, on_off_ms: (u32, u32)) -> Self {
        let cadence_ms = [on_off_ms, (0, 0), (0, 0), (0, 0)];
        Self { frequencies_hz, level_db, cadence_ms, repeat: false }
    }
}

/// Frequencies in Hz of the four rows of the keypad.
pub const DTMF_LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// Frequencies in Hz of its four columns.
pub const DTMF_HIGH_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
/// The keypad (ITU-T Q.23).
pub const DTMF_KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Low and high frequency in Hz of a digit `0`–`9`, `*`, `#`, `A`–`D` (either case).
pub fn dtmf_pair(digit: char) -> Option<(f32, f32)> {
    let digit = digit.to_ascii_uppercase();
    for (keys, low) in DTMF_KEYS.iter().zip(DTMF_LOW_HZ) {
        if let Some((_, high)) = keys.iter().zip(DTMF_HIGH_HZ).find(|(key, _)| **key == digit) {
            return Some((low, high));
        }
    }
    None
}

/// Plays one tone.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    oscillators: [Oscillator; 2],
    amplitude: i32,
    /// Samples on and off, in turn.
    cadence: [(u64, u64); CADENCE_MAX],
    length: u64,
    repeat: bool,
    /// Samples since the beginning of the cadence.
    at: u64,
}

impl ToneGenerator {
    /// A generator at the tone's beginning.
    pub fn new(spec: ToneSpec, rate_hz: u32) -> Self {
        let samples = |ms: u32| u64::from(ms) * u64::from(rate_hz) / 1_000;
        let cadence = spec.cadence_ms.map(|(on, off)| (samples(on), samples(off)));
        Self {
            oscillators: spec.frequencies_hz.map(|frequency| Oscillator::new(frequency, rate_hz)),
            amplitude: amplitude(spec.level_db),
            cadence,
            length: cadence.iter().map(|(on, off)| on + off).sum(),
            repeat: spec.repeat,
            at: 0,
        }
    }

    /// Writes the next samples; returns how many. Less than `out` holds only when the tone is over.
    pub fn fill(&mut self, out: &mut [i16]) -> usize {
        let mut written = 0;
        for sample in out {
            let Some(on) = self.step() else { break };
            *sample = if on { self.sample() } else { 0 };
            written += 1;
        }
        written
    }

    /// Whether the tone is over.
    pub fn is_over(&self) -> bool {
        self.length > 0 && self.at >= self.length && !self.repeat
    }

    /// Whether the next sample sounds; `None` at the end.
    fn step(&mut self) -> Option<bool> {
        if self.length == 0 {
            return Some(true);
        }
        if self.at >= self.length {
            if !self.repeat {
                return None;
            }
            self.at = 0;
        }
        let mut left = self.at;
        self.at += 1;
        for (on, off) in self.cadence {
            if left < on {
                return Some(true);
            }
            if left < on + off {
                return Some(false);
            }
            left -= on + off;
        }
        Some(false)
    }

    fn sample(&mut self) -> i16 {
        let sum: i32 =
            self.oscillators.iter_mut().map(|o| (i32::from(o.next()) * self.amplitude) >> 15).sum();
        sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
    }
}

/// A sine by a 32-bit phase and a table with linear interpolation.
#[derive(Clone, Copy, Debug)]
struct Oscillator {
    phase: u32,
    step: u32,
}

impl Oscillator {
    fn new(frequency_hz: f32, rate_hz: u32) -> Self {
        let turns = (f64::from(frequency_hz) / f64::from(rate_hz.max(1))).clamp(0.0, 0.5);
        Self { phase: 0, step: (turns * 4_294_967_296.0).round() as u32 }
    }

    #[allow(clippy::indexing_slicing, reason = "ten bits and one more, in a table of 1025")]
    fn next(&mut self) -> i16 {
        let index = (self.phase >> 22) as usize;
        let fraction = ((self.phase >> 6) & 0xffff) as i32;
        self.phase = self.phase.wrapping_add(self.step);
        let (here, there) = (i32::from(SINE[index]), i32::from(SINE[index + 1]));
        (here + (((there - here) * fraction) >> 16)) as i16
    }
}

/// Full scale is 32767; silence below −90 dB. Powers of ten by repeated multiplication: no library's rounding.
fn amplitude(level_db: f32) -> i32 {
    const TENTH_DB: f64 = 0.988_553_094_656_938_6;
    let tenths = (f64::from(-level_db) * 10.0).round().clamp(0.0, 900.0) as u32;
    (0..tenths).fold(32_767.0, |level, _| level * TENTH_DB) as i32
}

const SINE: [i16; 1_025] = sine_table();

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time; a wrong index would not compile")]
const fn sine_table() -> [i16; 1_025] {
    let mut table = [0; 1_025];
    let mut n = 0;
    while n <= 256 {
        let value = quarter_sine(n as f64 * std::f64::consts::FRAC_PI_2 / 256.0);
        let value = (value * 32_767.0 + 0.5) as i16;
        table[n] = value;
        table[512 - n] = value;
        table[512 + n] = -value;
        table[1_024 - n] = -value;
        n += 1;
    }
    table
}

/// Taylor series up to x¹³; exact to 1e-9 within a quarter turn.
const fn quarter_sine(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    let mut n = 1.0;
    while n < 7.0 {
        term = -term * x * x / ((2.0 * n) * (2.0 * n + 1.0));
        sum += term;
        n += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::level_dbfs;
    use crate::ringback::{self, Signal};

    fn played(spec: ToneSpec, rate_hz: u32, limit: usize) -> Vec<i16> {
        let mut generator = ToneGenerator::new(spec, rate_hz);
        let mut out = vec![0; limit];
        let mut at = 0;
        // In odd pieces, as nothing may depend on how it is asked.
        while at < limit {
            let end = (at + 37).min(limit);
            let written = generator.fill(&mut out[at..end]);
            at += written;
            if written == 0 {
                assert!(generator.is_over());
                break;
            }
        }
        out.truncate(at);
        out
    }

    #[test]
    fn a_sine_is_a_sine() {
        for (frequency, rate) in [(1_000.0, 8_000), (440.0, 16_000), (3_999.0, 48_000)] {
            let samples = played(ToneSpec::sine(frequency, 0.0, 1_000), rate, 100_000);
            assert_eq!(samples.len(), rate as usize);
            for (n, &sample) in samples.iter().enumerate() {
                let angle = std::f64::consts::TAU * f64::from(frequency) * n as f64 / f64::from(rate);
                let expected = angle.sin() * 32_767.0;
                assert!(
                    (f64::from(sample) - expected).abs() < 4.0,
                    "{frequency} Hz sample {n}: {sample} {expected}"
                );
            }
        }
    }

    #[test]
    fn levels_are_relative_to_a_full_sine() {
        for level in [0.0, -10.0, -19.0, -40.0_f32] {
            let samples = played(ToneSpec::sine(1_000.0, level, 500), 8_000, 4_000);
            assert!((level_dbfs(&samples) - (level - 3.01)).abs() < 0.1, "{level}: {}", level_dbfs(&samples));
        }
        assert!(
            played(ToneSpec::sine(1_000.0, 12.0, 10), 8_000, 80).iter().any(|&s| s > 32_000),
            "0 dB at most"
        );
    }

    #[test]
    fn cadences_sound_and_pause_and_repeat() {
        let check = |spec: ToneSpec, ms: usize, sounding: bool| {
            let samples = played(spec, 8_000, (ms + 20) * 8);
            let level = level_dbfs(&samples[ms * 8..]);
            assert_eq!(level > -60.0, sounding, "{spec:?} at {ms} ms: {level}");
        };
        let us = |signal| ringback::tone("us", signal).unwrap();
        let de = |signal| ringback::tone("de", signal).unwrap();
        check(us(Signal::Ringback), 1_900, true);
        check(us(Signal::Ringback), 2_000, false);
        check(us(Signal::Ringback), 5_900, false);
        check(us(Signal::Ringback), 6_000, true);
        check(de(Signal::Ringback), 1_100, false);
        check(us(Signal::Busy), 1_000, true);
        check(de(Signal::Busy), 900, false);
        let twice = ToneSpec { cadence_ms: [(100, 100), (200, 300), (0, 0), (0, 0)], ..ToneSpec::beep() };
        check(twice, 50, true);
        check(twice, 150, false);
        check(twice, 350, true);
        check(twice, 500, false);
        assert_eq!(played(twice, 8_000, 100_000).len(), 700 * 8);
        let endless = ToneSpec { cadence_ms: [(0, 0); CADENCE_MAX], ..ToneSpec::beep() };
        check(endless, 9_000, true);
        assert_eq!(played(ToneSpec::beep(), 8_000, 100_000).len(), 3_200);
    }

    #[test]
    fn digits_have_their_pairs() {
        let check = |digit, pair| assert_eq!(dtmf_pair(digit), pair, "{digit}");
        check('1', Some((697.0, 1_209.0)));
        check('5', Some((770.0, 1_336.0)));
        check('0', Some((941.0, 1_336.0)));
        check('#', Some((941.0, 1_477.0)));
        check('d', Some((941.0, 1_633.0)));
        check('x', None);
        assert_eq!(ToneSpec::dtmf('w', 100, 100), None);
        assert_eq!(played(ToneSpec::dtmf('*', 80, 20).unwrap(), 8_000, 10_000).len(), 800);
    }
}
