//! `goto`: goes on at a label.

use super::super::stage::Stage;
use super::{FlowStep, Progress, StepEvent};
use model::event::CommandOutcome;
use model::flow;
use serde::{Deserialize, Serialize};

/// A jump.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Goto {
    label: String,
}

impl Goto {
    pub(super) fn prepare(goto: &flow::Goto) -> Self {
        Self { label: goto.label.clone() }
    }
}

impl FlowStep for Goto {
    fn start(&mut self, _stage: &mut Stage) -> Progress {
        Progress::Jump { outcome: CommandOutcome::Completed, label: self.label.clone() }
    }

    fn on_event(&mut self, _event: &StepEvent, _stage: &mut Stage) -> Progress {
        Progress::Running
    }
}
