//! The four codecs behind one encoder and one decoder: samples at the listener's rate in and out, resampling,
//! concealment and recovery inside. Knows no packets' numbers or times. Nothing here allocates per frame.

mod decoder;
mod encoder;
pub mod g722;
mod opus;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use model::sound::Codec;
use model::sound::OPUS_BITRATE_BPS;

/// Rates that sound is spoken and heard at, samples a second.
pub const RATES_HZ: [u32; 3] = [8_000, 16_000, 48_000];
/// Longest packet that is decoded, milliseconds (RFC 6716 §2.1.4: Opus may have 120).
pub const PACKET_MS_MAX: usize = 120;
/// Longest frame that is encoded, milliseconds.
pub const FRAME_MS_MAX: usize = 60;
/// Room that any encoded frame fits in, octets.
pub const PAYLOAD_OCTETS_MAX: usize = 1_275;

/// How Opus is encoded; other codecs have nothing to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusSettings {
    /// Effort, 0–10; each step costs time.
    pub complexity: u8,
    /// Bits a second, 6,000–128,000.
    pub bitrate_bps: u32,
    /// Loss to be ready for, percent; above 0 each packet also carries the one before it in a coarser form.
    pub loss_percent: u8,
}

impl Default for OpusSettings {
    fn default() -> Self {
        Self { complexity: 2, bitrate_bps: OPUS_BITRATE_BPS, loss_percent: 5 }
    }
}

/// Why sound is not encoded or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The rate is none of [`RATES_HZ`].
    #[error("{0} Hz is not served: use 8000, 16000 or 48000")]
    Rate(u32),
    /// The frame is none of 10, 20, 30, 40 and 60 ms, or Opus of 30 ms.
    #[error("a frame of {0} samples is not 10, 20, 30 (not for Opus), 40 or 60 ms")]
    Frame(usize),
    /// There is no room for the result.
    #[error("no room for the result")]
    Room,
    /// The payload is not of this codec.
    #[error("the payload is malformed")]
    Payload,
    /// libopus could not be set up.
    #[error("libopus: {0}")]
    Opus(&'static str),
}

/// Whether a frame may be so long.
fn frame_ms(samples: usize, rate_hz: u32) -> Result<usize, CodecError> {
    let per_ms = rate_hz as usize / 1_000;
    let ms = samples / per_ms.max(1);
    let whole = matches!(ms, 10 | 20 | 30 | 40 | 60) && ms * per_ms == samples;
    if whole { Ok(ms) } else { Err(CodecError::Frame(samples)) }
}

fn check_rate(rate_hz: u32) -> Result<(), CodecError> {
    if RATES_HZ.contains(&rate_hz) { Ok(()) } else { Err(CodecError::Rate(rate_hz)) }
}

#[cfg(test)]
mod tests;
