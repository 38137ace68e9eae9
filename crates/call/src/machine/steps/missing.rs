//! Stands for the steps that this server cannot take yet: fails at once, and the flow goes on.

use super::super::stage::Stage;
use super::{FlowStep, Progress, StepEvent};
use serde::{Deserialize, Serialize};

/// What is said of them.
pub(in super::super) const MISSING: &str = "not built yet";

/// A step that cannot be taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Missing;

impl FlowStep for Missing {
    fn start(&mut self, _stage: &mut Stage) -> Progress {
        Progress::failed(MISSING)
    }

    fn on_event(&mut self, _event: &StepEvent, _stage: &mut Stage) -> Progress {
        Progress::Running
    }
}
