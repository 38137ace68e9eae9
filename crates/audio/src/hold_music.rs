//! A small tune to wait by, synthesised: sixteen bars in a calm three-four time, chords below and a plucked melody
//! above, at −20 dBFS. It begins where it ends, so it can be played over and over. No file is needed for it.

use crate::level::level_dbfs;

/// Seconds of the whole tune.
pub const LENGTH_S: usize = BARS * BEATS * BEAT_MS / 1_000;
/// Its level, dBFS.
pub const LEVEL_DBFS: f32 = -20.0;

const BARS: usize = 16;
const BEATS: usize = 3;
const BEAT_MS: usize = 500;
/// How long a note rings on after its beat; what rings past the end is heard at the beginning.
const RING_MS: usize = 1_800;

/// The chords, one a bar, as half tones above A3 of their root; a fifth and the third are added.
const CHORDS: [(i32, i32); BARS] = [
    (3, 4),
    (0, 3),
    (8, 4),
    (10, 4),
    (3, 4),
    (7, 3),
    (8, 4),
    (10, 4),
    (0, 3),
    (5, 3),
    (10, 4),
    (3, 4),
    (8, 4),
    (5, 3),
    (10, 4),
    (10, 4),
];
/// The melody, three beats a bar: half tones above A4, −99 for a rest.
const MELODY: [[i32; BEATS]; BARS] = [
    [10, -99, 7],
    [7, 12, -99],
    [8, 7, 3],
    [5, -99, -99],
    [10, 12, 15],
    [14, -99, 10],
    [12, 8, 10],
    [5, 7, -99],
    [12, -99, 7],
    [8, 5, 8],
    [10, 14, 17],
    [15, -99, 10],
    [12, 8, 3],
    [5, 8, 12],
    [10, -99, 5],
    [2, 5, 8],
];

/// The tune at a rate of 8 to 48 kHz.
pub fn hold_music(rate_hz: u32) -> Vec<i16> {
    let rate = rate_hz.clamp(8_000, 48_000) as usize;
    let mut sound = vec![0.0_f32; rate * BARS * BEATS * BEAT_MS / 1_000];
    for (bar, ((root, third), melody)) in CHORDS.iter().zip(MELODY).enumerate() {
        for (beat, half_tones) in [root - 12, root + third, root + 7].into_iter().enumerate() {
            let strength = if beat == 0 { 0.5 } else { 0.28 };
            pluck(&mut sound, rate, bar * BEATS + beat, 220.0 * pitch(half_tones), strength);
        }
        for (beat, half_tones) in melody.into_iter().enumerate().filter(|(_, note)| *note > -99) {
            pluck(&mut sound, rate, bar * BEATS + beat, 440.0 * pitch(half_tones - 12), 0.6);
        }
    }
    at_level(&sound)
}

fn pitch(half_tones: i32) -> f32 {
    2.0_f32.powf(half_tones as f32 / 12.0)
}

/// A struck string: four partials that fade, the higher ones faster.
fn pluck(sound: &mut [f32], rate: usize, beat: usize, hz: f32, strength: f32) {
    let start = beat * BEAT_MS * rate / 1_000;
    let length = RING_MS * rate / 1_000;
    let total = sound.len().max(1);
    for n in 0..length {
        let t = n as f32 / rate as f32;
        let attack = (t / 0.008).min(1.0);
        let release = 1.0 - n as f32 / length as f32;
        let partial = |order: f32| {
            let phase = (f64::from(hz * order) * n as f64 / rate as f64).fract() as f32;
            (phase * std::f32::consts::TAU).sin() * (-t * (1.2 + order)).exp() / (order * order)
        };
        let wave = partial(1.0) + partial(2.0) + partial(3.0) + partial(4.0);
        if let Some(sample) = sound.get_mut((start + n) % total) {
            *sample += wave * attack * release * strength;
        }
    }
}

fn at_level(sound: &[f32]) -> Vec<i16> {
    let scaled = |gain: f32| -> Vec<i16> {
        sound.iter().map(|sample| (sample * gain).clamp(-32_768.0, 32_767.0) as i16).collect()
    };
    let first = 4_000.0;
    let gain = 10.0_f32.powf((LEVEL_DBFS - level_dbfs(&scaled(first))) / 20.0);
    scaled(first * gain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_its_level_and_length_and_never_clips() {
        for rate_hz in [8_000, 16_000, 48_000] {
            let tune = hold_music(rate_hz);
            assert_eq!(tune.len(), LENGTH_S * rate_hz as usize);
            assert!((level_dbfs(&tune) - LEVEL_DBFS).abs() < 0.2, "{}", level_dbfs(&tune));
            assert!(tune.iter().all(|sample| sample.unsigned_abs() < 20_000));
            for second in tune.chunks(rate_hz as usize) {
                let level = level_dbfs(second);
                assert!((-28.0..-14.0).contains(&level), "{level}");
            }
        }
    }

    #[test]
    fn its_end_flows_into_its_beginning() {
        let tune = hold_music(8_000);
        let step = |a: i16, b: i16| (i32::from(a) - i32::from(b)).abs();
        let steepest = tune.windows(2).map(|pair| step(pair[0], pair[1])).max().unwrap();
        assert!(step(tune[tune.len() - 1], tune[0]) <= steepest);
        // The last notes ring on over the seam: neither side of it is silent.
        assert!(level_dbfs(&tune[..80]) > -45.0 && level_dbfs(&tune[tune.len() - 80..]) > -45.0);
        assert_eq!(tune, hold_music(8_000), "the same each time");
    }
}
