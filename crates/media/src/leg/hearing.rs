//! A received stream as samples: jitter buffer, G.711, concealment; and who listens to them: voice activity,
//! digits in the sound, loudness. Exists only while somebody listens.

use audio::Law;
use audio::conceal::Concealer;
use audio::dtmf_detect::{DtmfDetector, InbandDigit};
use audio::vad::{Vad, VadConfig};
use model::Timestamp;
use model::sound::MediaFact;
use rtp::Packet;
use rtp::jitter::{FRAME_OCTETS, JitterBuffer, JitterConfig, Playout};

/// Samples of 20 ms at 8 kHz.
pub(crate) type Pcm = [i16; FRAME_OCTETS];

/// A stream being decoded.
#[derive(Debug)]
pub(crate) struct Hearing {
    jitter: JitterBuffer,
    concealer: Concealer,
    law: Law,
}

impl Hearing {
    /// A stream of which nothing has come yet.
    pub(crate) fn new(law: Law) -> Self {
        let config = JitterConfig { silence_octet: law.silence(), ..JitterConfig::default() };
        Self { jitter: JitterBuffer::new(config), concealer: Concealer::new(), law }
    }

    /// The law it decodes.
    pub(crate) const fn law(&self) -> Law {
        self.law
    }

    /// Takes a packet of sound.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, now: Timestamp) {
        self.jitter.put(packet, now);
    }

    /// The samples of this tick, concealed where they are missing.
    pub(crate) fn next(&mut self, now: Timestamp, pcm: &mut Pcm) {
        let mut octets = [self.law.silence(); FRAME_OCTETS];
        match self.jitter.get(now, &mut octets) {
            Playout::Frame => {
                audio::g711::decode(self.law, &octets, pcm);
                self.concealer.on_frame(pcm);
            }
            Playout::Missing | Playout::Empty => self.concealer.conceal(pcm),
        }
    }

    /// Packets that came too late to be decoded.
    pub(crate) fn late_packets(&self) -> u64 {
        self.jitter.figures().late
    }
}

/// Mean power of the samples of a span.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loudness {
    squares: f64,
    samples: u64,
}

impl Loudness {
    fn add(&mut self, pcm: &Pcm) {
        let squares: u64 = pcm.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
        self.squares += squares as f64;
        self.samples += pcm.len() as u64;
    }

    /// Joins another span to this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.squares += other.squares;
        self.samples += other.samples;
    }

    /// In dBFS, −96 for digital silence; none when nothing was heard.
    pub(crate) fn dbfs(self) -> Option<f32> {
        if self.samples == 0 {
            return None;
        }
        let mean = self.squares / self.samples as f64 / (32_768.0 * 32_768.0);
        Some(((10.0 * mean.log10()) as f32).max(audio::level::SILENCE_DBFS))
    }
}

/// What somebody wants to know of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Voice and silence.
    pub(crate) voice: bool,
    /// Digits in the sound.
    pub(crate) digits: bool,
    /// The samples.
    pub(crate) samples: bool,
}

impl Wanted {
    /// Whether anything is.
    pub(crate) const fn any(self) -> bool {
        self.voice || self.digits || self.samples
    }
}

/// A stream that is listened to.
#[derive(Debug)]
pub(crate) struct Ear {
    hearing: Hearing,
    wanted: Wanted,
    vad: Vad,
    voice: bool,
    detector: DtmfDetector,
    loudness: Loudness,
}

impl Ear {
    /// An ear that has heard nothing.
    pub(crate) fn new(law: Law, wanted: Wanted) -> Self {
        Self {
            hearing: Hearing::new(law),
            wanted,
            vad: Vad::new(VadConfig::default()),
            voice: false,
            detector: DtmfDetector::new(),
            loudness: Loudness::default(),
        }
    }

    /// The stream.
    pub(crate) const fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    /// Listens to something else from now on.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        if wanted.voice && !self.wanted.voice {
            self.vad = Vad::new(VadConfig::default());
            self.voice = false;
        }
        self.wanted = wanted;
    }

    /// Takes a packet of sound.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, now: Timestamp) {
        self.hearing.put(packet, now);
    }

    /// Loudness since this was last asked.
    pub(crate) fn take_loudness(&mut self) -> Loudness {
        std::mem::take(&mut self.loudness)
    }

    /// Listens to 20 ms, which are left in `pcm`.
    pub(crate) fn tick(&mut self, now: Timestamp, pcm: &mut Pcm, mut report: impl FnMut(MediaFact)) {
        self.hearing.next(now, pcm);
        self.loudness.add(pcm);
        if self.wanted.voice {
            let voice = self.vad.on_frame(pcm).voice;
            if voice != self.voice {
                self.voice = voice;
                report(if voice { MediaFact::VoiceStarted } else { MediaFact::VoiceStopped });
            }
        }
        if self.wanted.digits
            && let Some(InbandDigit::Ended { digit, duration_ms }) = self.detector.on_frame(pcm)
        {
            report(MediaFact::Digit { digit, duration_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_is_the_mean_power_of_all_spans() {
        let mut loudness = Loudness::default();
        assert_eq!(loudness.dbfs(), None);
        loudness.add(&[3_277; FRAME_OCTETS]);
        let level = loudness.dbfs().unwrap();
        assert!((level + 20.0).abs() < 0.05, "{level}");
        let mut silence = Loudness::default();
        silence.add(&[0; FRAME_OCTETS]);
        assert_eq!(silence.dbfs(), Some(-96.0));
        loudness.join(silence);
        let level = loudness.dbfs().unwrap();
        assert!((level + 23.01).abs() < 0.05, "{level}");
    }
}
