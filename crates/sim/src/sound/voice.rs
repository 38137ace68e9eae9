//! What a simulated voice sounds like, and how long it takes to say something. Nobody speaks in a simulation, so every
//! prompt is the same murmur: loud enough for a voice detector, with the lulls that syllables have.

use super::FRAME_OCTETS;
use audio::Law;
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

type Frame = [u8; FRAME_OCTETS];

/// Both laws' murmur.
static MURMUR: LazyLock<[Vec<Frame>; 2]> = LazyLock::new(|| [murmur(Law::Mu), murmur(Law::A)]);

/// The murmur's frame of this number.
pub(crate) fn frame(law: Law, number: u32) -> Frame {
    let [mu, a] = &*MURMUR;
    let frames = if law == Law::Mu { mu } else { a };
    let at = usize::try_from(number).unwrap_or_default() % FRAMES;
    frames.get(at).copied().unwrap_or([law.silence(); FRAME_OCTETS])
}

fn murmur(law: Law) -> Vec<Frame> {
    (0..FRAMES).map(|number| murmur_frame(law, number)).collect()
}

fn murmur_frame(law: Law, number: usize) -> Frame {
    let loudness = if number % LULL_EVERY == LULL_EVERY - 1 { 90.0 } else { 5_000.0 };
    let mut pcm = [0i16; FRAME_OCTETS];
    for (at, sample) in pcm.iter_mut().enumerate() {
        let time_s = (number * FRAME_OCTETS + at) as f32 / RATE_HZ;
        let wave = |hertz: f32| (time_s * hertz * std::f32::consts::TAU).sin();
        // Far below the limits of a sample.
        *sample = (loudness * (wave(150.0) + 0.5 * wave(450.0))) as i16;
    }
    let mut frame = [law.silence(); FRAME_OCTETS];
    audio::g711::encode(law, &pcm, &mut frame);
    frame
}
