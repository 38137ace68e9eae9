//! Digits in the audio itself (ITU-T Q.23, Q.24): Goertzel filters over 8 kHz samples, with the checks that
//! keep speech from dialling. Knows no packets and no flows.

use crate::tone::{DTMF_HIGH_HZ, DTMF_KEYS, DTMF_LOW_HZ};
use std::collections::VecDeque;

/// Samples judged at a time, 12.75 ms: long enough to tell neighbours 73 Hz apart, short enough that a digit
/// of 40 ms holds two whole blocks.
const BLOCK: usize = 102;
/// Equal blocks in a row that make a digit.
const HITS_MIN: u32 = 2;
/// Blocks without the digit that end it; one may be a dropout.
const MISSES_MAX: u32 = 2;
/// Least level of each of the two tones: a sine of −37 dB of full scale.
const POWER_MIN: f32 = 107_000.0;
/// The high tone may be this much weaker or stronger than the low one (8 dB, 4 dB).
const TWIST_NORMAL: f32 = 6.31;
const TWIST_REVERSE: f32 = 2.51;
/// The tone must exceed all others of its group by 8 dB.
const GROUP_MARGIN: f32 = 6.31;
/// Share of the block's energy that the two tones must hold. Speech spreads its energy.
const SHARE_MIN: f32 = 0.76;
/// Share of a tone's power that its harmonic may have; voices have more. Of the low tone it is the third, as
/// the second may be a high tone's neighbour.
const HARMONIC_MAX: f32 = 0.05;
const RATE_HZ: f64 = 8_000.0;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InbandDigit {
    /// A digit has sounded for the least duration.
    Started {
        /// The digit.
        digit: char,
    },
    /// It stopped.
    Ended {
        /// The digit.
        digit: char,
        /// How long it sounded, in milliseconds, to about 13 ms.
        duration_ms: u32,
    },
}

/// Detector of one stream.
#[derive(Clone, Debug)]
pub struct DtmfDetector {
    block: [f32; BLOCK],
    filled: usize,
    low: Goertzel<4>,
    high: Goertzel<4>,
    candidate: Option<char>,
    hits: u32,
    sounding: Option<Sounding>,
    reports: VecDeque<InbandDigit>,
}

#[derive(Clone, Copy, Debug)]
struct Sounding {
    digit: char,
    blocks: u32,
    misses: u32,
}

impl Default for DtmfDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl DtmfDetector {
    /// A detector that has heard nothing.
    pub fn new() -> Self {
        Self {
            block: [0.0; BLOCK],
            filled: 0,
            low: Goertzel::new(DTMF_LOW_HZ),
            high: Goertzel::new(DTMF_HIGH_HZ),
            candidate: None,
            hits: 0,
            sounding: None,
            reports: VecDeque::with_capacity(8),
        }
    }

    /// Hears a frame of at most 160 samples at 8 kHz; at most one report per frame, the oldest first.
    pub fn on_frame(&mut self, frame: &[i16]) -> Option<InbandDigit> {
        for sample in frame {
            if let Some(slot) = self.block.get_mut(self.filled) {
                *slot = f32::from(*sample);
            }
            self.filled += 1;
            if self.filled == BLOCK {
                self.filled = 0;
                let digit = self.judge();
                self.follow(digit);
            }
        }
        self.reports.pop_front()
    }

    /// The digit of a whole block, if it is one.
    fn judge(&self) -> Option<char> {
        let energy: f32 = self.block.iter().map(|sample| sample * sample).sum();
        // A block too quiet for two tones needs no filters.
        if energy < POWER_MIN * BLOCK as f32 {
            return None;
        }
        let (row, low) = strongest(self.low.powers(&self.block))?;
        let (column, high) = strongest(self.high.powers(&self.block))?;
        if low.min(high) < POWER_MIN || low > high * TWIST_NORMAL || high > low * TWIST_REVERSE {
            return None;
        }
        if low + high < SHARE_MIN * energy / BLOCK as f32 {
            return None;
        }
        let harmonics = Goertzel::new([DTMF_LOW_HZ.get(row)? * 3.0, DTMF_HIGH_HZ.get(column)? * 2.0]);
        let [of_low, of_high] = harmonics.powers(&self.block);
        if of_low > low * HARMONIC_MAX || of_high > high * HARMONIC_MAX {
            return None;
        }
        DTMF_KEYS.get(row)?.get(column).copied()
    }

