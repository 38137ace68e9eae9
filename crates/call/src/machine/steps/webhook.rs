//! `webhook`: asks the app for the next steps. They are put behind this one; without any, the flow goes on.

use super::super::stage::Stage;
use super::super::timers::Timer;
use super::{FlowStep, Progress, StepEvent};
use crate::output::FetchId;
use model::event::CommandOutcome;
use model::flow;
use serde::{Deserialize, Serialize};

/// How much longer than its two attempts an answer may take to come back.
const LATE_MS: u64 = 5_000;

/// A question to the app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Webhook {
    webhook: flow::Webhook,
    asked: Option<FetchId>,
}

impl Webhook {
    pub(super) fn prepare(webhook: &flow::Webhook) -> Self {
        Self { webhook: webhook.clone(), asked: None }
    }

    fn failed(&self, reason: impl Into<String>) -> Progress {
        let outcome = CommandOutcome::Failed { reason: reason.into() };
        match self.webhook.on_failure.clone() {
            Some(label) => Progress::Jump { outcome, label },
            None => Progress::Done(outcome),
        }
    }
}

impl FlowStep for Webhook {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        let flow::Webhook { url, timeout_ms, .. } = self.webhook.clone();
        stage.desk.set_timer(Timer::Fetch, 2 * u64::from(timeout_ms) + LATE_MS);
        self.asked = Some(stage.fetch(url, timeout_ms));
        Progress::Running
    }

    fn on_event(&mut self, event: &StepEvent, _stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Fetched(id, result) if Some(*id) == self.asked => match result {
                Ok(Some(flow)) => Progress::Insert(flow.clone()),
                Ok(None) => Progress::Done(CommandOutcome::Completed),
                Err(reason) => self.failed(reason.as_str()),
            },
            StepEvent::Timer(Timer::Fetch) => self.failed("the answer did not come in time"),
            _ => Progress::Running,
        }
    }
}
