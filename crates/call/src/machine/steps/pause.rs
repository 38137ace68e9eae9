//! `pause`: waits, and hears nothing meanwhile.

use super::super::stage::Stage;
use super::super::timers::Timer;
use super::{FlowStep, Progress, StepEvent};
use model::event::CommandOutcome;
use model::flow;
use serde::{Deserialize, Serialize};

/// A wait.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Pause {
    length_ms: u32,
}

impl Pause {
    pub(super) const fn prepare(pause: &flow::Pause) -> Self {
        Self { length_ms: pause.length_ms }
    }
}

impl FlowStep for Pause {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        stage.desk.set_timer(Timer::Pause, self.length_ms.into());
        Progress::Running
    }

    fn on_event(&mut self, event: &StepEvent, _stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Timer(Timer::Pause) => Progress::Done(CommandOutcome::Completed),
            _ => Progress::Running,
        }
    }
}