    /// Joins blocks to digits.
    fn follow(&mut self, heard: Option<char>) {
        self.hits = if heard.is_some() && heard == self.candidate { self.hits + 1 } else { 1 };
        self.candidate = heard;
        if let Some(sounding) = &mut self.sounding {
            if heard == Some(sounding.digit) {
                sounding.blocks += sounding.misses + 1;
                sounding.misses = 0;
                return;
            }
            sounding.misses += 1;
            if sounding.misses < MISSES_MAX {
                return;
            }
            let Sounding { digit, blocks, .. } = *sounding;
            self.sounding = None;
            self.report(InbandDigit::Ended { digit, duration_ms: blocks * (BLOCK as u32) / 8 });
        }
        if let Some(digit) = heard.filter(|_| self.hits >= HITS_MIN) {
            self.sounding = Some(Sounding { digit, blocks: self.hits, misses: 0 });
            self.report(InbandDigit::Started { digit });
        }
    }

    fn report(&mut self, report: InbandDigit) {
        if self.reports.len() < self.reports.capacity() {
            self.reports.push_back(report);
        }
    }
}

/// The strongest tone of a group and its power, unless another comes near it.
fn strongest(powers: [f32; 4]) -> Option<(usize, f32)> {
    let (index, best) = powers.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let clear = powers.iter().enumerate().all(|(n, power)| n == index || best > power * GROUP_MARGIN);
    clear.then_some((index, best))
}

/// Filters for several frequencies, run side by side: each alone would wait for its own last result.
#[derive(Clone, Copy, Debug)]
struct Goertzel<const N: usize> {
    coefficients: [f32; N],
}

impl<const N: usize> Goertzel<N> {
    fn new(frequencies_hz: [f32; N]) -> Self {
        let turn = |hz: f32| std::f64::consts::TAU * f64::from(hz) / RATE_HZ;
        Self { coefficients: frequencies_hz.map(|hz| (2.0 * turn(hz).cos()) as f32) }
    }

    /// Mean square of the sine of each frequency within the block.
    fn powers(&self, block: &[f32; BLOCK]) -> [f32; N] {
        let (mut last, mut before) = ([0.0_f32; N], [0.0_f32; N]);
        for sample in block {
            for ((last, before), coefficient) in last.iter_mut().zip(&mut before).zip(&self.coefficients) {
                let next = sample + coefficient * *last - *before;
                *before = *last;
                *last = next;
            }
        }
        let mut powers = [0.0; N];
        let states = last.iter().zip(&before).zip(&self.coefficients);
        for (power, ((last, before), coefficient)) in powers.iter_mut().zip(states) {
            let squared = last * last + before * before - coefficient * last * before;
            *power = squared * 2.0 / (BLOCK * BLOCK) as f32;
        }
        powers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix_into, scale};
    use crate::ringback::{Signal, countries, tone};
    use crate::tone::{CADENCE_MAX, ToneGenerator, ToneSpec, dtmf_pair};

    const ALL: &str = "0123456789*#ABCD";

