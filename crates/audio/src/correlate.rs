//! Compares a recording with what was played: finds the offset at which they fit best, and how well. For tests
//! and personas, not for the tick: it allocates and takes its time.

use crate::dot::dot;

/// Where and how well two sounds fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// Samples by which the recording lags the reference; negative when it leads.
    pub offset_samples: i64,
    /// Normalised cross-correlation over the overlap, −1 to 1; 1 is the same sound at any volume.
    pub similarity: f64,
}

/// Shortest overlap in samples that says anything.
const OVERLAP_MIN: usize = 800;
/// An overlap must hold this share of the energy of both sounds, or silence would be compared with silence.
const ENERGY_SHARE_MIN: f64 = 0.1;
/// Multiplications the search may cost before it looks at a coarser picture first.
const COST_MAX: u64 = 400_000_000;
const COARSEST: usize = 8;

/// Searches offsets of at most `offset_max` samples either way for the best fit. `None` when either sound is
/// silent, or no overlap is at least half of the shorter sound and `OVERLAP_MIN` samples long.
pub fn align(reference: &[i16], recording: &[i16], offset_max: usize) -> Option<Alignment> {
    let fine = Pair::new(reference, recording, 1)?;
    let reach = i64::try_from(offset_max).ok()?;
    let shorter = reference.len().min(recording.len()) as u64;
    let cost = |factor: usize| (2 * reach as u64 + 1).saturating_mul(shorter) / (factor * factor) as u64;
    let factor = [1, 2, 4].into_iter().find(|factor| cost(*factor) <= COST_MAX).unwrap_or(COARSEST);
    if factor == 1 {
        return fine.best(-reach..=reach);
    }
    let coarse = Pair::new(reference, recording, factor)?;
    let step = factor as i64;
    let near = coarse.best(-reach / step..=reach / step)?.offset_samples * step;
    fine.best((near - step).max(-reach)..=(near + step).min(reach))
}

/// How alike two sounds are where a jitter buffer may have moved parts of one of them: the mean similarity of pieces of
/// `piece_len` samples, each at its own best place within `drift_max` of where the whole fits best. `None` as for
/// [`align`], or when they have no whole piece in common.
pub fn similarity_in_pieces(
    reference: &[i16],
    recording: &[i16],
    offset_max: usize,
    (piece_len, drift_max): (usize, usize),
) -> Option<f64> {
    let offset = align(reference, recording, offset_max)?.offset_samples;
    let drift = i64::try_from(drift_max).ok()?;
    let place = |at: usize| {
        let from = usize::try_from(i64::try_from(at).ok()? + offset - drift).ok()?;
        recording.get(from..from + piece_len + 2 * drift_max)
    };
    let pieces = (0..).map(|n| n * piece_len).zip(reference.chunks_exact(piece_len));
    let found: Vec<f64> = pieces
        .filter_map(|(at, piece)| Some((piece, place(at)?)))
        .map(|(piece, heard)| align(piece, heard, 2 * drift_max).map_or(0.0, |found| found.similarity))
        .collect();
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
}

/// Two sounds without their means, and their energies summed up from the beginning.
struct Pair {
    reference: Vec<f32>,
    recording: Vec<f32>,
    reference_energy: Vec<f64>,
    recording_energy: Vec<f64>,
    overlap_min: usize,
}

impl Pair {
    fn new(reference: &[i16], recording: &[i16], factor: usize) -> Option<Self> {
        let reference = decimated(reference, factor);
        let recording = decimated(recording, factor);
        let overlap_min = (OVERLAP_MIN / factor).max(reference.len().min(recording.len()) / 2);
        let pair = Self {
            reference_energy: summed_energy(&reference),
            recording_energy: summed_energy(&recording),
            reference,
            recording,
            overlap_min,
        };
        let sounds = |energy: &[f64]| energy.last().is_some_and(|total| *total > 0.0);
        (sounds(&pair.reference_energy) && sounds(&pair.recording_energy)).then_some(pair)
    }

    fn best(&self, offsets: std::ops::RangeInclusive<i64>) -> Option<Alignment> {
        offsets
            .filter_map(|offset_samples| {
                let similarity = self.similarity(offset_samples)?;
                Some(Alignment { offset_samples, similarity })
            })
            .max_by(|a, b| a.similarity.total_cmp(&b.similarity))
    }

    fn similarity(&self, offset: i64) -> Option<f64> {
        let reference_from = usize::try_from(-offset).unwrap_or(0);
        let recording_from = usize::try_from(offset).unwrap_or(0);
        let reference = self.reference.get(reference_from..)?;
        let recording = self.recording.get(recording_from..)?;
        let overlap = reference.len().min(recording.len());
        if overlap < self.overlap_min {
            return None;
        }
        let reference_energy = share(&self.reference_energy, reference_from, overlap)?;
        let recording_energy = share(&self.recording_energy, recording_from, overlap)?;
        let product = long_dot(reference.get(..overlap)?, recording.get(..overlap)?);
        Some((product / (reference_energy * recording_energy).sqrt()).clamp(-1.0, 1.0))
    }
}

/// Energy of `len` samples from `from` on, if it is enough of the whole.
fn share(summed: &[f64], from: usize, len: usize) -> Option<f64> {
    let energy = summed.get(from + len)? - summed.get(from)?;
    (energy > summed.last()? * ENERGY_SHARE_MIN).then_some(energy)
}

