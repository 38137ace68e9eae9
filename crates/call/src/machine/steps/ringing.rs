//! `ringing`: lets an inbound caller hear that it rings, or opens the sound before the answer.

use super::super::stage::Stage;
use super::super::timers::Timer;
use super::{FlowStep, Progress, StepEvent};
use model::event::CommandOutcome;
use model::flow;
use serde::{Deserialize, Serialize};

/// How long the carrier may take to open the sound; the flow goes on without it then.
const EARLY_MEDIA_MS: u64 = 2_000;

/// The ringing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Ringing {
    early_media: bool,
}

impl Ringing {
    pub(super) const fn prepare(ringing: flow::Ringing) -> Self {
        Self { early_media: ringing.early_media }
    }
}

impl FlowStep for Ringing {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        if stage.is_answered() {
            return Progress::failed("the call is answered already");
        }
        let wait_ms = if self.early_media { EARLY_MEDIA_MS } else { 0 };
        stage.desk.set_timer(Timer::Pause, wait_ms);
        Progress::Ring { early_media: self.early_media }
    }

    fn on_event(&mut self, event: &StepEvent, _stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Rung | StepEvent::Answered | StepEvent::Timer(Timer::Pause) => {
                Progress::Done(CommandOutcome::Completed)
            }
            _ => Progress::Running,
        }
    }
}
