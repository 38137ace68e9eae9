//! What ten milliseconds of a telephone line sound like: level within the voice band and the two strongest peaks of the
//! spectrum. A window of 256 samples at 8 kHz goes over the sound in steps of 80.

use crate::level::SILENCE_DBFS;
use std::f32::consts::TAU;

/// Samples a step.
pub(super) const STEP: usize = 80;
/// Samples of the window.
const WINDOW: usize = 256;
const HALF: usize = WINDOW / 2;
/// Width of a bin.
const BIN_HZ: f32 = 8_000.0 / WINDOW as f32;
/// Bins of the voice band, 250–3,400 Hz: hum and hiss stay outside.
const VOICE: (usize, usize) = (8, 109);
/// Bins in which a peak is looked for, 190–3,500 Hz.
const PEAKS: (usize, usize) = (6, 112);
/// Bins on either side that belong to a peak: the main lobe of a Hann window.
const LOBE: usize = 2;
/// Power of a Hann window, of a rectangle's.
const HANN_POWER: f32 = 0.375;

/// A peak of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Peak {
    /// Its frequency.
    pub(super) hz: f32,
    /// Its part of the whole power, 0–1.
    pub(super) share: f32,
}

/// What a step sounds like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// Level of the voice band, dBFS (0 is a full-scale square wave).
    pub(super) level_dbfs: f32,
    /// The strongest peak.
    pub(super) first: Peak,
    /// The strongest one besides it.
    pub(super) second: Peak,
}

/// Looks at a line step by step.
#[derive(Debug, Clone)]
pub(super) struct Spectrum {
    /// The last samples, oldest first.
    samples: [f32; WINDOW],
    hann: [f32; WINDOW],
    /// Cosine and sine of each part of a turn.
    turns: [(f32, f32); HALF],
    work: [(f32, f32); HALF],
    power: [f32; HALF],
}

impl Spectrum {
    /// A line on which nothing was heard.
    pub(super) fn new() -> Self {
        let part = |n: usize| TAU * n as f32 / WINDOW as f32;
        Self {
            samples: [0.0; WINDOW],
            hann: std::array::from_fn(|n| 0.5 - 0.5 * part(n).cos()),
            turns: std::array::from_fn(|n| (part(n).cos(), -part(n).sin())),
            work: [(0.0, 0.0); HALF],
            power: [0.0; HALF],
        }
    }

    /// Listens to the next step.
    pub(super) fn step(&mut self, pcm: &[i16; STEP]) -> Step {
        self.samples.copy_within(STEP.., 0);
        for (sample, heard) in self.samples.iter_mut().skip(WINDOW - STEP).zip(pcm) {
            *sample = f32::from(*heard) / 32_768.0;
        }
        self.transform();
        let whole = band(&self.power, PEAKS.0, PEAKS.1);
        let voice = band(&self.power, VOICE.0, VOICE.1);
        let mean = 2.0 * voice / (HANN_POWER * (WINDOW * WINDOW) as f32);
        let level_dbfs = (10.0 * mean.log10()).max(SILENCE_DBFS);
        if level_dbfs <= SILENCE_DBFS || whole <= 0.0 {
            let (first, second) = Default::default();
            return Step { level_dbfs: SILENCE_DBFS, first, second };
        }
        let at = self.strongest();
        let first = self.peak(at, whole);
        let around = at.saturating_sub(LOBE)..=at + LOBE;
        for bin in self.power.iter_mut().skip(*around.start()).take(2 * LOBE + 1) {
            *bin = 0.0;
        }
        let second = self.peak(self.strongest(), whole);
        Step { level_dbfs, first, second }
    }

    /// Two real samples make one complex one (radix two, in place); then the halves are told apart.
    fn transform(&mut self) {
        let windowed = self.samples.chunks_exact(2).zip(self.hann.chunks_exact(2));
        for (to, (samples, hann)) in self.work.iter_mut().zip(windowed) {
            if let ([even, odd], [before, after]) = (samples, hann) {
                *to = (even * before, odd * after);
            }
        }
        for n in 0..HALF {
            let reversed = n.reverse_bits() >> (usize::BITS - HALF.trailing_zeros());
            if n < reversed {
                self.work.swap(n, reversed);
            }
        }
        let mut half = 1;
        while half < HALF {
            for block in self.work.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                let turns = self.turns.iter().step_by(HALF / half);
                for ((a, b), turn) in low.iter_mut().zip(high).zip(turns) {
                    let turned = times(*b, *turn);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            half *= 2;
        }
        let mirrored = self.work.iter().skip(1).zip(self.work.iter().rev());
        let bins = self.power.iter_mut().zip(&self.turns).skip(1);
        for ((power, turn), (a, b)) in bins.zip(mirrored) {
            let even = (0.5 * (a.0 + b.0), 0.5 * (a.1 - b.1));
            let odd = times((0.5 * (a.1 + b.1), 0.5 * (b.0 - a.0)), *turn);
            let bin = (even.0 + odd.0, even.1 + odd.1);
            *power = bin.0 * bin.0 + bin.1 * bin.1;
        }
    }

    fn strongest(&self) -> usize {
        let bins = self.power.iter().enumerate().take(PEAKS.1).skip(PEAKS.0);
        bins.fold((PEAKS.0, 0.0), |best, (at, power)| if *power > best.1 { (at, *power) } else { best }).0
    }

    /// The peak at a bin, its frequency between bins by a parabola through the logarithms.
    fn peak(&self, at: usize, whole: f32) -> Peak {
        let log = |bin: usize| self.power.get(bin).map_or(-30.0, |power| power.max(1e-12).ln());
        let (left, middle, right) = (log(at.saturating_sub(1)), log(at), log(at + 1));
        let bend = left - 2.0 * middle + right;
        let aside = if bend < -1e-6 { (0.5 * (left - right) / bend).clamp(-0.5, 0.5) } else { 0.0 };
        let share = band(&self.power, at.saturating_sub(LOBE), at + LOBE + 1) / whole;
        Peak { hz: (at as f32 + aside) * BIN_HZ, share }
    }
}

const fn times(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

fn band(power: &[f32], from: usize, to: usize) -> f32 {
    power.get(from..to.min(power.len())).unwrap_or_default().iter().sum()
}
