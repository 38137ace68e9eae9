//! What a simulated voice sounds like, and how long it takes to say something. Nobody speaks in a simulation, so every
//! prompt is the same murmur: loud enough for a voice detector, with the lulls that syllables have.

use super::mouth::Mouth;
use super::{FRAME_SAMPLES, Samples};
use model::sound::Codec;
use std::sync::LazyLock;

/// How long one character takes to be said.
const CHARACTER_MS: u32 = 60;
/// How long a file plays that nobody has fetched.
pub(crate) const FILE_MS: u32 = 2_000;
/// How long the tone sounds that says "speak now".
pub(crate) const BEEP_MS: u32 = 400;
/// Frames of the murmur before it begins again; each sixth is a lull.
const FRAMES: usize = 48;
const LULL_EVERY: usize = 6;
/// Samples a second.
const RATE_HZ: f32 = 8_000.0;

/// How long a text takes to be said.
pub(crate) fn length_ms(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX).saturating_mul(CHARACTER_MS).max(200)
}

/// A text that takes about so long to be said.
pub(crate) fn text_of(length_ms: u64) -> String {
    let characters = usize::try_from(length_ms / u64::from(CHARACTER_MS)).unwrap_or_default();
    "m".repeat(characters.clamp(1, 60_000))
}

/// What a codec makes of the murmur and of silence.
struct Encoded {
    murmur: Vec<Vec<u8>>,
    silence: Vec<u8>,
}

/// In the order of [`Codec::ALL`].
static VOICES: LazyLock<Vec<Encoded>> = LazyLock::new(|| Codec::ALL.into_iter().map(encoded).collect());

/// The murmur's frame of this number.
pub(crate) fn frame(codec: Codec, number: u32) -> &'static [u8] {
    let at = usize::try_from(number).unwrap_or_default() % FRAMES;
    voice(codec).and_then(|voice| voice.murmur.get(at)).map(Vec::as_slice).unwrap_or_default()
}

/// A frame in which nobody speaks; always the same.
pub(crate) fn silence(codec: Codec) -> &'static [u8] {
    voice(codec).map(|voice| voice.silence.as_slice()).unwrap_or_default()
}

fn voice(codec: Codec) -> Option<&'static Encoded> {
    VOICES.iter().zip(Codec::ALL).find(|(_, of)| *of == codec).map(|(voice, _)| voice)
}

fn encoded(codec: Codec) -> Encoded {
    let mut mouth = Mouth::default();
    let mut say = |pcm: &Samples| mouth.say(codec, pcm).octets().to_vec();
    // What is encoded depends on what was before: the second time round is what follows the end.
    let mut round = || (0..FRAMES).map(|number| say(&murmur_frame(number))).collect();
    let _first: Vec<Vec<u8>> = round();
    let murmur = round();
    let silence = (0..FRAMES).map(|_| say(&[0; FRAME_SAMPLES])).last().unwrap_or_default();
    Encoded { murmur, silence }
}

fn murmur_frame(number: usize) -> Samples {
    let loudness = if number % LULL_EVERY == LULL_EVERY - 1 { 90.0 } else { 5_000.0 };
    let mut pcm = [0i16; FRAME_SAMPLES];
    for (at, sample) in pcm.iter_mut().enumerate() {
        let time_s = (number * FRAME_SAMPLES + at) as f32 / RATE_HZ;
        let wave = |hertz: f32| (time_s * hertz * std::f32::consts::TAU).sin();
        // Far below the limits of a sample.
        *sample = (loudness * (wave(150.0) + 0.5 * wave(450.0))) as i16;
    }
    pcm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::FRAME_OCTETS;

    #[test]
    fn every_codec_has_a_voice_that_fits_a_packet() {
        for codec in Codec::ALL {
            let frames = (0..FRAMES as u32).map(|number| frame(codec, number));
            for octets in frames.chain([silence(codec)]) {
                assert!(!octets.is_empty() && octets.len() <= FRAME_OCTETS, "{codec:?}: {}", octets.len());
            }
            assert_ne!(frame(codec, 0), silence(codec), "{codec:?}");
        }
    }
}
