//! Playing faster or slower without changing the pitch: one period of the sound is left out or repeated where it looks
//! most like its neighbour, and blended over (overlap-add). Knows no packets and no clock.

use crate::dot::dot;
use crate::level::level_dbfs;

/// Periods looked for, in microseconds.
const PERIOD_MIN_US: usize = 2_500;
const PERIOD_MAX_US: usize = 15_000;
/// Least time compared, in microseconds.
const COMPARE_US: usize = 5_000;
/// Sound that looks less like itself is left as it is, for now.
const LIKENESS_MIN: f32 = 0.6;
/// Quieter sound may be cut anywhere, in dBFS.
const QUIET_DBFS: f32 = -45.0;
/// After so many refusals in a row the best place is good enough.
const PATIENCE: u32 = 25;
/// Most samples looked at: 60 ms at 48 kHz.
const LOOK_MAX: usize = 2_880;

/// What to do with a piece of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// Leave it.
    None,
    /// Leave out a period.
    Shorter,
    /// Repeat a period.
    Longer,
}

/// Changes the length of one stream now and then.
#[derive(Clone, Debug)]
pub struct Stretcher {
    samples_per_ms: usize,
    refused: u32,
}

impl Stretcher {
    /// For sound at a rate of 8 to 48 kHz.
    pub fn new(rate_hz: u32) -> Self {
        Self { samples_per_ms: (rate_hz / 1_000).clamp(8, 48) as usize, refused: 0 }
    }

    /// Most samples that `Longer` adds.
    pub fn growth_max(&self) -> usize {
        PERIOD_MAX_US * self.samples_per_ms / 1_000
    }

    /// Changes the first `len` samples of `pcm`; returns how many they are afterwards. There must be room for
    /// [`Stretcher::growth_max`] more. Sound that does not lend itself to it stays as it is.
    pub fn apply(&mut self, stretch: Stretch, pcm: &mut [i16], len: usize) -> usize {
        let Some(sound) = pcm.get(..len.min(LOOK_MAX)).filter(|_| stretch != Stretch::None) else {
            return len;
        };
        let Some(period) = self.period(sound) else { return len };
        if stretch == Stretch::Shorter { shorten(pcm, len, period) } else { lengthen(pcm, len, period) }
    }

    /// The best period, or none as long as none is good.
    fn period(&mut self, sound: &[i16]) -> Option<usize> {
        let shortest = PERIOD_MIN_US * self.samples_per_ms / 1_000;
        let longest = (PERIOD_MAX_US * self.samples_per_ms / 1_000).min(sound.len() / 2);
        if longest < shortest {
            return None;
        }
        if level_dbfs(sound) < QUIET_DBFS {
            self.refused = 0;
            return Some(longest.min(10 * self.samples_per_ms));
        }
        let mut floats = [0.0_f32; LOOK_MAX];
        for (float, sample) in floats.iter_mut().zip(sound) {
            *float = f32::from(*sample);
        }
        let floats = floats.get(..sound.len()).unwrap_or_default();
        let compare = COMPARE_US * self.samples_per_ms / 1_000;
        let step = (self.samples_per_ms / 16).max(1);
        let likely = |period: usize| (likeness(floats, period, compare), period);
        let (best, period) = (shortest..=longest)
            .step_by(step)
            .map(likely)
            .fold((f32::MIN, shortest), |best, next| if next.0 > best.0 { next } else { best });
        if best < LIKENESS_MIN && self.refused < PATIENCE {
            self.refused += 1;
            return None;
        }
        self.refused = 0;
        Some(period)
    }
}

/// Normalised correlation of the beginning with what follows a period later.
fn likeness(sound: &[f32], period: usize, compare: usize) -> f32 {
    let compare = compare.max(period).min(sound.len() - period);
    let here = sound.get(..compare).unwrap_or_default();
    let there = sound.get(period..period + compare).unwrap_or_default();
    dot(here, there) / (dot(here, here) * dot(there, there) + 1.0).sqrt()
}

/// The first period fades into the second, which goes on.
fn shorten(pcm: &mut [i16], len: usize, period: usize) -> usize {
    let Some((first, rest)) = pcm.split_at_mut_checked(period) else { return len };
    for (n, (early, late)) in first.iter().zip(rest.iter_mut().take(period)).enumerate() {
        *late = blend(*early, *late, n, period);
    }
    pcm.copy_within(period..len, 0);
    len - period
}

