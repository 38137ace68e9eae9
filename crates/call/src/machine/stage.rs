//! What the flow's steps and the live commands work with: the desk, prompts, sound and recordings.
//! Knows neither steps nor commands.

use super::audio::Audio;
use super::desk::Desk;
use super::prompts::{Prompts, Sound};
use super::recording::Recordings;
use model::sound::{DigitsId, MediaOrder, RecordSource};
use model::{Pii, RecordingId};
use serde::{Deserialize, Serialize};

/// The desk and what plays and records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stage {
    /// Row, time, timers, outputs.
    pub(super) desk: Desk,
    /// Prompts that are wanted.
    pub(super) prompts: Prompts,
    /// What plays.
    pub(super) audio: Audio,
    /// Recordings that are not final.
    pub(super) recordings: Recordings,
    /// What the last gather collected.
    pub(super) keys: Pii<String>,
    last_digits: u32,
}

impl Stage {
    /// An empty stage.
    pub(super) fn new(desk: Desk) -> Self {
        let (prompts, audio, recordings) = Default::default();
        Self { desk, prompts, audio, recordings, keys: Pii::new(String::new()), last_digits: 0 }
    }

    /// Plays a sound that is ready for the running step.
    pub(super) fn play_step(&mut self, sound: &Sound, length_ms: u64) {
        self.audio.play_step(sound, length_ms, &mut self.desk);
    }

    /// The running step wants its sound no longer.
    pub(super) fn stop_step_sound(&mut self) {
        self.audio.stop_step(&mut self.desk);
    }

    /// Sends keys to the far side; the number is reported when they are sent.
    pub(super) fn send_digits(&mut self, digits: Pii<String>) -> DigitsId {
        self.last_digits = self.last_digits.wrapping_add(1);
        let id = DigitsId(self.last_digits);
        self.desk.order_media(MediaOrder::SendDigits { id, digits });
        id
    }

    /// Starts a recording; `live` if a command of the app asked for it.
    pub(super) fn start_recording(&mut self, source: RecordSource, live: bool) -> Option<RecordingId> {
        self.recordings.start(source, live, &mut self.desk)
    }

    /// Stops a recording that still runs.
    pub(super) fn stop_recording(&mut self, recording: RecordingId) {
        self.recordings.stop(recording, &mut self.desk);
    }
}
