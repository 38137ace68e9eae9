//! The cursor of a call's flow: which step runs, which are skipped, what comes next. Knows no step's inside.

mod planned;

use super::hangup::Intent;
use super::stage::Stage;
use super::steps::{Progress, Step, StepEvent};
use model::CommandId;
use model::event::CommandOutcome;
use model::flow::FlowCommand;
use model::timeline::TimelineKind;
use planned::{Planned, Running};
use serde::{Deserialize, Serialize};

/// Steps whose prompts are ordered when the call starts; those of later ones when their turn comes.
const PREPARED_MAX: usize = 20;
/// Most steps that a call takes, jumps and what was fetched included.
const TAKEN_MAX: u32 = 10_000;
/// Most steps that are taken without anything to wait for.
const AT_ONCE_MAX: u32 = 250;
/// Most steps of a flow, with all that was fetched.
const STEPS_MAX: usize = 200;

/// What the flow wants of the rest of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To end it.
    End(Intent),
    /// That an inbound call be answered; the flow goes on then.
    Answer,
    /// That an inbound caller hear that it rings.
    Ring {
        /// Whether sound is to be opened.
        early_media: bool,
    },
}

/// A flow and where it stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Flow {
    steps: Vec<Planned>,
    /// Which step has the next turn.
    next: usize,
    running: Option<Running>,
    /// A flow was given: when it has run to its end, the call ends.
    given: bool,
    /// Its first step has had its turn.
    begun: bool,
    /// The next step needs an answered call.
    wants_answer: bool,
    taken: u32,
}

/// What follows a step.
enum After {
    Next,
    Wait(Option<Wish>),
}

impl Flow {
    /// A flow as it was given, or none.
    pub(super) fn new(plan: Option<model::flow::Flow>) -> Self {
        let given = plan.is_some();
        let steps = Planned::all(plan.unwrap_or_default(), None);
        Self { steps, given, ..Self::default() }
    }

    /// Whether it is for the flow to say when an inbound call rings and is answered, or refused.
    pub(super) fn begins_before_answer(&self) -> bool {
        use FlowCommand::{Answer, Goto, Hangup, Label, Ringing, Set};
        let silent = |planned: &&Planned| !matches!(planned.command, Label(_) | Set(_) | Goto(_));
        let first = self.steps.iter().find(silent);
        first.is_some_and(|planned| matches!(planned.command, Answer | Ringing(_) | Hangup(_)))
    }

    /// Whether a flow was given: when it has run to its end, so has the call.
    pub(super) const fn is_given(&self) -> bool {
        self.given
    }

    /// Whether the running step is a conference.
    pub(super) const fn is_in_conference(&self) -> bool {
        matches!(self.running, Some(Running { step: Step::Conference(_), .. }))
    }

    /// Orders the prompts of the first steps, so that they are ready when the call is answered.
    pub(super) fn prepare(&mut self, stage: &mut Stage) {
        for planned in self.steps.iter_mut().take(PREPARED_MAX) {
            planned.prepare(stage);
        }
    }

    /// The call is answered.
    pub(super) fn on_answered(&mut self, stage: &mut Stage) -> Option<Wish> {
        if !self.begun || std::mem::take(&mut self.wants_answer) {
            return self.advance(stage);
        }
        self.on_event(&StepEvent::Answered, stage)
    }

    /// Runs the next steps, until one waits for something. At the end: why the call is to be hung up.
    pub(super) fn advance(&mut self, stage: &mut Stage) -> Option<Wish> {
        self.begun = true;
        for _ in 0..AT_ONCE_MAX {
            let at = self.next;
            let Some(planned) = self.steps.get_mut(at) else {
                return self.given.then_some(Wish::End(Intent::Flow));
            };
            if needs_answer(&planned.command, stage) {
                self.wants_answer = true;
                return Some(Wish::Answer);
            }
            self.next += 1;
            if planned.is_label() {
                continue;
            }
            self.taken += 1;
            if self.taken > TAKEN_MAX {
                break;
            }
            let Some(running) = planned.take(stage) else { continue };
            stage.desk.note(TimelineKind::Flow, format!("step {}: {}", at + 1, running.name));
            if let After::Wait(wish) = self.start(running, stage) {
                return wish;
            }
        }
        stage.desk.note(TimelineKind::Flow, "the flow takes steps without end");
        Some(Wish::End(Intent::Runaway))
    }

    /// Something happened that may concern the running step.
    pub(super) fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Option<Wish> {
        let mut running = self.running.take()?;
        let progress = running.step.as_step().on_event(event, stage);
        match self.follow(running, progress, stage) {
            After::Next => self.advance(stage),
            After::Wait(wish) => wish,
        }
    }

    /// Runs a live command in place of the running step; the flow goes on with the next step when it is over.
    pub(super) fn interject(
        &mut self,
        id: CommandId,
        name: &str,
        command: &FlowCommand,
        stage: &mut Stage,
    ) -> Option<Wish> {
        if let Some(running) = self.running.take() {
            running.cancel(stage);
        }
        stage.hints.clear();
        let step = Step::prepare(id, command, stage);
        match self.start(Running { id, name: name.to_owned(), step }, stage) {
            After::Next => self.advance(stage),
            After::Wait(wish) => wish,
        }
    }

