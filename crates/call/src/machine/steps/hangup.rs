//! `hangup`: ends the call, or refuses it.

use super::super::stage::Stage;
use super::{FlowStep, Progress, StepEvent};
use model::flow;
use serde::{Deserialize, Serialize};

/// The end of the call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Hangup {
    hangup: flow::Hangup,
}

impl Hangup {
    pub(super) const fn prepare(hangup: flow::Hangup) -> Self {
        Self { hangup }
    }
}

impl FlowStep for Hangup {
    fn start(&mut self, _stage: &mut Stage) -> Progress {
        Progress::HangUp(self.hangup.cause)
    }

    fn on_event(&mut self, _event: &StepEvent, _stage: &mut Stage) -> Progress {
        Progress::Running
    }
}
