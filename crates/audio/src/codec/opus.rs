//! Opus by libopus: one channel, no discontinuous transmission, recovery of the previous packet on both sides.

use super::{CodecError, OpusSettings};
use std::fmt;

/// libopus' encoder.
pub(super) struct OpusEncoder(opus::Encoder);

/// libopus' decoder.
pub(super) struct OpusDecoder(opus::Decoder);

fn set_up<T>(result: opus::Result<T>) -> Result<T, CodecError> {
    result.map_err(|error| CodecError::Opus(error.code().description()))
}

impl OpusEncoder {
    pub(super) fn new(rate_hz: u32, settings: OpusSettings) -> Result<Self, CodecError> {
        let voip = opus::Application::Voip;
        let mut encoder = set_up(opus::Encoder::new(rate_hz, opus::Channels::Mono, voip))?;
        let bitrate = settings.bitrate_bps.clamp(6_000, 128_000);
        set_up(encoder.set_complexity(i32::from(settings.complexity.min(10))))?;
        set_up(encoder.set_bitrate(opus::Bitrate::Bits(bitrate as i32)))?;
        set_up(encoder.set_inband_fec(settings.loss_percent > 0))?;
        set_up(encoder.set_packet_loss_perc(i32::from(settings.loss_percent.min(100))))?;
        set_up(encoder.set_dtx(false))?;
        Ok(Self(encoder))
    }

    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        self.0.encode(pcm, out).map_err(|_| CodecError::Room)
    }
}

impl OpusDecoder {
    pub(super) fn new(rate_hz: u32) -> Result<Self, CodecError> {
        set_up(opus::Decoder::new(rate_hz, opus::Channels::Mono)).map(Self)
    }

    /// An empty payload would mean a loss to libopus, so it is refused here.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        if payload.is_empty() {
            return Err(CodecError::Payload);
        }
        self.0.decode(payload, out, false).map_err(|_| CodecError::Payload)
    }

    /// What the packet after a lost one says of it; libopus conceals where it says nothing.
    pub(super) fn recover(&mut self, following: &[u8], out: &mut [i16]) {
        let done = if following.is_empty() { Ok(0) } else { self.0.decode(following, out, true) };
        if done.is_err() {
            self.conceal(out);
        }
    }

    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        let done = self.0.decode(&[], out, false).unwrap_or(0);
        if let Some(rest) = out.get_mut(done..) {
            rest.fill(0);
        }
    }
}

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpusEncoder")
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpusDecoder")
    }
}
