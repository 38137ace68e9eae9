//! Samples on their way out, in the codec of the connection: tones of digits, and the echo. Exists as an encoder only
//! once something was said that no table holds.

use super::{FRAME_OCTETS, FRAME_SAMPLES, RATE_HZ, Samples};
use audio::codec::{Encoder, OpusSettings, PAYLOAD_OCTETS_MAX};
use audio::tone::{ToneGenerator, ToneSpec};
use model::sound::Codec;
use rtp::digits::{DIGIT_MS, GAP_MS};

/// 20 ms in some codec.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    octets: [u8; FRAME_OCTETS],
    length: usize,
}

impl Frame {
    /// These octets, as far as they fit.
    pub(crate) fn of(octets: &[u8]) -> Self {
        let mut frame = Self { octets: [0; FRAME_OCTETS], length: octets.len().min(FRAME_OCTETS) };
        for (to, from) in frame.octets.iter_mut().zip(octets) {
            *to = *from;
        }
        frame
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// Who says it.
#[derive(Debug, Default)]
pub(crate) struct Mouth {
    encoder: Option<Box<Encoder>>,
    tone: Option<Box<ToneGenerator>>,
}

impl Mouth {
    /// Says these samples.
    pub(crate) fn say(&mut self, codec: Codec, samples: &Samples) -> Frame {
        if self.encoder.as_ref().is_none_or(|encoder| encoder.codec() != codec) {
            self.encoder = Encoder::new(codec, RATE_HZ, OpusSettings::default()).ok().map(Box::new);
        }
        let mut octets = [0; PAYLOAD_OCTETS_MAX];
        let encoder = self.encoder.as_mut();
        let length = encoder.and_then(|encoder| encoder.encode(samples, &mut octets).ok());
        Frame::of(octets.get(..length.unwrap_or_default()).unwrap_or_default())
    }

    /// The next 20 ms of a digit's tone.
    pub(crate) fn tone(&mut self, codec: Codec, digit: char, begins: bool) -> Frame {
        if begins {
            let tone = ToneSpec::dtmf(digit, DIGIT_MS, GAP_MS);
            self.tone = tone.map(|tone| Box::new(ToneGenerator::new(tone, RATE_HZ)));
        }
        let mut samples = [0; FRAME_SAMPLES];
        if let Some(tone) = &mut self.tone {
            tone.fill(&mut samples);
        }
        self.say(codec, &samples)
    }
}
