//! Encoding one stream with any of the codecs.

use super::g722::{self, G722Encoder};
use super::opus::OpusEncoder;
use super::{Codec, CodecError, FRAME_MS_MAX, OpusSettings, check_rate, frame_ms};
use crate::Resampler;
use crate::g711::{self, Law};

/// Most samples of a frame at the rate of G.722, which is also enough for G.711.
const NARROWED_MAX: usize = FRAME_MS_MAX * g722::RATE_HZ as usize / 1_000;

/// One stream being encoded.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
    rate_hz: u32,
    resampler: Option<Resampler>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    G711(Law),
    G722(Box<G722Encoder>),
    Opus(OpusEncoder),
}

impl Encoder {
    /// A stream of which nothing was encoded yet, from samples at `rate_hz` (8,000, 16,000 or 48,000).
    pub fn new(codec: Codec, rate_hz: u32, settings: OpusSettings) -> Result<Self, CodecError> {
        check_rate(rate_hz)?;
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Law::Mu),
            Codec::Pcma => Kind::G711(Law::A),
            Codec::G722 => Kind::G722(Box::new(G722Encoder::new())),
            Codec::Opus => Kind::Opus(OpusEncoder::new(rate_hz, settings)?),
        };
        // libopus takes every rate as it is.
        let native_hz = if codec == Codec::Opus { rate_hz } else { codec.sample_rate_hz() };
        let resampler = (native_hz != rate_hz).then(|| Resampler::new(rate_hz, native_hz)).transpose();
        let resampler = resampler.map_err(|_| CodecError::Rate(rate_hz))?;
        Ok(Self { codec, rate_hz, resampler, kind })
    }

    /// The codec.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples a second that it takes.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Encodes one frame of 10, 20, 30 (not Opus), 40 or 60 ms; returns the octets written to `out`, which should have room
    /// for [`super::PAYLOAD_OCTETS_MAX`].
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        let ms = frame_ms(pcm.len(), self.rate_hz)?;
        if self.codec == Codec::Opus && ms == 30 {
            return Err(CodecError::Frame(pcm.len()));
        }
        let mut narrowed = [0; NARROWED_MAX];
        let pcm = match &mut self.resampler {
            Some(resampler) => {
                let wanted = ms * self.codec.sample_rate_hz() as usize / 1_000;
                let room = narrowed.get_mut(..wanted).ok_or(CodecError::Room)?;
                resampler.process(pcm, room);
                &*room
            }
            None => pcm,
        };
        match &mut self.kind {
            Kind::G711(law) => {
                let room = out.get_mut(..pcm.len()).ok_or(CodecError::Room)?;
                g711::encode(*law, pcm, room);
                Ok(pcm.len())
            }
            Kind::G722(encoder) => {
                let room = out.get_mut(..pcm.len() / 2).ok_or(CodecError::Room)?;
                Ok(encoder.encode(pcm, room))
            }
            Kind::Opus(encoder) => encoder.encode(pcm, out),
        }
    }
}
