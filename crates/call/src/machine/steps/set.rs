//! `set`: gives a variable of the call a value.

use super::super::stage::Stage;
use super::{FlowStep, Progress, StepEvent};
use model::event::CommandOutcome;
use model::flow;
use serde::{Deserialize, Serialize};

/// A variable's new value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Set {
    set: flow::Set,
}

impl Set {
    pub(super) fn prepare(set: &flow::Set) -> Self {
        Self { set: set.clone() }
    }
}

impl FlowStep for Set {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        let flow::Set { variable, value } = self.set.clone();
        if stage.set_variable(variable, value) {
            return Progress::Done(CommandOutcome::Completed);
        }
        Progress::failed(format!("a call has at most {} variables", flow::variable::COUNT_MAX))
    }

    fn on_event(&mut self, _event: &StepEvent, _stage: &mut Stage) -> Progress {
        Progress::Running
    }
}
