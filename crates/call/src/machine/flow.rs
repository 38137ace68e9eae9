//! The cursor of a call's flow: which step runs, which are skipped, what comes next. Knows no step's inside.

use super::hangup::Intent;
use super::stage::Stage;
use super::steps::{Progress, Step, StepEvent};
use model::event::CommandOutcome;
use model::flow::{Condition, Variable};
use model::timeline::TimelineKind;
use model::{CommandId, speech};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A flow and where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Flow {
    plan: model::flow::Flow,
    /// The steps to come, made when the call starts.
    coming: VecDeque<Planned>,
    running: Option<Planned>,
}

/// A step and what stands around it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Planned {
    id: CommandId,
    number: usize,
    name: String,
    conditions: Vec<Condition>,
    step: Step,
}

impl Flow {
    /// A flow as it was given.
    pub(super) const fn new(plan: model::flow::Flow) -> Self {
        Self { plan, coming: VecDeque::new(), running: None }
    }

    /// The call starts: orders the prompts of all steps, so that they are ready when it is answered.
    pub(super) fn prepare(&mut self, stage: &mut Stage) {
        let mut hints = speech::hints(&self.plan.steps);
        let steps = std::mem::take(&mut self.plan.steps);
        for (at, planned) in steps.into_iter().enumerate() {
            stage.hints = hints.get_mut(at).map(std::mem::take).unwrap_or_default();
            let step = Step::prepare(planned.id, &planned.command, stage);
            self.coming.push_back(Planned {
                id: planned.id,
                number: at + 1,
                name: planned.command.name().to_owned(),
                conditions: planned.conditions,
                step,
            });
        }
    }

    /// Runs the next step, until one waits for something. At the end: why the call is to be hung up.
    pub(super) fn advance(&mut self, stage: &mut Stage) -> Option<Intent> {
        while let Some(mut next) = self.coming.pop_front() {
            if !next.conditions.iter().all(|condition| holds(condition, stage)) {
                next.finish(CommandOutcome::Skipped, stage);
                continue;
            }
            stage.desk.note(TimelineKind::Flow, format!("step {}: {}", next.number, next.name));
            match next.step.as_step().start(stage) {
                Progress::Running => {
                    self.running = Some(next);
                    return None;
                }
                Progress::Done(outcome) => next.finish(outcome, stage),
                Progress::HangUp => {
                    next.finish(CommandOutcome::Completed, stage);
                    return Some(Intent::Step);
                }
            }
        }
        Some(Intent::Flow)
    }

    /// Something happened that may concern the running step.
    pub(super) fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Option<Intent> {
        let running = self.running.as_mut()?;
        let outcome = match running.step.as_step().on_event(event, stage) {
            Progress::Running => return None,
            Progress::Done(outcome) => Some(outcome),
            Progress::HangUp => None,
        };
        if let Some(mut over) = self.running.take() {
            over.finish(outcome.clone().unwrap_or(CommandOutcome::Completed), stage);
        }
        if outcome.is_some() { self.advance(stage) } else { Some(Intent::Step) }
    }

    /// The call ends.
    pub(super) fn stop(&mut self, stage: &mut Stage) {
        for mut planned in self.coming.drain(..) {
            planned.step.as_step().forget(stage);
        }
        if let Some(mut running) = self.running.take() {
            running.step.as_step().stop(stage);
            running.finish(CommandOutcome::Cancelled, stage);
        }
    }
}

impl Planned {
    /// Clears up behind the step, and says how it went.
    fn finish(&mut self, outcome: CommandOutcome, stage: &mut Stage) {
        stage.desk.timers.clear_step();
        self.step.as_step().forget(stage);
        stage.desk.complete(self.id, &self.name, outcome);
    }
}

fn holds(condition: &Condition, stage: &Stage) -> bool {
    condition.holds(match condition.variable {
        Variable::Keys => stage.keys.expose(),
        Variable::Speech => stage.speech.expose(),
        Variable::Named(_) => "",
    })
}
