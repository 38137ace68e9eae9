//! Telephone sound for an acoustic model of 16 kHz. Nothing above 4 kHz comes over a telephone, and a model that has
//! never heard such a gap understands little; a faint mirror image of the lower band fills it (spectral folding), which
//! lies where the model expects the hiss of an `s`.

/// The rate of the model.
pub(crate) const WIDE_HZ: u32 = 16_000;
/// The rate of the telephone.
pub(crate) const NARROW_HZ: u32 = 8_000;
/// How loud the mirror image is beside the band itself.
const IMAGE: f32 = 0.15;
/// Zero crossings of the half-band filter on either side.
const CROSSINGS: usize = 16;

/// Samples at 16 kHz, whatever rate they came at. Twice as many samples as at 8 kHz, at the same moments.
pub(crate) fn widen(samples: &[i16], rate_hz: u32) -> Result<Vec<i16>, audio::resample::UnsupportedRate> {
    match rate_hz {
        NARROW_HZ => Ok(fold(samples)),
        WIDE_HZ => Ok(samples.to_vec()),
        _ => audio::resample::resample_clip(samples, rate_hz, WIDE_HZ),
    }
}

/// Twice the samples: those that are there, and between each two one by the half-band filter. What the filter takes away
/// from the stretched-out samples is the mirror image.
fn fold(samples: &[i16]) -> Vec<i16> {
    let taps = half_band();
    let at = |index: usize, back: bool, by: usize| {
        let index = if back { index.checked_sub(by) } else { index.checked_add(by) };
        index.and_then(|index| samples.get(index)).map_or(0.0, |sample| f32::from(*sample))
    };
    let mut wide = Vec::with_capacity(samples.len().saturating_mul(2));
    for (index, sample) in samples.iter().enumerate() {
        let sample = f32::from(*sample);
        // Stretched out, a sample has twice the height in its place: once its own band's, once the image's.
        wide.push(clip(sample + IMAGE * sample));
        let between: f32 = taps
            .iter()
            .enumerate()
            .map(|(tap, weight)| weight * (at(index, true, tap) + at(index, false, tap + 1)))
            .sum();
        wide.push(clip(between - IMAGE * between));
    }
    wide
}

/// One side of the odd taps of a windowed sinc: the weights of the samples half a step, one and a half, … away.
fn half_band() -> [f32; CROSSINGS] {
    std::array::from_fn(|tap| {
        let distance = std::f32::consts::PI * (tap as f32 + 0.5);
        let window = 0.54 + 0.46 * (std::f32::consts::PI * (tap as f32 + 0.5) / (CROSSINGS as f32)).cos();
        window * distance.sin() / distance
    })
}

fn clip(sample: f32) -> i16 {
    sample.round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32, rate_hz: f32, len: usize) -> Vec<i16> {
        (0..len).map(|n| ((std::f32::consts::TAU * hz * n as f32 / rate_hz).sin() * 8_000.0) as i16).collect()
    }

    /// Amplitude of `hz` (Goertzel's sum) in samples at 16 kHz.
    fn amplitude(samples: &[i16], hz: f32) -> f32 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let turn = std::f32::consts::TAU * hz * n as f32 / 16_000.0;
            re += f32::from(*sample) * turn.cos();
            im += f32::from(*sample) * turn.sin();
        }
        2.0 * re.hypot(im) / samples.len() as f32
    }

    #[test]
    fn the_band_stays_and_its_mirror_image_is_faint() {
        for hz in [300.0, 1_000.0, 2_500.0, 3_200.0] {
            let wide = widen(&sine(hz, 8_000.0, 8_000), NARROW_HZ).unwrap();
            assert_eq!(wide.len(), 16_000);
            let (band, image) = (amplitude(&wide, hz), amplitude(&wide, 8_000.0 - hz));
            assert!((7_600.0..8_400.0).contains(&band), "{hz}: {band}");
            assert!((1_000.0..1_400.0).contains(&image), "{hz}: {image}");
        }
    }

    #[test]
    fn other_rates_come_out_at_the_rate_of_the_model() {
        assert_eq!(widen(&sine(500.0, 16_000.0, 320), WIDE_HZ).unwrap().len(), 320);
        let wide = widen(&sine(500.0, 48_000.0, 4_800), 48_000).unwrap();
        assert!((1_590..=1_610).contains(&wide.len()), "{}", wide.len());
        assert!(widen(&[0; 10], 1_000).is_err());
        assert_eq!(widen(&[], NARROW_HZ), Ok(vec![]));
        assert_eq!(widen(&[i16::MIN, i16::MAX], NARROW_HZ).unwrap().len(), 4);
    }
}
