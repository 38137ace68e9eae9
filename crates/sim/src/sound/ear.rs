//! Who listens to what arrives: jitter buffer, voice activity, keys in the sound, and the echo of one who sends back
//! what it hears. Exists only while somebody listens, and sleeps while nothing comes.

use audio::Law;
use audio::dtmf_detect::{DtmfDetector, InbandDigit};
use audio::vad::{Vad, VadConfig};
use model::Timestamp;
use model::sound::MediaFact;
use rtp::Packet;
use rtp::jitter::{FRAME_OCTETS, JitterBuffer, JitterConfig, Playout};

/// Ticks that an ear stays awake after the last packet: longer than the jitter buffer and the voice detector wait.
const AWAKE_TICKS: u32 = 40;

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
    law: Law,
    wanted: Wanted,
    jitter: JitterBuffer,
    vad: Vad,
    voice: bool,
    detector: DtmfDetector,
    awake_ticks: u32,
}

impl Ear {
    pub(crate) fn new(law: Law, wanted: Wanted) -> Self {
        let config = JitterConfig { silence_octet: law.silence(), ..JitterConfig::default() };
        Self {
            law,
            wanted,
            jitter: JitterBuffer::new(config),
            vad: Vad::new(VadConfig::default()),
            voice: false,
            detector: DtmfDetector::new(),
            awake_ticks: 0,
        }
    }

    /// Listens to something else from now on.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        if wanted.voice && !self.wanted.voice {
            self.vad = Vad::new(VadConfig::default());
            self.voice = false;
        }
        self.wanted = wanted;
    }

    pub(crate) const fn law(&self) -> Law {
        self.law
    }

    pub(crate) const fn is_awake(&self) -> bool {
        self.awake_ticks > 0
    }

    /// Takes a packet of sound. A silent one wakes nobody.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, now: Timestamp) {
        let silence = self.law.silence();
        if self.is_awake() || packet.payload.iter().any(|octet| *octet != silence) {
            self.jitter.put(packet, now);
            self.awake_ticks = AWAKE_TICKS;
        }
    }

    /// Packets that came too late.
    pub(crate) fn late(&self) -> u64 {
        self.jitter.figures().late
    }

    /// Listens to 20 ms; what is to be sent back, if anything is.
    pub(crate) fn tick(
        &mut self,
        now: Timestamp,
        mut report: impl FnMut(MediaFact),
    ) -> Option<[u8; FRAME_OCTETS]> {
        let silence = self.law.silence();
        let mut octets = [silence; FRAME_OCTETS];
        let heard = self.jitter.get(now, &mut octets) == Playout::Frame;
        if !heard {
            octets.fill(silence);
        }
        self.awake_ticks = self.awake_ticks.saturating_sub(1);
        if self.wanted.voice || self.wanted.digits {
            let mut pcm = [0; FRAME_OCTETS];
            audio::g711::decode(self.law, &octets, &mut pcm);
            self.judge(&pcm, &mut report);
        }
        (self.wanted.echo && heard).then_some(octets)
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
