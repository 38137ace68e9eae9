//! What a leg needs to turn sound of one codec into another, each part made when it is first needed: relayed sound
//! between codecs, a playback that is mixed or was encoded otherwise, tones.

use super::frame::{Frame, NARROW_HZ, WIDE, rate_of, samples_of};
use super::hearing::Hearing;
use super::transcoder::{Remaker, Transcoder};
use audio::codec::{Encoder, OpusSettings};
use audio::mix::{mix_into, scale};
use model::Timestamp;
use model::sound::Codec;
use ports::media::Blend;
use rtp::Packet;

/// 12 dB less, in 1/256.
const DUCKED: i32 = 64;

/// The parts.
#[derive(Default)]
pub(crate) struct Converter {
    transcoder: Option<Transcoder>,
    remaker: Option<Remaker>,
    tones: Option<Encoder>,
    /// What is relayed while something is played.
    under: Option<Hearing>,
}

impl Converter {
    /// Makes frames of `to` of a packet of `from`.
    pub(crate) fn transcode(&mut self, from: Codec, to: Codec, packet: &Packet<'_>, give: impl FnMut(&[u8])) {
        self.transcoder.take_if(|transcoder| !transcoder.is_for(from, to));
        if self.transcoder.is_none() {
            self.transcoder = Transcoder::new(from, to);
        }
        if let Some(transcoder) = &mut self.transcoder {
            transcoder.put(packet, give);
        }
    }

    /// Takes a packet that is to be heard under a playback on a leg of codec `to`.
    pub(crate) fn put_under(&mut self, from: Codec, to: Codec, packet: &Packet<'_>, now: Timestamp) {
        self.under.take_if(|under| under.codec() != from);
        if self.under.is_none() {
            self.under = Hearing::new(from, rate_of(to));
        }
        if let Some(under) = &mut self.under {
            under.put(packet, now);
        }
    }

    /// What is heard under a playback.
    pub(crate) const fn under(&self) -> Option<&Hearing> {
        self.under.as_ref()
    }

    /// Whether something is heard under a playback.
    pub(crate) const fn has_under(&self) -> bool {
        self.under.is_some()
    }

    /// Makes a frame of a playback one of `to`, with what is heard under it.
    pub(crate) fn remake(&mut self, from: Codec, to: Codec, blend: Blend, frame: &mut Frame, now: Timestamp) {
        self.remaker.take_if(|remaker| !remaker.is_for(from, to));
        if self.remaker.is_none() {
            self.remaker = Remaker::new(from, to);
        }
        let Some(remaker) = &mut self.remaker else { return };
        let under = self.under.as_mut().filter(|_| blend != Blend::Replace);
        remaker.remake(frame, |pcm| {
            let Some(under) = under else { return };
            let mut other = [0; WIDE];
            let other = other.split_at_mut(pcm.len().min(WIDE)).0;
            under.next(now, other);
            if blend == Blend::Duck {
                scale(other, DUCKED);
            }
            mix_into(pcm, other);
        });
    }

    /// Makes 20 ms of a tone at 8 kHz a frame.
    pub(crate) fn tone(&mut self, codec: Codec, pcm: &[i16], frame: &mut Frame) {
        debug_assert_eq!(pcm.len(), samples_of(NARROW_HZ));
        self.tones.take_if(|encoder| encoder.codec() != codec);
        if self.tones.is_none() {
            self.tones = Encoder::new(codec, NARROW_HZ, OpusSettings::default()).ok();
        }
        if let Some(encoder) = &mut self.tones {
            frame.encode(encoder, pcm);
        }
    }

    /// Nothing is played any more.
    pub(crate) fn end_playback(&mut self) {
        self.under = None;
        self.remaker = None;
    }

    /// Nothing is relayed any more, or something else.
    pub(crate) fn end_relay(&mut self) {
        self.under = None;
        self.transcoder = None;
    }
}
