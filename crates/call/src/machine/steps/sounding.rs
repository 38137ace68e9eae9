//! A sound that a step plays: waits for its prompts, plays them, and tells the step when it is over.
//! Shared by the steps that make sound.

use super::super::audio::SoundEnd;
use super::super::prompts::{Readiness, Sound};
use super::super::stage::Stage;
use super::super::timers::Timer;
use super::{Progress, StepEvent};
use model::event::CommandOutcome;
use serde::{Deserialize, Serialize};

/// How long a step waits for its prompts.
pub(in super::super) const PROMPT_MS: u64 = 30_000;
/// What a step says of a prompt that did not come.
pub(in super::super) const PROMPT_LATE: &str = "the prompt was not ready in time";
/// What a step says of a sound that ended early.
pub(in super::super) const SOUND_BROKEN: &str = "the sound broke off before its end";

/// A step's sound.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sounding {
    sound: Sound,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Idle,
    Waiting,
    Playing,
}

/// Where a step's sound stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cue {
    /// It waits or plays, or was not concerned.
    Going,
    /// It is over.
    Over(SoundEnd),
    /// It could not be played.
    Failed(String),
}

impl Cue {
    /// What it means for a step that only plays.
    pub(super) fn progress(self) -> Progress {
        match self {
            Self::Going => Progress::Running,
            Self::Over(SoundEnd::Played) => Progress::Done(CommandOutcome::Completed),
            Self::Over(SoundEnd::Cut | SoundEnd::Replaced) => Progress::Done(CommandOutcome::Cancelled),
            Self::Over(SoundEnd::Broken) => Progress::failed(SOUND_BROKEN),
            Self::Failed(reason) => Progress::failed(reason),
        }
    }
}

impl Sounding {
    /// A sound whose prompts are ordered.
    pub(super) const fn new(sound: Sound) -> Self {
        Self { sound, state: State::Idle }
    }

    /// Plays it as soon as its prompts are ready.
    pub(super) fn start(&mut self, stage: &mut Stage) -> Cue {
        match stage.prompts.readiness(&self.sound) {
            Readiness::Waiting => {
                if self.state != State::Waiting {
                    stage.desk.set_timer(Timer::StepPrompt, PROMPT_MS);
                }
                self.state = State::Waiting;
                Cue::Going
            }
            Readiness::Failed { reason } => self.end(Cue::Failed(reason), stage),
            Readiness::Ready { .. } if self.sound.prompts.is_empty() => {
                self.end(Cue::Over(SoundEnd::Played), stage)
            }
            Readiness::Ready { length_ms } => {
                stage.desk.timers.clear(Timer::StepPrompt);
                self.state = State::Playing;
                stage.play_step(&self.sound, length_ms);
                Cue::Going
            }
        }
    }

    /// Takes what concerns the sound.
    pub(super) fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Cue {
        match (self.state, event) {
            (State::Waiting, StepEvent::Prompt) => self.start(stage),
            (State::Waiting, StepEvent::Timer(Timer::StepPrompt)) => {
                self.end(Cue::Failed(PROMPT_LATE.to_owned()), stage)
            }
            (State::Playing, StepEvent::SoundOver(end)) => self.end(Cue::Over(*end), stage),
            _ => Cue::Going,
        }
    }

    /// Cuts it, or no longer waits for it.
    pub(super) fn stop(&mut self, stage: &mut Stage) {
        stage.stop_step_sound();
        self.end(Cue::Going, stage);
    }

    /// It will not be played again.
    pub(super) fn forget(&self, stage: &mut Stage) {
        stage.prompts.forget(&self.sound);
    }

    fn end(&mut self, cue: Cue, stage: &mut Stage) -> Cue {
        stage.desk.timers.clear(Timer::StepPrompt);
        self.state = State::Idle;
        cue
    }
}
