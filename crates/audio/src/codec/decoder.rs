//! Decoding one stream of any of the codecs, with what is lost of it made up.

use super::g722::{self, G722Decoder};
use super::opus::OpusDecoder;
use super::{Codec, CodecError, PACKET_MS_MAX, check_rate};
use crate::Resampler;
use crate::conceal::Concealer;
use crate::g711::{self, Law};

/// Most samples of a packet before resampling: at the rate of G.722, which is also enough for G.711.
const NATIVE_MAX: usize = PACKET_MS_MAX * g722::RATE_HZ as usize / 1_000;

/// One stream being decoded.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    rate_hz: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    G711(Law, Option<Box<Resampler>>, Box<Concealer>),
    G722(Box<G722Decoder>, Option<Box<Resampler>>, Box<Concealer>),
    Opus(OpusDecoder),
}

impl Decoder {
    /// A stream of which nothing was decoded yet, to samples at `rate_hz` (8,000, 16,000 or 48,000).
    pub fn new(codec: Codec, rate_hz: u32) -> Result<Self, CodecError> {
        check_rate(rate_hz)?;
        let resampler = |native_hz: u32| match native_hz == rate_hz {
            true => Ok(None),
            false => Resampler::new(native_hz, rate_hz)
                .map(|resampler| Some(Box::new(resampler)))
                .map_err(|_| CodecError::Rate(rate_hz)),
        };
        let concealer = || Box::new(Concealer::with_rate(rate_hz));
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Law::Mu, resampler(8_000)?, concealer()),
            Codec::Pcma => Kind::G711(Law::A, resampler(8_000)?, concealer()),
            Codec::G722 => Kind::G722(Box::new(G722Decoder::new()), resampler(g722::RATE_HZ)?, concealer()),
            Codec::Opus => Kind::Opus(OpusDecoder::new(rate_hz)?),
        };
        Ok(Self { codec, rate_hz, kind })
    }

    /// The codec.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples a second that it gives.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Decodes a packet; returns the samples written to `out`, which should have room for [`PACKET_MS_MAX`].
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        if payload.is_empty() {
            return Err(CodecError::Payload);
        }
        match &mut self.kind {
            Kind::G711(law, resampler, concealer) => {
                let decode = |native: &mut [i16]| g711::decode(*law, payload, native);
                let written = through(payload.len(), resampler.as_deref_mut(), out, decode)?;
                concealer.on_frame(out.get_mut(..written).unwrap_or_default());
                Ok(written)
            }
            Kind::G722(decoder, resampler, concealer) => {
                let decode = |native: &mut [i16]| decoder.decode(payload, native);
                let written = through(payload.len() * 2, resampler.as_deref_mut(), out, decode)?;
                concealer.on_frame(out.get_mut(..written).unwrap_or_default());
                Ok(written)
            }
            Kind::Opus(decoder) => decoder.decode(payload, out),
        }
    }

    /// Makes up what is missing: all of `out`, a multiple of 10 ms.
    pub fn conceal(&mut self, out: &mut [i16]) {
        match &mut self.kind {
            Kind::G711(_, _, concealer) | Kind::G722(_, _, concealer) => concealer.conceal(out),
            Kind::Opus(decoder) => decoder.conceal(out),
        }
    }

    /// Makes up a lost packet, as long as `out`, of which the packet right after it may tell: Opus carries it there.
    pub fn recover(&mut self, following: &[u8], out: &mut [i16]) {
        match &mut self.kind {
            Kind::G711(_, _, concealer) | Kind::G722(_, _, concealer) => concealer.conceal(out),
            Kind::Opus(decoder) => decoder.recover(following, out),
        }
    }
}

/// Decodes to `native` samples, and resamples them where the listener wants another rate.
fn through<T>(
    native: usize,
    resampler: Option<&mut Resampler>,
    out: &mut [i16],
    decode: impl FnOnce(&mut [i16]) -> T,
) -> Result<usize, CodecError> {
    let Some(resampler) = resampler else {
        decode(out.get_mut(..native).ok_or(CodecError::Room)?);
        return Ok(native);
    };
    let mut room = [0; NATIVE_MAX];
    let room = room.get_mut(..native).ok_or(CodecError::Payload)?;
    decode(room);
    let done = resampler.process(room, out);
    if done.consumed == native { Ok(done.produced) } else { Err(CodecError::Room) }
}
