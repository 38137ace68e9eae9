//! Sample rate conversion between the rates of telephony and of prompts: a polyphase windowed sinc. Knows no
//! formats; quality is stated by its tests.

use crate::dot::dot;

/// Zero crossings of the sinc on either side, at the lower of the two rates.
const CROSSINGS: u64 = 24;
/// The pass band ends at this share of the lower rate's half.
const CUTOFF: f64 = 0.92;
/// Shape of the Kaiser window: about 80 dB of attenuation.
const KAISER_BETA: f64 = 8.0;
/// Largest table of coefficients; ratios such as 44100:8000 need 22,000.
const COEFFICIENTS_MAX: u64 = 1 << 18;
/// Rates that are converted, in Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Converts one mono stream; keeps the history between calls, so a stream may be cut anywhere. The output lags
/// the input by `delay_samples`.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// Output samples per `down` input samples.
    up: u64,
    down: u64,
    taps: usize,
    /// One row of `taps` coefficients per phase.
    coefficients: Vec<f32>,
    /// The last `taps` input samples twice in a row, so that a window over them is always contiguous.
    history: Vec<f32>,
    newest: usize,
    /// Position of the next output sample, in 1/up of an input sample after the newest input.
    phase: u64,
}

/// What one `process` call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Input samples taken.
    pub consumed: usize,
    /// Output samples written.
    pub produced: usize,
}

/// A rate outside 4–192 kHz, or a pair whose ratio needs too large a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot convert {from_hz} Hz to {to_hz} Hz")]
pub struct UnsupportedRate {
    /// Rate asked to convert from.
    pub from_hz: u32,
    /// Rate asked to convert to.
    pub to_hz: u32,
}

impl Resampler {
    /// A converter; its table is made here, nothing is allocated later.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnsupportedRate> {
        let unsupported = UnsupportedRate { from_hz, to_hz };
        if !RATES_HZ.contains(&from_hz) || !RATES_HZ.contains(&to_hz) {
            return Err(unsupported);
        }
        let divisor = greatest_common_divisor(from_hz, to_hz);
        let (up, down) = (u64::from(to_hz / divisor), u64::from(from_hz / divisor));
        // Going down, the sinc is as much wider as the band is narrower.
        let taps = if up == down { 1 } else { 2 * (CROSSINGS * up.max(down)).div_ceil(up) };
        if taps * up > COEFFICIENTS_MAX {
            return Err(unsupported);
        }
        // The first output is taken a little later than the first input, so that the delay is whole samples.
        let phase = up + (taps / 2 * up) % down;
        let taps = usize::try_from(taps).map_err(|_| unsupported)?;
        let coefficients = (0..up).flat_map(|phase| row(phase, up, down, taps)).collect();
        Ok(Self { up, down, taps, coefficients, history: vec![0.0; taps * 2], newest: 0, phase })
    }

    /// Most output samples that `input_len` input samples can yield, what an earlier call had no room for included.
    pub fn output_len_max(&self, input_len: usize) -> usize {
        let yielded = (input_len as u64).saturating_mul(self.up).div_ceil(self.down);
        usize::try_from(yielded + self.up.div_ceil(self.down)).unwrap_or(usize::MAX)
    }

    /// How far the output lags, in output samples.
    pub fn delay_samples(&self) -> usize {
        usize::try_from((self.taps as u64 / 2 * self.up) / self.down).unwrap_or(0)
    }

    /// Converts as much of `input` as `output` has room for.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) -> Progress {
        let mut consumed = 0;
        let mut produced = 0;
        for slot in output.iter_mut() {
            while self.phase >= self.up {
                let Some(&sample) = input.get(consumed) else { return Progress { consumed, produced } };
                consumed += 1;
                self.push(sample);
            }
            *slot = self.output();
            produced += 1;
        }
        // What needs no room may still be taken: the last output's step may skip input.
        while self.phase >= self.up {
            let Some(&sample) = input.get(consumed) else { break };
            consumed += 1;
            self.push(sample);
        }
        Progress { consumed, produced }
    }

    fn push(&mut self, sample: i16) {
        self.newest = if self.newest == 0 { self.taps - 1 } else { self.newest - 1 };
        for at in [self.newest, self.newest + self.taps] {
            if let Some(slot) = self.history.get_mut(at) {
                *slot = f32::from(sample);
            }
        }
        self.phase -= self.up;
    }

    fn output(&mut self) -> i16 {
        let row = self.phase as usize * self.taps;
        let coefficients = self.coefficients.get(row..row + self.taps).unwrap_or_default();
        let window = self.history.get(self.newest..self.newest + self.taps).unwrap_or_default();
        self.phase += self.down;
        dot(coefficients, window).round().clamp(-32_768.0, 32_767.0) as i16
    }
}

