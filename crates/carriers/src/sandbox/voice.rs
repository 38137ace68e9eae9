//! The personas' voices: text to sound, made once and kept. Without a speaking engine they have a tune instead, so that
//! there is something to hear.

use audio::tone::{ToneGenerator, ToneSpec};
use persona::Tone;
use ports::media::{Clip, ClipId};
use ports::{MediaPlane, Tts, Utterance};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Sounds that are kept; then all are made anew.
const CLIPS_MAX: usize = 128;
/// The longest a persona waits for its words.
const SPEAK_TIMEOUT: Duration = Duration::from_secs(10);

/// Rate of what is made here.
const RATE_HZ: u32 = 8_000;
/// Level of each sine of a tone.
const TONE_DB: f32 = -12.0;
/// The pause before a sound begins again.
const PAUSE_MS: u32 = 400;
/// The longest sound that is made here.
const CLIP_MS_MAX: u32 = 60_000;

/// Makes and keeps what personas say.
pub(super) struct Voice {
    media: Arc<dyn MediaPlane>,
    tts: Arc<dyn Tts>,
    clips: Mutex<HashMap<Utterance, Arc<Clip>>>,
}

impl Voice {
    pub(super) fn new(media: Arc<dyn MediaPlane>, tts: Arc<dyn Tts>) -> Self {
        Self { media, tts, clips: Mutex::default() }
    }

    /// The sound of a text; a tune where it cannot be spoken.
    pub(super) async fn clip(&self, utterance: Utterance) -> Arc<Clip> {
        if let Some(clip) = self.clips.lock().unwrap_or_else(PoisonError::into_inner).get(&utterance) {
            return Arc::clone(clip);
        }
        let made = tokio::time::timeout(SPEAK_TIMEOUT, self.speak(&utterance)).await;
        match made.unwrap_or_else(|_| Err("the speech engine does not answer".to_owned())) {
            Ok(clip) => {
                let mut clips = self.clips.lock().unwrap_or_else(PoisonError::into_inner);
                if clips.len() >= CLIPS_MAX {
                    clips.clear();
                }
                clips.insert(utterance, Arc::clone(&clip));
                clip
            }
            Err(reason) => {
                tracing::warn!(%reason, "a persona cannot speak and plays a tune instead");
                Arc::new(tune())
            }
        }
    }

    async fn speak(&self, utterance: &Utterance) -> Result<Arc<Clip>, String> {
        let wav = self.tts.speak(utterance).await.map_err(|error| error.to_string())?;
        self.media.prepare(wav).await.map_err(|error| error.to_string())
    }
}

/// A tone, once with the silence after it.
pub(super) fn tone(tone: &Tone) -> Clip {
    let spec = ToneSpec {
        frequencies_hz: tone.frequencies_hz.map(f32::from),
        level_db: TONE_DB,
        cadence_ms: [(tone.on_ms, tone.off_ms), (0, 0), (0, 0), (0, 0)],
        repeat: false,
    };
    let length = samples_of(tone.on_ms.saturating_add(tone.off_ms), RATE_HZ);
    let mut samples = vec![0; length.min(samples_of(CLIP_MS_MAX, RATE_HZ))];
    ToneGenerator::new(spec, RATE_HZ).fill(&mut samples);
    Clip { id: tone_id(tone), rate_hz: RATE_HZ, samples: samples.into() }
}

/// Equal tones have equal names.
fn tone_id(tone: &Tone) -> ClipId {
    let [first, second] = tone.frequencies_hz;
    let parts = [u32::from(first) << 16 | u32::from(second), tone.on_ms, tone.off_ms];
    let [a, b, c] = parts.map(u128::from);
    ClipId((u128::from(u32::from_be_bytes(*b"tone")) << 96 | a << 64 | b << 32 | c).to_be_bytes())
}

/// A sound cut, or repeated with pauses, to a length.
pub(super) fn of_length(clip: &Clip, length_ms: u32) -> Clip {
    let length = samples_of(length_ms.min(CLIP_MS_MAX), clip.rate_hz);
    let pause = std::iter::repeat_n(0, samples_of(PAUSE_MS, clip.rate_hz));
    let once = clip.samples.iter().copied().chain(pause);
    let samples: Vec<i16> = once.cycle().take(length).collect();
    // The name of the same sound in this length: its own name, turned by the length.
    let id = ClipId((u128::from_be_bytes(clip.id.0) ^ u128::from(length_ms) << 32).to_be_bytes());
    Clip { id, rate_hz: clip.rate_hz, samples: samples.into() }
}

fn samples_of(length_ms: u32, rate_hz: u32) -> usize {
    let samples = u64::from(length_ms) * u64::from(rate_hz) / 1_000;
    usize::try_from(samples).unwrap_or(usize::MAX)
}

/// Two rising notes of a third of a second each.
fn tune() -> Clip {
    const NOTE_SAMPLES: u32 = RATE_HZ / 3;
    let note = |hertz: f64| {
        (0..NOTE_SAMPLES).map(move |n| {
            let phase = f64::from(n) / f64::from(RATE_HZ) * hertz * std::f64::consts::TAU;
            // The cast saturates, and the amplitude is far from the limits.
            (phase.sin() * 8_000.0) as i16
        })
    };
    let samples: Vec<i16> = note(440.0).chain(note(554.0)).collect();
    Clip { id: ClipId(*b"lyrebird persona"), rate_hz: RATE_HZ, samples: samples.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_cut_or_repeated_to_a_length() {
        let clip = tune();
        for length_ms in [100, 600, 6_000] {
            let made = of_length(&clip, length_ms);
            assert_eq!(made.duration().as_millis(), u128::from(length_ms));
            assert_ne!(made.id, clip.id);
        }
        assert_eq!(of_length(&clip, u32::MAX).duration().as_millis(), u128::from(CLIP_MS_MAX));
        let silent = Clip { id: clip.id, rate_hz: 8_000, samples: Vec::new().into() };
        assert_eq!(of_length(&silent, 1_000).duration().as_millis(), 1_000);
    }

    #[test]
    fn a_tone_sounds_and_then_is_silent() {
        let spec = Tone { frequencies_hz: [1_000, 0], on_ms: 400, off_ms: 100, repeat: false };
        let clip = tone(&spec);
        assert_eq!(clip.duration().as_millis(), 500);
        let loud =
            |range: std::ops::Range<usize>| clip.samples[range].iter().any(|s| s.unsigned_abs() > 4_000);
        assert!(loud(0..3_200) && !loud(3_200..4_000));
        assert_ne!(clip.id, tone(&Tone { on_ms: 401, ..spec }).id);
    }

    #[test]
    fn the_tune_can_be_heard() {
        let clip = tune();
        assert!((600..700).contains(&clip.duration().as_millis()));
        let loud = clip.samples.iter().filter(|sample| sample.unsigned_abs() > 4_000).count();
        assert!(loud > clip.samples.len() / 2);
    }
}
