//! What the flow's steps and the live commands work with: the desk, prompts, sound and recordings.
//! Knows neither steps nor commands.

use super::audio::Audio;
use super::children::Children;
use super::desk::Desk;
use super::prompts::{Prompts, Sound};
use super::recording::{Ask, Recordings};
use model::meeting::Attendance;
use model::recording::{RecordStart, RecordingEnd, RecordingOrigin, SessionRecord};
use model::sound::{DigitsId, MediaOrder, RecordSource};
use model::speech::{ListenId, Listening};
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
    /// Calls that this one made and that are not over.
    #[serde(default)]
    pub(super) children: Children,
    /// What the last gather collected.
    pub(super) keys: Pii<String>,
    /// What the last gather heard said.
    pub(super) speech: Pii<String>,
    /// How sure the engine was of it, 0 to 1.
    pub(super) confidence: Option<f32>,
    /// What is likely to be said to a gather that is being prepared.
    pub(super) hints: Vec<String>,
    last_digits: u32,
    last_listen: u32,
    #[serde(default)]
    last_attendance: u32,
}

impl Stage {
    /// An empty stage.
    pub(super) fn new(desk: Desk) -> Self {
        let (prompts, audio, recordings, children) = Default::default();
        Self {
            desk,
            prompts,
            audio,
            recordings,
            keys: Pii::new(String::new()),
            speech: Pii::new(String::new()),
            confidence: None,
            hints: Vec::new(),
            last_digits: 0,
            last_listen: 0,
            children,
            last_attendance: 0,
        }
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

    /// Has voice and silence reported, or no longer.
    pub(super) fn watch_voice(&mut self, on: bool) {
        self.desk.order_media(MediaOrder::WatchVoice { on });
    }

    /// Listens for one thing that is said; the number is reported with what it was.
    pub(super) fn listen(&mut self, locale: &str, hints: &[String]) -> ListenId {
        self.last_listen = self.last_listen.wrapping_add(1);
        let listen = ListenId(self.last_listen);
        self.desk.order_media(MediaOrder::Listen(Box::new(Listening {
            listen,
            locale: locale.to_owned(),
            hints: hints.to_vec(),
            end_silence_ms: Listening::END_SILENCE_MS,
            length_ms_max: Listening::LENGTH_MS_MAX,
        })));
        listen
    }

    /// Listens for it no longer.
    pub(super) fn stop_listening(&mut self, listen: ListenId) {
        self.desk.order_media(MediaOrder::StopListening { listen });
    }

    /// Starts a recording.
    pub(super) fn start_recording(&mut self, ask: Ask) -> Option<RecordingId> {
        self.recordings.start(ask, &mut self.desk)
    }

    /// Names an attendance at a conference or in a queue.
    pub(super) const fn attend(&mut self) -> Attendance {
        self.last_attendance = self.last_attendance.wrapping_add(1);
        Attendance(self.last_attendance)
    }

    /// Stops a recording that still runs.
    pub(super) fn stop_recording(&mut self, recording: RecordingId, by: RecordingEnd) {
        self.recordings.stop(recording, by, &mut self.desk);
    }

    /// There is sound now: starts the recording that the call was made with, if it is to begin with this.
    pub(super) fn record_call(&mut self, begins: RecordStart) {
        let wanted = |record: &mut SessionRecord| record.start == begins || begins == RecordStart::Answer;
        let Some(record) = self.desk.setup.record.take_if(wanted) else { return };
        let source = if record.stereo { RecordSource::Stereo } else { RecordSource::Mixed };
        let bridged = self.desk.call.parent.is_some();
        let origin = if bridged { RecordingOrigin::Bridge } else { RecordingOrigin::Creation };
        let ask = Ask {
            named_by: None,
            source,
            origin,
            length_ms_max: None,
            transcribe: false,
            transcribe_locale: None,
        };
        self.start_recording(ask);
    }
}
