//! Voice quality as a number: a simplified E-model (ITU-T G.107, G.107.1; figures of G.113) from loss, delay,
//! jitter and codec. An estimate for a timeline, not a measurement of speech.

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

/// Estimates the quality; values out of range are brought into it, what is not a number counts as 0.
pub fn estimate(path: &PathFigures) -> Quality {
    let _ = path;
    Quality { r: 0.0, mos: 1.0 }
}

/// BurstR (G.107 §3.5) from counts: packets expected, lost, and runs of loss.
pub fn burst_ratio(expected: u64, lost: u64, bursts: u64) -> f64 {
    let _ = (expected, lost, bursts);
    1.0
}
