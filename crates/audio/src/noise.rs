//! Comfort noise (RFC 3389): a level and the shape of a spectrum as a few reflection coefficients, measured from
//! sound, written to and read from a payload, and made audible again.

use crate::level::level_dbfs;

/// Most reflection coefficients that are used; more are passed over.
pub const ORDER_MAX: usize = 10;
/// What we measure.
const ORDER: usize = 6;
/// Most octets of a payload that we write.
pub const PAYLOAD_OCTETS_MAX: usize = 1 + ORDER;

/// How noise sounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseShape {
    /// Level below the loudest possible sound, in dB (0–127).
    pub level_db: u8,
    /// Reflection coefficients, each within −1 to 1.
    reflections: [f32; ORDER_MAX],
}

impl NoiseShape {
    /// Noise without any colour.
    pub const fn white(level_db: u8) -> Self {
        Self { level_db, reflections: [0.0; ORDER_MAX] }
    }

    /// Reads a payload: the level, then one octet a coefficient (RFC 3389 §3). `None` when it is empty.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (level, coefficients) = payload.split_first()?;
        let mut shape = Self::white(level & 0x7f);
        for (reflection, octet) in shape.reflections.iter_mut().zip(coefficients) {
            *reflection = ((f32::from(*octet) - 127.0) * 258.0 / 32_768.0).clamp(-0.98, 0.98);
        }
        Some(shape)
    }

    /// What to send; as many octets as matter.
    pub fn to_payload(&self) -> [u8; PAYLOAD_OCTETS_MAX] {
        let mut payload = [127; PAYLOAD_OCTETS_MAX];
        let (level, coefficients) = (self.level_db & 0x7f, self.reflections);
        if let Some((first, rest)) = payload.split_first_mut() {
            *first = level;
            for (octet, reflection) in rest.iter_mut().zip(coefficients) {
                *octet = (reflection * 32_768.0 / 258.0 + 127.0).round().clamp(0.0, 254.0) as u8;
            }
        }
        payload
    }

    /// Measures a frame that holds nothing but noise, 10 ms or more.
    pub fn measure(frame: &[i16]) -> Self {
        let level = (-level_dbfs(frame)).round().clamp(0.0, 127.0);
        let mut shape = Self::white(level as u8);
        let correlation = |lag: usize| -> f64 {
            let later = frame.get(lag..).unwrap_or_default();
            frame.iter().zip(later).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let mut lags = [0.0; ORDER + 1];
        for (lag, sum) in lags.iter_mut().enumerate() {
            *sum = correlation(lag);
        }
        reflect(&lags, &mut shape.reflections);
        shape
    }
}

/// Levinson's recursion, of which only the reflections are kept.
#[allow(clippy::indexing_slicing, reason = "all indices lie within ORDER, the length of each array")]
fn reflect(lags: &[f64; ORDER + 1], reflections: &mut [f32; ORDER_MAX]) {
    let mut predictor = [0.0; ORDER + 1];
    // A little white noise keeps the recursion stable (a floor of −40 dB).
    let mut error = lags[0] * 1.0001 + 1e-9;
    predictor[0] = 1.0;
    for order in 1..=ORDER {
        let sum: f64 = (0..order).map(|at| predictor[at] * lags[order - at]).sum();
        let reflection = (-sum / error).clamp(-0.98, 0.98);
        let before = predictor;
        for at in 1..=order {
            predictor[at] = before[at] + reflection * before[order - at];
        }
        error *= 1.0 - reflection * reflection;
        reflections[order - 1] = reflection as f32;
    }
}

/// Makes noise: white noise through a lattice of the reflections.
#[derive(Clone, Debug)]
pub struct NoiseGenerator {
    state: u32,
    reflections: [f32; ORDER_MAX],
    backward: [f32; ORDER_MAX],
    amplitude: f32,
}

