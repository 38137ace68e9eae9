//! Voice quality as a number: a simplified E-model (ITU-T G.107, G.107.1; figures of G.113) from loss, delay,
//! jitter and codec. An estimate for a timeline, not a measurement of speech.

use model::sound::Codec;
use serde::{Deserialize, Serialize};

/// Codecs with known impairments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityCodec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus at speech rates.
    Opus,
}

/// What is known of one direction of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathFigures {
    /// The codec heard.
    pub codec: QualityCodec,
    /// Share of frames that were not played, 0–1.
    pub loss_ratio: f64,
    /// Mean length of loss runs over that of random loss of the same share (G.107 BurstR); 1 is random.
    pub burst_ratio: f64,
    /// One-way delay without jitter buffer, in milliseconds (half the round trip where nothing better is known).
    pub delay_ms: f64,
    /// Interarrival jitter in milliseconds; a buffer of twice that is assumed.
    pub jitter_ms: f64,
}

/// The estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Transmission rating on the narrowband scale, 0–100.
    pub r: f64,
    /// Mean opinion score, 1–4.5.
    pub mos: f64,
}

/// R without any impairment, narrowband (G.107 defaults) and wideband (G.107.1).
const R_NARROW: f64 = 93.2;
const R_WIDE: f64 = 129.0;

/// Equipment impairment and loss robustness (G.113 Appendix I and IV; Opus is in neither and stands between
/// G.722 and the best wideband codecs there). G.711 is taken with concealment.
struct Impairment {
    wide: bool,
    equipment: f64,
    robustness: f64,
}

impl From<Codec> for QualityCodec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Self::Pcmu,
            Codec::Pcma => Self::Pcma,
            Codec::G722 => Self::G722,
            Codec::Opus => Self::Opus,
        }
    }
}

impl QualityCodec {
    const fn impairment(self) -> Impairment {
        match self {
            Self::Pcmu | Self::Pcma => Impairment { wide: false, equipment: 0.0, robustness: 25.1 },
            Self::G722 => Impairment { wide: true, equipment: 13.0, robustness: 4.9 },
            Self::Opus => Impairment { wide: true, equipment: 8.0, robustness: 15.0 },
        }
    }
}

/// Estimates the quality; values out of range are brought into it, what is not a number counts as 0.
pub fn estimate(path: &PathFigures) -> Quality {
    let Impairment { wide, equipment, robustness } = path.codec.impairment();
    let loss_percent = within(path.loss_ratio, 0.0, 1.0) * 100.0;
    let burst = within(path.burst_ratio, 1.0, 100.0);
    let delay_ms = within(path.delay_ms, 0.0, 10_000.0) + 2.0 * within(path.jitter_ms, 0.0, 10_000.0);
    // G.107 §7.3: what loss adds to the codec's own impairment. 95 is the worst that can be added.
    let loss = (95.0 - equipment).max(0.0) * loss_percent / (loss_percent / burst + robustness);
    let best = if wide { R_WIDE } else { R_NARROW };
    let rating = best - delay_impairment(delay_ms) - equipment - loss;
    let r = if wide { rating / (R_WIDE / 100.0) } else { rating }.clamp(0.0, 100.0);
    Quality { r, mos: mos(r) }
}

/// BurstR (G.107 §3.5) from counts: packets expected, lost, and runs of loss. The mean run of random loss with
/// the same share is 1 / (1 - share).
pub fn burst_ratio(expected: u64, lost: u64, bursts: u64) -> f64 {
    if bursts == 0 || lost >= expected {
        return 1.0;
    }
    let share = lost as f64 / expected as f64;
    (lost as f64 / bursts as f64 * (1.0 - share)).max(1.0)
}

/// Idd of G.107 §7.2: delay alone, without echo.
fn delay_impairment(delay_ms: f64) -> f64 {
    if delay_ms <= 100.0 {
        return 0.0;
    }
    let x = (delay_ms / 100.0).log2();
    let sixth = |value: f64| (1.0 + value.powi(6)).powf(1.0 / 6.0);
    25.0 * (sixth(x) - 3.0 * sixth(x / 3.0) + 2.0)
}

/// G.107 Annex B.
fn mos(r: f64) -> f64 {
    if r <= 0.0 {
        return 1.0;
    }
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

fn within(value: f64, min: f64, max: f64) -> f64 {
    if value.is_nan() { 0.0_f64.max(min) } else { value.clamp(min, max) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use QualityCodec::{G722, Opus, Pcma, Pcmu};

    fn path(
        codec: QualityCodec,
        loss_percent: f64,
        burst_ratio: f64,
        delay_ms: f64,
        jitter_ms: f64,
    ) -> PathFigures {
        PathFigures { codec, loss_ratio: loss_percent / 100.0, burst_ratio, delay_ms, jitter_ms }
    }

    #[test]
    fn known_paths_have_known_ratings() {
        let check = |path: PathFigures, r: f64, mos: f64| {
            let quality = estimate(&path);
            assert!((quality.r - r).abs() < 0.15, "{path:?}: {quality:?}");
            assert!((quality.mos - mos).abs() < 0.015, "{path:?}: {quality:?}");
        };
        check(path(Pcmu, 0.0, 1.0, 0.0, 0.0), 93.2, 4.41);
        check(path(Pcma, 0.0, 1.0, 100.0, 0.0), 93.2, 4.41);
        check(path(Pcmu, 0.0, 1.0, 200.0, 0.0), 90.2, 4.34);
        check(path(Pcmu, 0.0, 1.0, 400.0, 0.0), 69.1, 3.56);
        check(path(Pcmu, 0.0, 1.0, 100.0, 150.0), 69.1, 3.56);
        // 95 × 1 / (1 + 25.1) = 3.64.
        check(path(Pcmu, 1.0, 1.0, 0.0, 0.0), 89.56, 4.33);
        check(path(Pcmu, 5.0, 1.0, 0.0, 0.0), 77.42, 3.92);
        check(path(Pcmu, 5.0, 2.0, 0.0, 0.0), 75.99, 3.86);
        check(path(G722, 0.0, 1.0, 0.0, 0.0), 89.92, 4.33);
        check(path(Opus, 0.0, 1.0, 0.0, 0.0), 93.8, 4.42);
        check(path(Pcmu, 100.0, 1.0, 0.0, 0.0), 17.26, 1.19);
    }

    #[test]
    fn worse_paths_never_have_better_ratings() {
        for codec in [Pcmu, Pcma, G722, Opus] {
            let mut last = f64::MAX;
            for step in 0..100 {
                let step = f64::from(step);
                let quality = estimate(&path(codec, step / 4.0, 1.0 + step / 50.0, step * 10.0, step));
                assert!(quality.r <= last, "{codec:?} {step}");
                last = quality.r;
            }
        }
    }

    #[test]
    fn nonsense_is_brought_into_range() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -5.0, 1e300] {
            let quality = estimate(&path(Pcmu, value, value, value, value));
            assert!((0.0..=100.0).contains(&quality.r) && (1.0..=4.5).contains(&quality.mos), "{value}");
        }
    }

    #[test]
    fn burst_ratio_compares_runs_with_random_loss() {
        let check = |expected, lost, bursts, ratio: f64| {
            let found = burst_ratio(expected, lost, bursts);
            assert!((found - ratio).abs() < 1e-9, "{found}");
        };
        check(100, 0, 0, 1.0);
        check(100, 10, 10, 1.0);
        check(100, 10, 2, 4.5);
        check(10, 10, 1, 1.0);
        check(0, 0, 0, 1.0);
    }
}
