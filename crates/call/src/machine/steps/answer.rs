//! `answer`: accepts an inbound call; nothing where it is answered already.

use super::super::stage::Stage;
use super::{FlowStep, Progress, StepEvent};
use model::event::CommandOutcome;
use serde::{Deserialize, Serialize};

/// The answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Answer;

impl FlowStep for Answer {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        if stage.is_answered() { Progress::Done(CommandOutcome::Completed) } else { Progress::Answer }
    }

    fn on_event(&mut self, event: &StepEvent, _stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Answered => Progress::Done(CommandOutcome::Completed),
            _ => Progress::Running,
        }
    }
}
