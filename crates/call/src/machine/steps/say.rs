//! `say`: speaks a text to its end.

use super::super::stage::Stage;
use super::sounding::Sounding;
use super::{FlowStep, Progress, StepEvent};
use model::flow;
use serde::{Deserialize, Serialize};

/// A text to be spoken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Say {
    sounding: Sounding,
}

impl Say {
    pub(super) fn prepare(say: &flow::Say, stage: &mut Stage) -> Self {
        Self { sounding: Sounding::new(stage.prompts.say(say, &mut stage.desk)) }
    }
}

impl FlowStep for Say {
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
