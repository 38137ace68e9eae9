//! Twenty milliseconds of encoded sound, and what silence is in each codec. Knows no packets.

use audio::Law;
use audio::codec::Encoder;
use audio::codec::g722::G722Encoder;
use model::sound::Codec;
use std::sync::LazyLock;

/// Octets in 20 ms of the codecs that have one octet for each unit of their clock of 8 kHz: G.711 and G.722.
pub(crate) const OCTETS: usize = 160;
/// Room for 20 ms of any codec; Opus at 128 kbit/s takes 320.
pub(crate) const FRAME_MAX: usize = 400;
/// Samples of 20 ms at 8 kHz.
pub(crate) const NARROW: usize = 160;
/// Samples of 20 ms at 16 kHz, the most that is mixed.
pub(crate) const WIDE: usize = 320;
/// Rates that sound is mixed and listened to at.
pub(crate) const NARROW_HZ: u32 = 8_000;
/// The same, where a codec of wide band takes part.
pub(crate) const WIDE_HZ: u32 = 16_000;

/// Octets of silence of G.722: half a second of what its encoder makes of nothing, once it has settled. Both ends adapt to
/// what they hear, so a decoder that heard any other silence would make a bang of the first word after it.
static G722_SILENCE: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut encoder = G722Encoder::new();
    settle(&mut encoder);
    let mut octets = vec![0; OCTETS * SETTLED_FRAMES];
    encoder.encode(&vec![0; WIDE * SETTLED_FRAMES], &mut octets);
    octets.into()
});
/// Frames of silence after which an encoder of G.722 has settled.
const SETTLED_FRAMES: usize = 25;

/// Brings an encoder of G.722 where a far side's decoder is that has heard silence.
pub(crate) fn settle(encoder: &mut G722Encoder) {
    let mut octets = [0; OCTETS];
    for _ in 0..SETTLED_FRAMES {
        encoder.encode(&[0; WIDE], &mut octets);
    }
}

/// Makes ready what would otherwise be made on the packet path.
pub(crate) fn warm_up() {
    LazyLock::force(&G722_SILENCE);
}
/// Silence of Opus: 20 ms, one channel, nothing coded (RFC 6716 §3.1).
const OPUS_SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// The law of a codec of the telephone; none for the others.
pub(crate) const fn law_of(codec: Codec) -> Option<Law> {
    match codec {
        Codec::Pcmu => Some(Law::Mu),
        Codec::Pcma => Some(Law::A),
        Codec::G722 | Codec::Opus => None,
    }
}

/// The octet that is silence, where one is; G.722 and Opus have none.
pub(crate) const fn silent_octet(codec: Codec) -> Option<u8> {
    match codec {
        Codec::Pcmu | Codec::Pcma => match law_of(codec) {
            Some(law) => Some(law.silence()),
            None => None,
        },
        Codec::G722 | Codec::Opus => None,
    }
}

/// The rate that a codec's sound is mixed and listened to at.
pub(crate) const fn rate_of(codec: Codec) -> u32 {
    match codec {
        Codec::Pcmu | Codec::Pcma => NARROW_HZ,
        Codec::G722 | Codec::Opus => WIDE_HZ,
    }
}

/// Samples of 20 ms.
pub(crate) const fn samples_of(rate_hz: u32) -> usize {
    (rate_hz / 50) as usize
}

/// Fills with silence of a codec whose octets are units of time.
pub(crate) fn silence_octets(codec: Codec, octets: &mut [u8]) {
    match silent_octet(codec) {
        Some(octet) => octets.fill(octet),
        None => octets.iter_mut().zip(g722_silence(0)).for_each(|(to, from)| *to = *from),
    }
}

fn g722_silence(tick: u32) -> &'static [u8] {
    let start = tick as usize % SETTLED_FRAMES * OCTETS;
    G722_SILENCE.get(start..start + OCTETS).unwrap_or_default()
}

/// Encoded sound of 20 ms.
#[derive(Clone)]
pub(crate) struct Frame {
    octets: [u8; FRAME_MAX],
    len: usize,
}

impl Frame {
    /// Silence of a codec.
    pub(crate) fn silence(codec: Codec) -> Self {
        Self::silence_at(codec, 0)
    }

    /// Silence that goes on, at a tick of it.
    pub(crate) fn silence_at(codec: Codec, tick: u32) -> Self {
        let mut frame = Self { octets: [0; FRAME_MAX], len: 0 };
        match codec {
            Codec::G722 => frame.set(g722_silence(tick)),
            Codec::Pcmu | Codec::Pcma | Codec::Opus => frame.silence_from(codec, 0),
        }
        frame
    }

    /// The octets.
    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// The octets, to be changed.
    pub(crate) fn octets_mut(&mut self) -> &mut [u8] {
        self.octets.get_mut(..self.len).unwrap_or_default()
    }

    /// Becomes these octets; what is longer than any frame of 20 ms is cut.
    pub(crate) fn set(&mut self, octets: &[u8]) {
        self.len = octets.len().min(FRAME_MAX);
        if let (Some(room), Some(octets)) = (self.octets.get_mut(..self.len), octets.get(..self.len)) {
            room.copy_from_slice(octets);
        }
    }

    /// Becomes 160 octets, of which those from `at` on are silence; of Opus all is.
    pub(crate) fn silence_from(&mut self, codec: Codec, at: usize) {
        if codec == Codec::Opus {
            return self.set(&OPUS_SILENCE);
        }
        self.len = OCTETS;
        if let Some(rest) = self.octets.get_mut(at..OCTETS) {
            silence_octets(codec, rest);
        }
    }

    /// Becomes what an encoder makes of samples; silence where it cannot.
    pub(crate) fn encode(&mut self, encoder: &mut Encoder, pcm: &[i16]) {
        match encoder.encode(pcm, &mut self.octets) {
            Ok(len) => self.len = len.min(FRAME_MAX),
            Err(_) => self.silence_from(encoder.codec(), 0),
        }
    }
}
