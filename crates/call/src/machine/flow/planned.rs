//! A step of a flow before and while it runs. Knows not what comes after it.

use super::super::stage::Stage;
use super::super::steps::Step;
use crate::template;
use model::event::CommandOutcome;
use model::flow::{Condition, FlowCommand};
use model::{CommandId, speech};
use serde::{Deserialize, Serialize};

/// A step of the flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Planned {
    pub(super) id: CommandId,
    pub(super) command: FlowCommand,
    conditions: Vec<Condition>,
    /// What the steps behind it expect to be said.
    hints: Vec<String>,
    /// Made ahead of its turn, so that its prompts are ready then.
    prepared: Option<Step>,
    /// It had a turn.
    pub(super) reached: bool,
    /// The step that fetched it, if one did.
    pub(super) fetched_by: Option<CommandId>,
}

impl Planned {
    fn new(step: model::flow::Step, hints: Vec<String>, fetched_by: Option<CommandId>) -> Self {
        let model::flow::Step { id, command, conditions } = step;
        Self { id, command, conditions, hints, prepared: None, reached: false, fetched_by }
    }

    /// A flow's steps, none of which has had a turn.
    pub(super) fn all(plan: model::flow::Flow, fetched_by: Option<CommandId>) -> Vec<Self> {
        let hints = speech::hints(&plan.steps).into_iter().chain(std::iter::repeat_with(Vec::new));
        plan.steps.into_iter().zip(hints).map(|(step, hints)| Self::new(step, hints, fetched_by)).collect()
    }

    /// Whether it is a mark, of which nothing is told.
    pub(super) const fn is_label(&self) -> bool {
        matches!(self.command, FlowCommand::Label(_))
    }

    /// Orders its prompts now, if what they say is known.
    pub(super) fn prepare(&mut self, stage: &mut Stage) {
        if !template::is_templated(&self.command) {
            stage.hints.clone_from(&self.hints);
            self.prepared = Some(Step::prepare(self.id, &self.command, stage));
        }
    }

    /// Its turn has come: the step, or none if it is over already.
    pub(super) fn take(&mut self, stage: &mut Stage) -> Option<Running> {
        self.reached = true;
        if !self.conditions.iter().all(|condition| stage.holds(condition)) {
            self.skip(CommandOutcome::Skipped, stage);
            return None;
        }
        stage.desk.begin(self.id, self.command.name());
        let prepared = self.prepared.take().map_or_else(|| self.fill(stage), Ok);
        match prepared {
            Ok(step) => Some(Running { id: self.id, name: self.command.name().to_owned(), step }),
            Err(reason) => {
                stage.desk.complete(self.id, self.command.name(), CommandOutcome::Failed { reason });
                None
            }
        }
    }

    fn fill(&self, stage: &mut Stage) -> Result<Step, String> {
        let filled = template::filled(&self.command, &|name| stage.value(name))?;
        stage.hints.clone_from(&self.hints);
        Ok(Step::prepare(self.id, &filled, stage))
    }

    /// It will have no turn.
    pub(super) fn cancel(&mut self, stage: &mut Stage) {
        if !self.reached && !self.is_label() {
            self.skip(CommandOutcome::Cancelled, stage);
        }
    }

    fn skip(&mut self, outcome: CommandOutcome, stage: &mut Stage) {
        if let Some(mut step) = self.prepared.take() {
            step.as_step().forget(stage);
        }
        stage.desk.complete(self.id, self.command.name(), outcome);
    }
}

/// The step that runs: one of the flow, or one that a live command put in its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) id: CommandId,
    pub(super) name: String,
    pub(super) step: Step,
}

impl Running {
    /// Clears up behind the step, and says how it went.
    pub(super) fn finish(mut self, outcome: CommandOutcome, stage: &mut Stage) {
        stage.desk.timers.clear_step();
        self.step.as_step().forget(stage);
        stage.desk.complete(self.id, &self.name, outcome);
    }

    /// It is stopped in the middle.
    pub(super) fn cancel(mut self, stage: &mut Stage) {
        self.step.as_step().stop(stage);
        stage.stop_step_sound();
        self.finish(CommandOutcome::Cancelled, stage);
    }
}
