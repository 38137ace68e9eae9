//! Sound at 8 kHz, −1 to 1: silence, levels, tones, noises, and music made up by chance.

use super::dice::Dice;
use std::f32::consts::TAU;

/// Samples at 8 kHz.
pub(super) type Sound = Vec<f32>;

/// Samples of a time.
pub(super) const fn samples(ms: u32) -> usize {
    ms as usize * 8
}

/// Nothing.
pub(super) fn silence(ms: u32) -> Sound {
    vec![0.0; samples(ms)]
}

/// Milliseconds of a sound.
pub(super) fn length_ms(sound: &[f32]) -> u32 {
    u32::try_from(sound.len() / 8).unwrap_or(u32::MAX)
}

/// The same at a level of its loud parts, dBFS of the mean square.
pub(super) fn at_level(mut sound: Sound, dbfs: f32) -> Sound {
    let blocks = sound.chunks(160).map(|block| block.iter().map(|s| s * s).sum::<f32>() / block.len() as f32);
    let peak = blocks.clone().fold(0.0_f32, f32::max);
    let loud: Vec<f32> = blocks.filter(|power| *power > peak * 0.01).collect();
    let mean = loud.iter().sum::<f32>() / loud.len().max(1) as f32;
    if mean > 0.0 {
        let gain = 10.0_f32.powf(dbfs / 20.0) / mean.sqrt();
        sound.iter_mut().for_each(|sample| *sample *= gain);
    }
    sound
}

/// Adds one to another from a place on.
pub(super) fn add(to: &mut [f32], at: usize, sound: &[f32], gain: f32) {
    for (to, sample) in to.iter_mut().skip(at).zip(sound) {
        *to += sample * gain;
    }
}

/// Sines, with soft ends of 4 ms, at −20 dBFS together.
pub(super) fn tone(frequencies_hz: &[f32], ms: u32) -> Sound {
    let length = samples(ms);
    let tone = (0..length).map(|n| {
        let edge = n.min(length - 1 - n) as f32 / 32.0;
        let sum: f32 = frequencies_hz.iter().map(|hz| (TAU * hz * n as f32 / 8_000.0).sin()).sum();
        sum * edge.min(1.0)
    });
    let amplitude = 0.1 * (2.0 / frequencies_hz.len().max(1) as f32).sqrt();
    tone.map(|sample| sample * amplitude).collect()
}

/// A tone switched on and off until a time is filled.
pub(super) fn cadence(frequencies_hz: &[f32], on_off_ms: &[(u32, u32)], ms: u32) -> Sound {
    let mut sound = Sound::new();
    'filled: loop {
        for (on, off) in on_off_ms {
            sound.extend(tone(frequencies_hz, *on));
            sound.extend(silence(*off));
            if length_ms(&sound) >= ms {
                break 'filled;
            }
        }
    }
    sound.truncate(samples(ms));
    sound
}

/// Kinds of a room's or a line's noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noise {
    White,
    Pink,
    Rumble,
    Hum,
}

/// Noise at −20 dBFS.
pub(super) fn noise(kind: Noise, ms: u32, dice: &mut Dice) -> Sound {
    let mut slow = [0.0_f32; 3];
    let (mut swell, mut aim) = (1.0_f32, 1.0_f32);
    let sound = (0..samples(ms)).map(|n| {
        if n % 2_000 == 0 {
            aim = dice.between(0.8, 1.25);
        }
        swell += (aim - swell) * 0.000_5;
        let white = dice.noise();
        let [low, middle, _] = &mut slow;
        *low += (white - *low) * 0.03;
        *middle += (white - *middle) * 0.25;
        let hum = (TAU * 50.0 * n as f32 / 8_000.0).sin() + 0.4 * (TAU * 150.0 * n as f32 / 8_000.0).sin();
        swell
            * match kind {
                Noise::White => white,
                Noise::Pink => *middle + 3.0 * *low + 0.2 * white,
                Noise::Rumble => 6.0 * *low + 0.1 * white,
                Noise::Hum => 0.6 * hum + 0.15 * white,
            }
    });
    at_level(sound.collect(), -20.0)
}

/// A made-up tune: chords, a melody and perhaps drums, of one of several instruments.
pub(super) fn music(ms: u32, dice: &mut Dice) -> Sound {
    let mut sound = silence(ms);
    let beat_ms = dice.between(260.0, 640.0) as u32;
    let root = dice.between(98.0, 196.0);
    let minor = dice.percent(50);
    let (sustained, drums) = (dice.percent(50), dice.percent(50));
    let partials = 2 + dice.below(6);
    let chords: [i32; 4] = std::array::from_fn(|_| [0, 5, 7, 9, 2].get(dice.below(5)).copied().unwrap_or(0));
    let scale = if minor { [0, 2, 3, 5, 7, 8, 10] } else { [0, 2, 4, 5, 7, 9, 11] };
    let note = |steps: i32| root * 2.0_f32.powf(steps as f32 / 12.0);
    let mut at_ms = 0;
    let mut beat = 0_usize;
    while at_ms < ms {
        let chord = chords.get(beat / 4 % 4).copied().unwrap_or(0);
        if beat.is_multiple_of(4) {
            for step in [0, if minor { 3 } else { 4 }, 7] {
                let wave = instrument(note(chord + step), beat_ms * 4, partials, sustained);
                add(&mut sound, samples(at_ms), &wave, 0.35);
            }
        }
        if dice.percent(80) {
            let step = scale.get(dice.below(7)).copied().unwrap_or(0) + 12;
            let beats = 1 + u32::try_from(dice.below(2)).unwrap_or(0);
            add(
                &mut sound,
                samples(at_ms),
                &instrument(note(step), beat_ms * beats, partials, sustained),
                0.5,
            );
        }
        if drums {
            let hit: Sound = (0..samples(60)).map(|n| dice.noise() * (-(n as f32) / 90.0).exp()).collect();
            add(&mut sound, samples(at_ms), &hit, 0.4);
        }
        at_ms += beat_ms;
        beat += 1;
    }
    at_level(sound, -20.0)
}

fn instrument(hz: f32, ms: u32, partials: usize, sustained: bool) -> Sound {
    let length = samples(ms);
    (0..length)
        .map(|n| {
            let t = n as f32 / 8_000.0;
            let attack = (t / 0.02).min(1.0);
            let release = ((length - n) as f32 / 400.0).min(1.0);
            let body = if sustained { 1.0 } else { (-t * 3.0).exp() };
            let vibrato = if sustained { 0.02 * (TAU * 5.0 * t).sin() } else { 0.0 };
            let wave: f32 = (1..=partials)
                .filter(|order| hz * (*order as f32) < 3_600.0)
                .map(|order| (TAU * hz * order as f32 * t + vibrato * order as f32).sin() / order as f32)
                .sum();
            wave * attack * release * body * 0.3
        })
        .collect()
}