    fn seeded(seed: u32) -> impl FnMut() -> f32 {
        println!("seed {seed}");
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        }
    }

    fn played(spec: ToneSpec) -> Vec<i16> {
        let mut out = vec![0; 80_000];
        let len = ToneGenerator::new(spec, 8_000).fill(&mut out);
        out.truncate(len);
        out
    }

    /// Digits one after the other, each `on_ms` long with `off_ms` between.
    fn dialled(digits: &str, on_ms: u32, off_ms: u32) -> Vec<i16> {
        digits.chars().flat_map(|digit| played(ToneSpec::dtmf(digit, on_ms, off_ms).unwrap())).collect()
    }

    fn heard(samples: &[i16]) -> Vec<InbandDigit> {
        let mut detector = DtmfDetector::new();
        let silence = [0; 1_600];
        samples.chunks(160).chain(silence.chunks(160)).filter_map(|frame| detector.on_frame(frame)).collect()
    }

    fn digits(samples: &[i16]) -> String {
        heard(samples)
            .iter()
            .filter_map(|report| match report {
                InbandDigit::Ended { digit, .. } => Some(*digit),
                InbandDigit::Started { .. } => None,
            })
            .collect()
    }

    /// A pair with its own levels and a relative error of both frequencies.
    fn pair(digit: char, low_db: f32, high_db: f32, detune: f32, ms: u32) -> Vec<i16> {
        let (low, high) = dtmf_pair(digit).unwrap();
        let mut sum = played(ToneSpec::sine(low * (1.0 + detune), low_db, ms));
        mix_into(&mut sum, &played(ToneSpec::sine(high * (1.0 + detune), high_db, ms)));
        sum
    }

    #[test]
    fn every_digit_is_heard_at_every_speed_and_phase() {
        for (on_ms, off_ms) in [(40, 40), (50, 50), (70, 50), (100, 100), (500, 80)] {
            for shift in [0, 13, 40, 77, 101] {
                let samples = [vec![0; shift], dialled(ALL, on_ms, off_ms)].concat();
                assert_eq!(digits(&samples), ALL, "{on_ms}/{off_ms} ms from sample {shift}");
            }
        }
    }

    #[test]
    fn start_and_end_are_reported_with_the_length() {
        let reports = heard(&dialled("5", 200, 100));
        assert_eq!(reports.len(), 2);
        assert_eq!(reports[0], InbandDigit::Started { digit: '5' });
        let InbandDigit::Ended { digit: '5', duration_ms } = reports[1] else { panic!("{reports:?}") };
        assert!((175..=213).contains(&duration_ms), "{duration_ms}");
    }

    #[test]
    fn what_is_too_short_is_no_digit() {
        assert_eq!(digits(&dialled(ALL, 20, 100)), "");
    }

    #[test]
    fn a_dropout_does_not_double_a_digit_and_neighbours_need_no_gap() {
        let mut samples = dialled("7", 200, 100);
        samples[700..760].fill(0);
        assert_eq!(digits(&samples), "7");
        assert_eq!(digits(&dialled("12", 100, 0)), "12");
        let reports = heard(&dialled("12", 100, 0));
        assert!(matches!(reports[1], InbandDigit::Ended { digit: '1', .. }), "{reports:?}");
    }

    #[test]
    fn levels_twist_and_detuning_have_their_bounds() {
        let check =
            |what: &str, samples: Vec<i16>, expected: &str| assert_eq!(digits(&samples), expected, "{what}");
        check("loud", pair('3', -6.5, -6.5, 0.0, 100), "3");
        check("quiet", pair('3', -34.0, -34.0, 0.0, 100), "3");
        check("too quiet", pair('3', -45.0, -45.0, 0.0, 100), "");
        check("high 7 dB weaker", pair('8', -10.0, -17.0, 0.0, 100), "8");
        check("high 12 dB weaker", pair('8', -10.0, -22.0, 0.0, 100), "");
        check("high 3 dB stronger", pair('8', -13.0, -10.0, 0.0, 100), "8");
        check("high 8 dB stronger", pair('8', -18.0, -10.0, 0.0, 100), "");
        check("1.5 % high", pair('A', -10.0, -10.0, 0.015, 100), "A");
        check("1.5 % low", pair('D', -10.0, -10.0, -0.015, 100), "D");
        check("4 % off", pair('D', -10.0, -10.0, 0.04, 100), "");
        check("one tone alone", played(ToneSpec::sine(770.0, -10.0, 200)), "");
    }

    #[test]
    fn digits_are_heard_in_noise() {
        let mut noise = seeded(11);
        let mut samples = dialled(&ALL.repeat(4), 80, 80);
        for sample in &mut samples {
            // Two sines of −10 dB are −10 dB together; uniform noise of ±0.07 is −28 dB.
            *sample = sample.saturating_add((noise() * 2_300.0) as i16);
        }
        assert_eq!(digits(&samples), ALL.repeat(4));
    }

    #[test]
    fn call_progress_tones_and_noise_are_no_digits() {
        let progress =
            countries().flat_map(|country| Signal::ALL.map(|signal| tone(country, signal).unwrap()));
        for spec in progress.chain([ToneSpec::beep()]) {
            assert_eq!(heard(&played(spec)), [], "{spec:?}");
        }
        // Dial tones, SIT, fax and modem tones.
        for (a, b) in [(350.0, 440.0), (425.0, 0.0), (950.0, 1_400.0), (1_100.0, 0.0), (2_100.0, 0.0)] {
            let mut cadence_ms = [(0, 0); CADENCE_MAX];
            cadence_ms[0] = (3_000, 0);
            let spec = ToneSpec { frequencies_hz: [a, b], level_db: -10.0, cadence_ms, repeat: false };
            assert_eq!(heard(&played(spec)), [], "{a} + {b}");
        }
        let mut noise = seeded(12);
        let samples: Vec<i16> = (0..8_000 * 60).map(|_| (noise() * 12_000.0) as i16).collect();
        assert_eq!(heard(&samples), []);
    }

    /// A voice by the book: pulses at a wandering pitch through wandering resonances, with pauses and hiss.
    fn babble(seed: u32, seconds: usize) -> Vec<i16> {
        let mut noise = seeded(seed);
        let mut out = Vec::with_capacity(seconds * 8_000);
        let (mut phase, mut state) = (0.0_f32, [[0.0_f32; 2]; 3]);
        while out.len() < seconds * 8_000 {
            let pitch = 170.0 + 90.0 * noise();
            let formants = [500.0 + 300.0 * noise(), 1_500.0 + 700.0 * noise(), 2_600.0 + 500.0 * noise()];
            let voiced = noise() > -0.5;
            let gain = if noise() > -0.8 { 500.0 + 450.0 * noise() } else { 0.0 };
            for _ in 0..(800.0 + 700.0 * noise()) as usize {
                phase += pitch * (1.0 + 0.01 * noise()) / 8_000.0;
                let pulse = if phase >= 1.0 { 8.0 } else { 0.0 };
                phase = phase.fract();
                let mut sample = if voiced { pulse } else { noise() };
                for (resonance, hz) in state.iter_mut().zip(formants) {
                    let (radius, turn) = (0.97_f32, std::f32::consts::TAU * hz / 8_000.0);
                    let next =
                        sample + 2.0 * radius * turn.cos() * resonance[0] - radius * radius * resonance[1];
                    *resonance = [next, resonance[0]];
                    sample = sample * 0.3 + next * 0.25;
                }
                out.push((sample * gain).clamp(-32_000.0, 32_000.0) as i16);
            }
        }
        out
    }

    #[test]
    fn voices_do_not_dial() {
        for seed in 100..110 {
            assert_eq!(heard(&babble(seed, 60)), [], "seed {seed}");
        }
    }

    #[test]
    fn digits_are_heard_over_a_quiet_voice() {
        let mut voice = babble(7, 20);
        let peak = voice.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        scale(&mut voice, 256 * 1_200 / i32::from(peak));
        let mut samples = dialled(ALL, 120, 80);
        mix_into(&mut samples, &voice);
        assert_eq!(digits(&samples), ALL);
    }
}
