//! The personas' voices: text to sound, made once and kept. Without a speaking engine they have a tune instead, so that
//! there is something to hear.

use ports::media::{Clip, ClipId};
use ports::{MediaPlane, Tts, Utterance};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Sounds that are kept; then all are made anew.
const CLIPS_MAX: usize = 128;
/// The longest a persona waits for its words.
const SPEAK_TIMEOUT: Duration = Duration::from_secs(10);

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
    pub(super) async fn clip(&self, text: String, locale: String) -> Arc<Clip> {
        let utterance = Utterance { text, locale, voice: None };
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

/// Two rising notes of a third of a second each.
fn tune() -> Clip {
    const RATE_HZ: u32 = 8_000;
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
    fn the_tune_can_be_heard() {
        let clip = tune();
        assert!((600..700).contains(&clip.duration().as_millis()));
        let loud = clip.samples.iter().filter(|sample| sample.unsigned_abs() > 4_000).count();
        assert!(loud > clip.samples.len() / 2);
    }
}