/// The second period fades back into the first, and is heard again afterwards.
fn lengthen(pcm: &mut [i16], len: usize, period: usize) -> usize {
    if pcm.len() < len + period || len < 2 * period {
        return len;
    }
    pcm.copy_within(period..len, 2 * period);
    // Now: first, second, second and the rest. The middle one becomes the way back.
    let (first, rest) = pcm.split_at_mut(period);
    for (n, (early, late)) in first.iter().zip(rest.iter_mut().take(period)).enumerate() {
        *late = blend(*late, *early, n, period);
    }
    len + period
}

fn blend(from: i16, to: i16, n: usize, of: usize) -> i16 {
    let (n, of) = (n as i64, of.max(1) as i64);
    ((i64::from(from) * (of - n) + i64::from(to) * n) / of) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{ToneGenerator, ToneSpec};

    const RATES: [u32; 3] = [8_000, 16_000, 48_000];

    fn stretched(spec: ToneSpec, rate_hz: u32, stretch: Stretch) -> (usize, Vec<i16>) {
        let frame = rate_hz as usize / 50;
        let mut generator = ToneGenerator::new(spec, rate_hz);
        let mut stretcher = Stretcher::new(rate_hz);
        let (mut given, mut out) = (0, Vec::new());
        for _ in 0..200 {
            let mut pcm = vec![0; frame + stretcher.growth_max()];
            generator.fill(&mut pcm[..frame]);
            given += frame;
            let len = stretcher.apply(stretch, &mut pcm, frame);
            out.extend_from_slice(&pcm[..len]);
        }
        (given, out)
    }

    /// The greatest step between neighbouring samples.
    fn steepest(pcm: &[i16]) -> i32 {
        pcm.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap()
    }

    #[test]
    fn a_tone_gets_shorter_or_longer_and_stays_a_tone() {
        for rate_hz in RATES {
            for hz in [150.0, 220.0, 440.0, 1_000.0] {
                let spec = ToneSpec::sine(hz, -10.0, 100_000);
                let (given, as_it_is) = stretched(spec, rate_hz, Stretch::None);
                assert_eq!(as_it_is.len(), given);
                for (stretch, shorter) in [(Stretch::Shorter, true), (Stretch::Longer, false)] {
                    let (_, out) = stretched(spec, rate_hz, stretch);
                    let change = out.len().abs_diff(given) as f64 / given as f64;
                    assert_eq!(out.len() < given, shorter, "{hz} Hz at {rate_hz}: {change}");
                    assert!((0.12..=0.51).contains(&change), "{hz} Hz at {rate_hz}: {change}");
                    // No click: no step is much steeper than the tone's own.
                    let (own, now) = (steepest(&as_it_is), steepest(&out));
                    assert!(now <= own + own / 4 + 40, "{hz} Hz at {rate_hz}: {now} against {own}");
                    // The same pitch: as many zero crossings for each sample.
                    let crossings =
                        |pcm: &[i16]| pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
                    let expected = out.len() as f64 * f64::from(hz) / f64::from(rate_hz);
                    let found = crossings(&out) as f64;
                    assert!(
                        (found / expected - 1.0).abs() < 0.04,
                        "{hz} Hz at {rate_hz}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn silence_is_cut_at_once_and_noise_after_patience() {
        let mut stretcher = Stretcher::new(8_000);
        let mut silence = [3; 300];
        assert_eq!(stretcher.apply(Stretch::Shorter, &mut silence, 160), 80);
        assert_eq!(stretcher.apply(Stretch::Longer, &mut silence, 160), 240);
        let mut noise = 1_u32;
        let mut frame = || -> [i16; 300] {
            std::array::from_fn(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 17) as i16 - 16_384
            })
        };
        let changed =
            (0..=PATIENCE).filter(|_| stretcher.apply(Stretch::Shorter, &mut frame(), 160) < 160).count();
        assert_eq!(changed, 1);
    }

    #[test]
    fn what_is_too_short_stays() {
        let mut stretcher = Stretcher::new(8_000);
        for len in [0, 1, 39] {
            assert_eq!(stretcher.apply(Stretch::Shorter, &mut [0; 200], len), len);
        }
        assert_eq!(stretcher.apply(Stretch::Longer, &mut [0; 160], 160), 160, "no room");
    }
}
