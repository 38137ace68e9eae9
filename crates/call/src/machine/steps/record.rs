//! `record`: keeps what the far side says until a key, silence or the length ends it. The file comes later.

use super::super::recording::{Ask, RECORDINGS_FULL};
use super::super::stage::Stage;
use super::super::timers::Timer;
use super::sounding::{Cue, Sounding};
use super::{FlowStep, Progress, StepEvent};
use model::event::CommandOutcome;
use model::recording::{RecordingEnd, RecordingOrigin};
use model::sound::{MediaOrder, RecordSource};
use model::{CommandId, RecordingId, flow};
use serde::{Deserialize, Serialize};

/// A recording of the far side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Record {
    id: CommandId,
    beep: Option<Sounding>,
    /// The recording that runs; none while the beep sounds.
    recording: Option<RecordingId>,
    end_key: Option<char>,
    length_ms_max: u32,
    silence_ms: u32,
    transcribe: bool,
    transcribe_locale: String,
}

impl Record {
    pub(super) fn prepare(id: CommandId, record: &flow::Record, stage: &mut Stage) -> Self {
        let beep = record.beep.then(|| Sounding::new(stage.prompts.beep(&mut stage.desk)));
        Self {
            id,
            beep,
            recording: None,
            end_key: record.end_key,
            length_ms_max: record.length_ms_max,
            silence_ms: record.silence_ms,
            transcribe: record.transcribe,
            transcribe_locale: record.transcribe_locale.clone(),
        }
    }

    fn on_beep(&mut self, cue: Cue, stage: &mut Stage) -> Progress {
        match cue {
            Cue::Going => Progress::Running,
            Cue::Over(_) => self.keep(stage),
            Cue::Failed(reason) => Progress::failed(reason),
        }
    }

    fn keep(&mut self, stage: &mut Stage) -> Progress {
        // The step watches the length itself: with it, the step is over.
        let ask = Ask {
            named_by: Some(self.id),
            source: RecordSource::Received,
            origin: RecordingOrigin::Message,
            length_ms_max: None,
            transcribe: self.transcribe,
            transcribe_locale: self.transcribe.then(|| self.transcribe_locale.clone()),
        };
        self.recording = stage.start_recording(ask);
        if self.recording.is_none() {
            return Progress::failed(RECORDINGS_FULL);
        }
        stage.desk.order_media(MediaOrder::WatchVoice { on: true });
        stage.desk.set_timer(Timer::Silence, self.silence_ms.into());
        stage.desk.set_timer(Timer::Length, self.length_ms_max.into());
        Progress::Running
    }

    fn on_kept(&mut self, recording: RecordingId, event: &StepEvent, stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Digit(key) if Some(*key) == self.end_key => self.finish(RecordingEnd::EndKey, stage),
            StepEvent::Timer(Timer::Silence) => self.finish(RecordingEnd::Silence, stage),
            StepEvent::Timer(Timer::Length) => self.finish(RecordingEnd::LengthMax, stage),
            StepEvent::Voice { speaking: true } => {
                stage.desk.timers.clear(Timer::Silence);
                Progress::Running
            }
            StepEvent::Voice { speaking: false } => {
                stage.desk.set_timer(Timer::Silence, self.silence_ms.into());
                Progress::Running
            }
            StepEvent::RecordingOver(over, result) if *over == recording => {
                self.end(RecordingEnd::Command, stage);
                match result {
                    Ok(()) => Progress::Done(CommandOutcome::Completed),
                    Err(reason) => Progress::failed(reason.as_str()),
                }
            }
            _ => Progress::Running,
        }
    }

    fn finish(&mut self, by: RecordingEnd, stage: &mut Stage) -> Progress {
        self.end(by, stage);
        Progress::Done(CommandOutcome::Completed)
    }

    fn end(&mut self, by: RecordingEnd, stage: &mut Stage) {
        if let Some(recording) = self.recording.take() {
            stage.stop_recording(recording, by);
            stage.desk.order_media(MediaOrder::WatchVoice { on: false });
        }
    }
}

impl FlowStep for Record {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        let cue = self.beep.as_mut().map(|beep| beep.start(stage));
        match cue {
            Some(cue) => self.on_beep(cue, stage),
            None => self.keep(stage),
        }
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        if let Some(recording) = self.recording {
            return self.on_kept(recording, event, stage);
        }
        let cue = self.beep.as_mut().map_or(Cue::Going, |beep| beep.on_event(event, stage));
        self.on_beep(cue, stage)
    }

    fn stop(&mut self, stage: &mut Stage) {
        self.end(RecordingEnd::Interrupted, stage);
    }

    fn forget(&mut self, stage: &mut Stage) {
        if let Some(beep) = &self.beep {
            beep.forget(stage);
        }
    }
}