    /// Another flow takes this one's place. It does not begin yet.
    pub(super) fn replace(&mut self, plan: model::flow::Flow, stage: &mut Stage) {
        self.stop(stage);
        let taken = self.taken;
        *self = Self { taken, ..Self::new(Some(plan)) };
        self.prepare(stage);
    }

    /// The call ends, or another flow comes: what runs, and what has had no turn, is cancelled in order.
    pub(super) fn stop(&mut self, stage: &mut Stage) {
        if let Some(running) = self.running.take() {
            running.cancel(stage);
        }
        for mut planned in self.steps.drain(..) {
            planned.cancel(stage);
        }
        self.next = 0;
    }

    fn start(&mut self, mut running: Running, stage: &mut Stage) -> After {
        let progress = running.step.as_step().start(stage);
        self.follow(running, progress, stage)
    }

    fn follow(&mut self, running: Running, progress: Progress, stage: &mut Stage) -> After {
        match progress {
            Progress::Running => return self.wait(running, None),
            Progress::Answer => return self.wait(running, Some(Wish::Answer)),
            Progress::Ring { early_media } => {
                return self.wait(running, Some(Wish::Ring { early_media }));
            }
            Progress::Done(outcome) => running.finish(outcome, stage),
            Progress::HangUp(cause) => {
                running.finish(CommandOutcome::Completed, stage);
                let refuse = |cause| Intent::Refuse { cause, by_flow: true };
                let answered = stage.is_answered();
                let intent = cause.filter(|_| !answered).map_or(Intent::Step, refuse);
                return After::Wait(Some(Wish::End(intent)));
            }
            Progress::Jump { outcome, label } => self.jump(running, outcome, &label, stage),
            Progress::Insert(steps) => self.insert(running, steps, stage),
        }
        After::Next
    }

    fn wait(&mut self, running: Running, wish: Option<Wish>) -> After {
        self.running = Some(running);
        After::Wait(wish)
    }

    fn jump(&mut self, running: Running, outcome: CommandOutcome, label: &str, stage: &mut Stage) {
        let is_it =
            |planned: &Planned| matches!(&planned.command, FlowCommand::Label(it) if it.name == label);
        match self.steps.iter().position(is_it) {
            Some(at) => {
                self.next = at;
                running.finish(outcome, stage);
            }
            None => {
                let reason = format!("the flow has no label {label}");
                running.finish(CommandOutcome::Failed { reason }, stage);
            }
        }
    }

    /// Puts fetched steps behind the step that fetched them, in place of those that it fetched before.
    fn insert(&mut self, running: Running, plan: model::flow::Flow, stage: &mut Stage) {
        let by = running.id;
        let Some(at) = self.steps.iter().position(|planned| planned.id == by) else {
            return running.finish(CommandOutcome::Completed, stage);
        };
        self.drop_fetched(by, stage);
        if self.steps.len() + plan.steps.len() > STEPS_MAX {
            let reason = format!("the flow would have more than {STEPS_MAX} steps");
            return running.finish(CommandOutcome::Failed { reason }, stage);
        }
        let mut fresh = Planned::all(plan, Some(by));
        for planned in &mut fresh {
            planned.id = stage.desk.command_id();
        }
        running.finish(CommandOutcome::Completed, stage);
        for planned in fresh.iter_mut().take(PREPARED_MAX) {
            planned.prepare(stage);
        }
        let behind = (at + 1).min(self.steps.len());
        self.steps.splice(behind..behind, fresh);
        self.next = behind;
    }

    /// Removes what a step fetched before, and what that fetched.
    fn drop_fetched(&mut self, by: CommandId, stage: &mut Stage) {
        let mut gone = vec![by];
        while let Some(by) = gone.pop() {
            for mut planned in self.steps.extract_if(.., |planned| planned.fetched_by == Some(by)) {
                planned.cancel(stage);
                gone.push(planned.id);
            }
        }
    }
}

/// Whether the step can be taken only once an inbound call is answered. What only sounds can be heard before, where
/// the sound is open.
fn needs_answer(command: &FlowCommand, stage: &Stage) -> bool {
    use FlowCommand::{
        Answer, Bridge, Conference, Dtmf, Gather, Goto, Hangup, Label, Pause, Playback, Queue, Record,
        Ringing, Say, Set, Transfer, Webhook,
    };
    match command {
        Answer | Ringing(_) | Hangup(_) | Label(_) | Goto(_) | Set(_) | Pause(_) | Webhook(_) => false,
        Say(_) | Playback(_) => !stage.desk.connected,
        Gather(_) | Record(_) | Bridge(_) | Dtmf(_) | Transfer(_) | Conference(_) | Queue(_) => {
            !stage.is_answered()
        }
    }
}
