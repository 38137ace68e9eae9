//! `playback`: plays files to their end.

use super::super::stage::Stage;
use super::sounding::Sounding;
use super::{FlowStep, Progress, StepEvent};
use model::flow;
use serde::{Deserialize, Serialize};

/// Files to be played.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Playback {
    sounding: Sounding,
}

impl Playback {
    pub(super) fn prepare(playback: &flow::Playback, stage: &mut Stage) -> Self {
        Self { sounding: Sounding::new(stage.prompts.playback(playback, &mut stage.desk)) }
    }
}

impl FlowStep for Playback {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        self.sounding.start(stage).progress()
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        self.sounding.on_event(event, stage).progress()
    }

    fn forget(&mut self, stage: &mut Stage) {
        self.sounding.forget(stage);
    }
}
