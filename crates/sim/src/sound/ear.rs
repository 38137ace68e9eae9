//! Who listens to what arrives: jitter buffer, voice activity, keys in the sound, and the echo of one who sends back
//! what it hears. Exists only while somebody listens, and sleeps while nothing comes.

use super::{FRAME_SAMPLES, RATE_HZ, Samples, voice};
use audio::dtmf_detect::{DtmfDetector, InbandDigit};
use audio::playout::Playout;
use audio::stretch::Stretch;
use audio::vad::{Vad, VadConfig};
use model::Timestamp;
use model::sound::{Codec, MediaFact};
use rtp::Packet;
use rtp::buffer::{BufferConfig, Next, Pace, PacketBuffer};

/// Ticks that an ear stays awake after the last packet: longer than the jitter buffer and the voice detector wait.
const AWAKE_TICKS: u32 = 40;

/// Noise is the same in every ear; nobody hears two at once.
const NOISE_SEED: u32 = 1;

/// What somebody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    pub(crate) voice: bool,
    pub(crate) digits: bool,
    pub(crate) echo: bool,
}

impl Wanted {
    pub(crate) const fn any(self) -> bool {
        self.voice || self.digits || self.echo
    }
}

/// An ear.
#[derive(Debug)]
pub(crate) struct Ear {
    codec: Codec,
    wanted: Wanted,
    buffer: PacketBuffer,
    playout: Playout,
    vad: Vad,
    voice: bool,
    detector: DtmfDetector,
    awake_ticks: u32,
}

impl Ear {
    /// None where there is no memory for a decoder.
    pub(crate) fn new(codec: Codec, wanted: Wanted) -> Option<Self> {
        Some(Self {
            codec,
            wanted,
            buffer: PacketBuffer::new(BufferConfig::of(codec)),
            playout: Playout::new(codec, RATE_HZ, NOISE_SEED).ok()?,
            vad: Vad::new(VadConfig::default()),
            voice: false,
            detector: DtmfDetector::new(),
            awake_ticks: 0,
        })
    }

    /// Listens to something else from now on.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        if wanted.voice && !self.wanted.voice {
            self.vad = Vad::new(VadConfig::default());
            self.voice = false;
        }
        self.wanted = wanted;
    }

    pub(crate) const fn codec(&self) -> Codec {
        self.codec
    }

    pub(crate) const fn is_awake(&self) -> bool {
        self.awake_ticks > 0
    }

    /// Takes a packet of sound. A silent one wakes nobody.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, now: Timestamp) {
        if self.is_awake() || packet.payload != voice::silence(self.codec) {
            self.buffer.put(packet, now);
            self.awake_ticks = AWAKE_TICKS;
        }
    }

    /// Packets that came too late.
    pub(crate) fn late(&self) -> u64 {
        self.buffer.figures().late
    }

    /// Listens to 20 ms; what is to be sent back, if anything is.
    pub(crate) fn tick(&mut self, now: Timestamp, mut report: impl FnMut(MediaFact)) -> Option<Samples> {
        let mut pcm = [0; FRAME_SAMPLES];
        let heard = self.hear(now, &mut pcm);
        self.awake_ticks = self.awake_ticks.saturating_sub(1);
        if self.wanted.voice || self.wanted.digits {
            self.judge(&pcm, &mut report);
        }
        (self.wanted.echo && heard).then_some(pcm)
    }

    /// The samples of this tick; whether any of them were sent.
    fn hear(&mut self, now: Timestamp, pcm: &mut [i16]) -> bool {
        let mut heard = self.playout.ready() > 0;
        while self.playout.ready() < pcm.len() {
            match self.buffer.next(now, self.playout.ready_units()) {
                Next::Packet { payload, pace } => {
                    heard = true;
                    self.playout.packet(payload, stretch_of(pace));
                }
                Next::Lost { units, following } => self.playout.lost(units, following),
                Next::Pause => self.playout.pause(),
            }
        }
        self.playout.pull(pcm);
        if !heard {
            pcm.fill(0);
        }
        heard
    }

    fn judge(&mut self, pcm: &[i16], report: &mut impl FnMut(MediaFact)) {
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

const fn stretch_of(pace: Pace) -> Stretch {
    match pace {
        Pace::Keep => Stretch::None,
        Pace::Faster => Stretch::Shorter,
        Pace::Slower => Stretch::Longer,
    }
}