/// Coefficients for an output `phase`/`up` after the newest input, newest first; their sum is 1.
fn row(phase: u64, up: u64, down: u64, taps: usize) -> Vec<f32> {
    if taps == 1 {
        return vec![1.0];
    }
    let narrowing = (up as f64 / down as f64).min(1.0);
    let cutoff = CUTOFF * narrowing;
    let half = taps as f64 / 2.0;
    let offset = phase as f64 / up as f64 - half;
    let weights: Vec<f64> = (0..taps)
        .map(|tap| {
            let x = tap as f64 + offset;
            sinc(x * cutoff) * kaiser(x / half)
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

fn sinc(x: f64) -> f64 {
    let angle = std::f64::consts::PI * x;
    if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle }
}

fn kaiser(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { bessel_i0(KAISER_BETA * (1.0 - x * x).sqrt()) / bessel_i0(KAISER_BETA) }
}

fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..40_u32 {
        term *= quarter / f64::from(n * n);
        sum += term;
    }
    sum
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { greatest_common_divisor(b, a % b) }
}

/// Converts a whole clip, the delay taken out: what was at time 0 stays there, and the length is the same time.
pub fn resample_clip(samples: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, UnsupportedRate> {
    if from_hz == to_hz {
        return Ok(samples.to_vec());
    }
    let mut resampler = Resampler::new(from_hz, to_hz)?;
    let length = (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let delay = resampler.delay_samples();
    let mut out = vec![0; length.saturating_add(delay)];
    let done = resampler.process(samples, &mut out);
    // Silence pushes the tail out.
    let mut at = done.produced;
    let silence = [0; 256];
    while let Some(rest) = out.get_mut(at..).filter(|rest| !rest.is_empty()) {
        at += resampler.process(&silence, rest).produced;
    }
    out.drain(..delay);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::level_dbfs;
    use crate::tone::{ToneGenerator, ToneSpec};

    const RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

    fn tone(frequency_hz: f32, rate_hz: u32, ms: u32) -> Vec<i16> {
        let mut out = vec![0; (rate_hz * ms / 1_000) as usize];
        let len = out.len();
        assert_eq!(ToneGenerator::new(ToneSpec::sine(frequency_hz, -6.0, ms), rate_hz).fill(&mut out), len);
        out
    }

    /// Level of the middle of a converted tone, relative to the tone.
    fn gain_db(frequency_hz: f32, from_hz: u32, to_hz: u32) -> f32 {
        let input = tone(frequency_hz, from_hz, 400);
        let output = resample_clip(&input, from_hz, to_hz).unwrap();
        let middle = |samples: &[i16]| level_dbfs(&samples[samples.len() / 4..samples.len() * 3 / 4]);
        middle(&output) - middle(&input)
    }

    #[test]
    fn a_tone_in_the_voice_band_keeps_its_level_between_all_rates() {
        for from in RATES {
            for to in RATES {
                for frequency in [300.0, 1_000.0, 3_300.0] {
                    let gain = gain_db(frequency, from, to);
                    assert!(gain.abs() < 0.5, "{frequency} Hz from {from} to {to}: {gain} dB");
                }
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_gone() {
        for (from, to, frequency) in [
            (48_000, 8_000, 4_400.0),
            (48_000, 8_000, 7_000.0),
            (48_000, 8_000, 9_000.0),
            (48_000, 8_000, 15_000.0),
            (44_100, 8_000, 5_000.0),
            (16_000, 8_000, 4_600.0),
            (16_000, 8_000, 7_500.0),
            (48_000, 16_000, 10_000.0),
            (24_000, 8_000, 8_100.0),
            (11_025, 8_000, 5_000.0),
        ] {
            let gain = gain_db(frequency, from, to);
            assert!(gain < -60.0, "{frequency} Hz from {from} to {to}: {gain} dB");
        }
    }

    #[test]
    fn going_up_adds_no_images() {
        let input = tone(1_000.0, 8_000, 400);
        let up = resample_clip(&input, 8_000, 48_000).unwrap();
        let expected = tone(1_000.0, 48_000, 400);
        let error: Vec<i16> = up.iter().zip(&expected).map(|(a, b)| a.wrapping_sub(*b)).collect();
        let middle = level_dbfs(&error[5_000..14_000]);
        assert!(middle < -60.0, "{middle}");
    }

    #[test]
    fn a_clip_keeps_its_time_and_length() {
        for from in RATES {
            for to in RATES {
                let per_sample = 1 + to as usize / from as usize;
                let mut click = vec![0_i16; from as usize / 2];
                click[from as usize / 4] = 30_000;
                let output = resample_clip(&click, from, to).unwrap();
                assert!(output.len().abs_diff(to as usize / 2) <= per_sample, "{from} to {to}");
                let peak =
                    output.iter().enumerate().max_by_key(|(_, sample)| sample.unsigned_abs()).unwrap().0;
                let off = peak.abs_diff(to as usize / 4);
                assert!(off <= per_sample, "{from} to {to}: peak {off} samples off");
            }
        }
    }

    #[test]
    fn a_stream_may_be_cut_anywhere() {
        for (from, to) in [(8_000, 48_000), (44_100, 8_000), (22_050, 16_000), (8_000, 8_000)] {
            let input = tone(700.0, from, 300);
            let mut whole = vec![0; 60_000];
            let done = Resampler::new(from, to).unwrap().process(&input, &mut whole);
            assert_eq!(done.consumed, input.len());
            whole.truncate(done.produced);
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut pieces = Vec::new();
            let mut rest = input.as_slice();
            let mut turn = 0;
            while !rest.is_empty() {
                turn += 1;
                let mut out = vec![0; turn * 7 % 31 + 1];
                let piece = &rest[..rest.len().min(turn * 13 % 57 + 1)];
                let done = resampler.process(piece, &mut out);
                assert!(done.produced <= resampler.output_len_max(piece.len()));
                pieces.extend_from_slice(&out[..done.produced]);
                rest = &rest[done.consumed..];
            }
            while pieces.len() < whole.len() {
                let mut out = [0; 1];
                assert_eq!(resampler.process(&[], &mut out).produced, 1);
                pieces.push(out[0]);
            }
            assert_eq!(pieces, whole, "{from} to {to}");
        }
    }

    #[test]
    fn equal_rates_change_nothing() {
        let input = tone(700.0, 8_000, 20);
        let mut out = vec![0; 160];
        assert_eq!(Resampler::new(8_000, 8_000).unwrap().process(&input, &mut out).produced, 160);
        assert_eq!(out, input);
    }

    #[test]
    fn strange_rates_are_refused() {
        for (from, to) in [(0, 8_000), (8_000, 0), (3_999, 8_000), (192_001, 8_000), (47_999, 44_101)] {
            let refused = Resampler::new(from, to).map(|_| ());
            assert_eq!(refused, Err(UnsupportedRate { from_hz: from, to_hz: to }));
        }
        assert!(Resampler::new(96_000, 8_000).is_ok());
    }
}