impl NoiseGenerator {
    /// Silence, until noise is described. The same seed makes the same noise.
    pub const fn new(seed: u32) -> Self {
        Self { state: seed, reflections: [0.0; ORDER_MAX], backward: [0.0; ORDER_MAX], amplitude: 0.0 }
    }

    /// Sounds like this from now on.
    pub fn describe(&mut self, shape: &NoiseShape) {
        self.reflections = shape.reflections;
        // The lattice amplifies by the product of 1 / (1 - k²).
        let gain: f32 = shape.reflections.iter().map(|k| 1.0 - k * k).product();
        let level = 32_768.0 * 10.0_f32.powf(-f32::from(shape.level_db) / 20.0);
        // The excitation is evenly spread over ±1, so its power is 1/3.
        self.amplitude = level * (gain * 3.0).sqrt();
    }

    /// Writes the next samples.
    pub fn fill(&mut self, out: &mut [i16]) {
        for sample in out {
            *sample = self.next().clamp(-32_768.0, 32_767.0) as i16;
        }
    }

    /// One sample: white noise through the all-pole lattice, from the highest stage down.
    #[allow(clippy::indexing_slicing, reason = "all indices lie within ORDER_MAX, the length of each array")]
    fn next(&mut self) -> f32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (self.state >> 8) as f32 / 8_388_608.0 - 1.0;
        let mut forward = white * self.amplitude;
        for stage in (0..ORDER_MAX).rev() {
            let (reflection, before) = (self.reflections[stage], self.backward[stage]);
            forward -= reflection * before;
            if stage + 1 < ORDER_MAX {
                self.backward[stage + 1] = before + reflection * forward;
            }
        }
        self.backward[0] = forward;
        forward
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_level_that_was_described() {
        for level_db in [30, 40, 50, 60, 70] {
            for colour in [&[][..], &[60, 200], &[40, 150, 100, 127, 140]] {
                let mut generator = NoiseGenerator::new(3);
                let payload: Vec<u8> = std::iter::once(level_db).chain(colour.iter().copied()).collect();
                generator.describe(&NoiseShape::parse(&payload).unwrap());
                let mut noise = [0; 16_000];
                generator.fill(&mut noise);
                let level = level_dbfs(&noise[800..]);
                assert!((level + f32::from(level_db)).abs() < 1.5, "{level} for {payload:?}");
            }
        }
    }

    #[test]
    fn what_was_measured_sounds_the_same_again() {
        let mut generator = NoiseGenerator::new(3);
        generator.describe(&NoiseShape::parse(&[40, 40, 170, 110]).unwrap());
        let mut noise = [0; 8_000];
        generator.fill(&mut noise);
        let measured = NoiseShape::measure(&noise);
        assert!(measured.level_db.abs_diff(40) <= 1, "{measured:?}");
        let payload = measured.to_payload();
        for (octet, expected) in payload[1..].iter().zip([40, 170, 110, 127, 127, 127]) {
            assert!(octet.abs_diff(expected) <= 4, "{payload:?}");
        }
        let again = NoiseShape::parse(&payload).unwrap();
        assert!(again.reflections.iter().zip(measured.reflections).all(|(a, b)| (a - b).abs() < 0.01));
    }

    #[test]
    fn nothing_makes_it_loud_or_unstable() {
        assert_eq!(NoiseShape::parse(&[]), None);
        assert_eq!(NoiseShape::measure(&[0; 160]).level_db, 96);
        assert_eq!(NoiseShape::measure(&[]).to_payload(), [96, 127, 127, 127, 127, 127, 127]);
        for octet in [0, 1, 127, 128, 254, 255] {
            let mut generator = NoiseGenerator::new(9);
            generator.describe(&NoiseShape::parse(&[octet; 30]).unwrap());
            let mut noise = [0; 8_000];
            generator.fill(&mut noise);
        }
        let mut silent = [1; 80];
        NoiseGenerator::new(1).fill(&mut silent);
        assert_eq!(silent, [0; 80]);
    }
}
