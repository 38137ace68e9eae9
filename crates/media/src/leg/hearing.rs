//! A received stream as samples: packet buffer, decoder, concealment, comfort noise; and who listens to them: voice
//! activity, digits in the sound, loudness. Exists only while somebody listens.

use crate::leg::frame::{NARROW, NARROW_HZ, law_of};
use audio::Law;
use audio::dtmf_detect::{DtmfDetector, InbandDigit};
use audio::playout::Playout;
use audio::stretch::Stretch;
use audio::vad::{Vad, VadConfig};
use model::Timestamp;
use model::sound::{Codec, MediaFact};
use rtp::Packet;
use rtp::buffer::{BufferConfig, Mark, Next, Pace, PacketBuffer};

/// Samples of 20 ms at 8 kHz.
pub(crate) type Pcm = [i16; NARROW];

/// After so many ticks without a packet it is silent, whoever spoke before.
const QUIET_TICKS: u32 = 4;
/// Noise is the same on every leg; nobody hears two at once.
const NOISE_SEED: u32 = 1;

/// A stream being decoded.
pub(crate) struct Hearing {
    buffer: PacketBuffer,
    playout: Playout,
}

impl Hearing {
    /// A stream of which nothing has come yet, heard at 8 or 16 kHz. None when there is no memory for a decoder.
    pub(crate) fn new(codec: Codec, rate_hz: u32) -> Option<Self> {
        let playout = Playout::new(codec, rate_hz, NOISE_SEED).ok()?;
        Some(Self { buffer: PacketBuffer::new(BufferConfig::of(codec)), playout })
    }

    /// The codec it decodes.
    pub(crate) const fn codec(&self) -> Codec {
        self.playout.codec()
    }

    /// Takes a packet of sound.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, now: Timestamp) {
        self.buffer.put(packet, now);
    }

    /// Takes a description of the far side's noise (RFC 3389).
    pub(crate) fn put_noise(&mut self, payload: &[u8]) {
        self.playout.describe_noise(payload);
    }

    /// The samples of this tick, 20 ms, made up where they are missing.
    pub(crate) fn next(&mut self, now: Timestamp, pcm: &mut [i16]) {
        while self.playout.ready() < pcm.len() {
            match self.buffer.next(now, self.playout.ready_units()) {
                Next::Packet { payload, pace } => self.playout.packet(payload, stretch_of(pace)),
                Next::Lost { units, following } => self.playout.lost(units, following),
                Next::Pause => self.playout.pause(),
            }
        }
        self.playout.pull(pcm);
    }

    /// Marks what has come so far and is not heard yet; none where nothing waits.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.buffer.mark()
    }

    /// Whether what had come before the mark is heard, but for a packet that may still be decoded.
    pub(crate) fn has_passed(&self, mark: Mark) -> bool {
        self.buffer.has_passed(mark)
    }

    /// Packets that came too late to be decoded.
    pub(crate) fn late_packets(&self) -> u64 {
        self.buffer.figures().late
    }
}

const fn stretch_of(pace: Pace) -> Stretch {
    match pace {
        Pace::Keep => Stretch::None,
        Pace::Faster => Stretch::Shorter,
        Pace::Slower => Stretch::Longer,
    }
}

/// Mean power of the samples of a span.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loudness {
    squares: f64,
    samples: u64,
}

impl Loudness {
    /// Adds samples.
    pub(crate) fn add(&mut self, pcm: &[i16]) {
        let squares: u64 = pcm.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
        self.squares += squares as f64;
        self.samples += pcm.len() as u64;
    }

    /// Adds sound of the telephone as it is encoded, up to 20 ms of it.
    pub(crate) fn add_octets(&mut self, law: Law, octets: &[u8]) {
        let mut pcm: Pcm = [0; NARROW];
        let samples = audio::g711::decode(law, octets, &mut pcm);
        self.add(pcm.get(..samples).unwrap_or_default());
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
pub(crate) struct Ear {
    hearing: Hearing,
    wanted: Wanted,
    vad: Vad,
    voice: bool,
    /// Sound on its way to `vad`, where it is judged as it comes.
    coming: Pcm,
    coming_len: usize,
    /// Ticks without such sound.
    quiet_ticks: u32,
    detector: DtmfDetector,
    loudness: Loudness,
}

impl Ear {
    /// An ear that has heard nothing; it hears at 8 kHz, whatever the codec.
    pub(crate) fn new(codec: Codec, wanted: Wanted) -> Option<Self> {
        Some(Self {
            hearing: Hearing::new(codec, NARROW_HZ)?,
            wanted,
            vad: Vad::new(VadConfig::default()),
            voice: false,
            coming: [0; NARROW],
            coming_len: 0,
            quiet_ticks: 0,
            detector: DtmfDetector::new(),
            loudness: Loudness::default(),
        })
    }

    /// The stream.
    pub(crate) const fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    /// Whether somebody speaks; known while voice is wanted.
    pub(crate) const fn voice(&self) -> bool {
        self.voice
    }

    /// Listens to something else from now on.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        if wanted.voice && !self.wanted.voice {
            self.vad = Vad::new(VadConfig::default());
            self.voice = false;
        }
        self.wanted = wanted;
    }

    /// Takes a packet of sound. Where it costs next to nothing, voice is told from silence at once: who interrupts must
    /// not wait until his sound has passed the buffer.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, now: Timestamp, report: impl FnMut(MediaFact)) {
        self.hearing.put(packet, now);
        if let Some(law) = law_of(self.hearing.codec()).filter(|_| self.wanted.voice) {
            self.judge_coming(law, packet.payload, report);
        }
    }

    fn judge_coming(&mut self, law: Law, mut octets: &[u8], mut report: impl FnMut(MediaFact)) {
        self.quiet_ticks = 0;
        while !octets.is_empty() {
            let Some(room) = self.coming.get_mut(self.coming_len..) else { return };
            let (part, rest) = octets.split_at(octets.len().min(room.len()));
            self.coming_len += audio::g711::decode(law, part, room);
            octets = rest;
            if self.coming_len >= NARROW {
                self.coming_len = 0;
                let frame = self.coming;
                self.judge(&frame, &mut report);
            }
        }
    }

    fn judge(&mut self, pcm: &Pcm, report: &mut impl FnMut(MediaFact)) {
        let voice = self.vad.on_frame(pcm).voice;
        if voice != self.voice {
            self.voice = voice;
            report(if voice { MediaFact::VoiceStarted } else { MediaFact::VoiceStopped });
        }
    }

    /// Takes a description of the far side's noise.
    pub(crate) fn put_noise(&mut self, payload: &[u8]) {
        self.hearing.put_noise(payload);
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
            self.quiet_ticks = self.quiet_ticks.saturating_add(1);
            if law_of(self.hearing.codec()).is_none() {
                self.judge(pcm, &mut report);
            } else if self.quiet_ticks > QUIET_TICKS {
                self.judge(&[0; NARROW], &mut report);
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
        loudness.add(&[3_277; NARROW]);
        let level = loudness.dbfs().unwrap();
        assert!((level + 20.0).abs() < 0.05, "{level}");
        let mut silence = Loudness::default();
        silence.add(&[0; NARROW]);
        assert_eq!(silence.dbfs(), Some(-96.0));
        loudness.join(silence);
        let level = loudness.dbfs().unwrap();
        assert!((level + 23.01).abs() < 0.05, "{level}");
    }
}