fn summed_energy(samples: &[f32]) -> Vec<f64> {
    let mut sum = 0.0;
    let sums = samples.iter().map(|sample| {
        sum += f64::from(*sample) * f64::from(*sample);
        sum
    });
    std::iter::once(0.0).chain(sums).collect()
}

/// Averages of `factor` samples, less the mean of all.
fn decimated(samples: &[i16], factor: usize) -> Vec<f32> {
    let total: i64 = samples.iter().copied().map(i64::from).sum();
    let mean = total as f32 / samples.len().max(1) as f32;
    samples
        .chunks_exact(factor.max(1))
        .map(|chunk| chunk.iter().map(|sample| f32::from(*sample) - mean).sum::<f32>() / factor as f32)
        .collect()
}

/// Pieces of 1024 products keep `f32` exact enough.
fn long_dot(left: &[f32], right: &[f32]) -> f64 {
    left.chunks(1_024).zip(right.chunks(1_024)).map(|(left, right)| f64::from(dot(left, right))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g711::{self, Law};
    use crate::mix::scale;
    use crate::tone::{ToneGenerator, ToneSpec};

    fn noise(seed: u32, len: usize) -> Vec<i16> {
        println!("seed {seed}");
        let mut state = seed;
        let mut last = 0;
        (0..len)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                last = (last * 3 + ((state >> 16) as i32 - 32_768)) / 4;
                // Loud and quiet by turns, as speech is.
                (if n / 1_600 % 3 == 2 { last / 20 } else { last }) as i16
            })
            .collect()
    }

    /// The same sound later (or earlier), quieter and through µ-law.
    fn recorded(reference: &[i16], lag: i64, gain: i32) -> Vec<i16> {
        let mut recording = if lag >= 0 {
            [vec![0; lag as usize], reference.to_vec()].concat()
        } else {
            reference[(-lag) as usize..].to_vec()
        };
        scale(&mut recording, gain);
        let mut octets = vec![0; recording.len()];
        g711::encode(Law::Mu, &recording, &mut octets);
        g711::decode(Law::Mu, &octets, &mut recording);
        recording
    }

    #[test]
    fn the_lag_of_a_recording_is_found_exactly() {
        for (seconds, lag) in [(1, 0), (1, 1_234), (2, -777), (5, 15_999), (5, -16_000), (20, 3)] {
            let reference = noise(1, seconds * 8_000);
            let found = align(&reference, &recorded(&reference, lag, 100), 16_000).unwrap();
            assert_eq!(found.offset_samples, lag, "{seconds} s");
            assert!(found.similarity > 0.99, "{found:?}");
        }
    }

    #[test]
    fn a_tone_with_edges_is_found() {
        let mut reference = vec![0; 16_000];
        ToneGenerator::new(ToneSpec::sine(1_000.0, -10.0, 700), 8_000).fill(&mut reference[3_000..8_600]);
        let found = align(&reference, &recorded(&reference, 421, 256), 8_000).unwrap();
        assert_eq!(found.offset_samples, 421);
        assert!(found.similarity > 0.99);
    }

    #[test]
    fn other_sounds_are_not_similar() {
        let found = align(&noise(1, 24_000), &noise(2, 24_000), 8_000).unwrap();
        assert!(found.similarity < 0.3, "{found:?}");
    }

    #[test]
    fn an_inverted_sound_is_not_the_same() {
        let reference = noise(3, 8_000);
        let inverted: Vec<i16> = reference.iter().map(|sample| -sample).collect();
        let found = align(&reference, &inverted, 0).unwrap();
        assert!(found.similarity < -0.99, "{found:?}");
    }

    #[test]
    fn lost_frames_cost_similarity_in_proportion() {
        let reference = noise(4, 40_000);
        let mut recording = recorded(&reference, 500, 256);
        for frame in recording.chunks_mut(160).step_by(10) {
            frame.fill(0);
        }
        let found = align(&reference, &recording, 2_000).unwrap();
        assert_eq!(found.offset_samples, 500);
        assert!((0.9..0.98).contains(&found.similarity), "{found:?}");
    }

    #[test]
    fn a_step_of_a_jitter_buffer_costs_one_piece() {
        let reference = noise(6, 40_000);
        let mut recording = recorded(&reference, 700, 256);
        recording.drain(16_500..16_660);
        let whole = align(&reference, &recording, 2_000).unwrap().similarity;
        let pieces = similarity_in_pieces(&reference, &recording, 2_000, (4_000, 400)).unwrap();
        assert!(whole < 0.9 && pieces > 0.93, "{whole} {pieces}");
        let other = similarity_in_pieces(&reference, &noise(7, 40_000), 2_000, (4_000, 400)).unwrap();
        assert!(other < 0.5, "{other}");
        assert_eq!(similarity_in_pieces(&reference, &[0; 40_000], 2_000, (4_000, 400)), None);
    }

    #[test]
    fn silence_and_scraps_have_no_alignment() {
        let sound = noise(5, 8_000);
        assert_eq!(align(&sound, &[0; 8_000], 100), None);
        assert_eq!(align(&[5; 8_000], &sound, 100), None, "a constant is silence");
        assert_eq!(align(&sound, &[], 100), None);
        assert_eq!(align(&sound[..700], &sound, 100), None);
        assert!(align(&sound[..800], &sound, 100).is_some());
    }
}
