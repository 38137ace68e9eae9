//! What the flow's steps and the live commands work with: the desk, prompts, sound and recordings.
//! Knows neither steps nor commands.

use super::audio::Audio;
use super::children::Children;
use super::desk::Desk;
use super::prompts::{Prompts, Sound};
use super::recording::{Ask, Recordings};
use crate::{Fetch, FetchId};
use model::flow::Condition;
use model::flow::variable::{self, Variables};
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
    /// The call's own variables.
    #[serde(default)]
    variables: Variables,
    last_digits: u32,
    last_listen: u32,
    #[serde(default)]
    last_attendance: u32,
    #[serde(default)]
    last_fetch: u32,
}

impl Stage {
    /// An empty stage.
    pub(super) fn new(mut desk: Desk) -> Self {
        let variables = std::mem::take(&mut desk.setup.variables);
        let (prompts, audio, recordings, children, keys, speech) = Default::default();
        Self {
            desk,
            prompts,
            audio,
            recordings,
            keys,
            speech,
            confidence: None,
            hints: Vec::new(),
            variables,
            last_digits: 0,
            last_listen: 0,
            children,
            last_attendance: 0,
            last_fetch: 0,
        }
    }

    /// Whether the call is answered.
    pub(super) const fn is_answered(&self) -> bool {
        self.desk.call.answered_at.is_some()
    }

    /// The value of a variable; none if there is none of this name.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let call = &self.desk.call;
        Some(match name {
            "keys" => self.keys.expose().clone(),
            "speech" => self.speech.expose().clone(),
            "from" => call.from.expose().clone(),
            "to" => call.to.expose().clone(),
            "call_id" => call.id.to_string(),
            "amd" => call.amd.as_ref().map(|amd| amd.finding.result.name().to_owned()).unwrap_or_default(),
            _ => self.variables.get(name)?.expose().clone(),
        })
    }

    /// The call's own variables.
    pub(super) const fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Whether a condition holds. A variable that nothing has set is empty.
    pub(super) fn holds(&self, condition: &Condition) -> bool {
        condition.holds(&self.value(condition.variable.name()).unwrap_or_default())
    }

    /// Gives a variable a value; false where that would be one variable too many.
    pub(super) fn set_variable(&mut self, name: String, value: Pii<String>) -> bool {
        let fits = self.variables.len() < variable::COUNT_MAX || self.variables.contains_key(&name);
        if fits {
            self.variables.insert(name, value);
        }
        fits
    }

    /// Asks the app for steps; the number is reported with its answer.
    pub(super) fn fetch(&mut self, url: String, timeout_ms: u32) -> FetchId {
        self.last_fetch = self.last_fetch.wrapping_add(1);
        let id = FetchId(self.last_fetch);
        let mut variables = self.variables.clone();
        variables.insert("keys".to_owned(), self.keys.clone());
        variables.insert("speech".to_owned(), self.speech.clone());
        self.desk.order_fetch(Fetch { id, url, timeout_ms, variables });
        id
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
