//! `hangup`: ends the call.

use super::super::stage::Stage;
use super::{FlowStep, Progress, StepEvent};
use serde::{Deserialize, Serialize};

/// The end of the call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Hangup;

impl FlowStep for Hangup {
    fn start(&mut self, _stage: &mut Stage) -> Progress {
        Progress::HangUp
    }

    fn on_event(&mut self, _event: &StepEvent, _stage: &mut Stage) -> Progress {
        Progress::Running
    }
}
