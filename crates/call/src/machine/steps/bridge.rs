//! `bridge`: calls somebody else and connects the two parties as soon as the other call is ready. Meanwhile the party
//! here hears it ring, or what the other side lets its callers hear.

use super::super::children::CHILDREN_FULL;
use super::super::prompts::Sound;
use super::super::stage::Stage;
use super::sounding::{Cue, Sounding};
use super::{FlowStep, Progress, StepEvent};
use model::call::{CallEnd, EndReason};
use model::child::{ChildFact, ChildSetup};
use model::event::{CommandOutcome, EventBody};
use model::flow::variable::Variables;
use model::sound::MediaOrder;
use model::{CallId, LegId, flow};
use serde::{Deserialize, Serialize};

/// Somebody to be called and connected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Bridge {
    /// Taken when the call is made.
    setup: Option<Box<ChildSetup>>,
    hangup_after: bool,
    tone: Option<Sounding>,
    child: Option<CallId>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// The other call is being made, and nothing is heard of it.
    Calling,
    /// It rings, or its own flow runs.
    Ringing,
    /// Its side is heard before it answers.
    Early,
    /// The two parties are connected.
    Together,
}

impl Bridge {
    pub(super) fn prepare(bridge: &flow::Bridge, stage: &mut Stage) -> Self {
        let setup = ChildSetup {
            from: bridge.from.clone(),
            to: bridge.to.clone(),
            ring_timeout_ms: bridge.ring_timeout_ms,
            max_duration_ms: bridge.max_duration_ms,
            flow: bridge.flow.clone(),
            variables: Variables::new(),
            record: bridge.record,
            notification: bridge.notification.clone(),
            amd: bridge.amd.clone(),
        };
        let tone = bridge.ring_tone.as_ref().map(|country| stage.prompts.ring_tone(country, &mut stage.desk));
        Self::new(setup, tone, bridge.hangup_after)
    }

    /// To somebody; the party here hears `tone` meanwhile.
    pub(super) fn new(setup: ChildSetup, tone: Option<Sound>, hangup_after: bool) -> Self {
        let (setup, tone) = (Some(Box::new(setup)), tone.map(Sounding::new));
        Self { setup, hangup_after, tone, child: None, state: State::Calling }
    }

    /// The call that is made.
    pub(super) const fn child(&self) -> Option<CallId> {
        self.child
    }

    /// The other call said something.
    pub(super) fn on_child(&mut self, child: CallId, fact: &ChildFact, stage: &mut Stage) -> Progress {
        match fact {
            ChildFact::Refused { reason } => self.over(Err(reason.clone()), stage),
            // Late words of a call that is connected already.
            ChildFact::Ringing { .. } | ChildFact::Answered if self.state == State::Together => {
                Progress::Running
            }
            ChildFact::Ringing { early_media: true } => {
                self.connect(child, State::Early, stage);
                Progress::Running
            }
            ChildFact::Ringing { early_media: false } | ChildFact::Answered => self.ring(stage),
            ChildFact::Ready { .. } => {
                if self.state != State::Together {
                    self.connect(child, State::Together, stage);
                    stage.children.join(child, &mut stage.desk);
                    stage.desk.emit(EventBody::joined(LegId::new(child, 0)));
                }
                Progress::Running
            }
            ChildFact::Ended(_) if self.state == State::Together => self.over(Ok(()), stage),
            ChildFact::Ended(end) => self.over(Err(unreached(end)), stage),
        }
    }

    /// The party here hears the other's side from now on.
    fn connect(&mut self, child: CallId, state: State, stage: &mut Stage) {
        self.quiet(stage);
        if !self.is_connected() {
            stage.desk.order_media(MediaOrder::Bridge { with: LegId::new(child, 0) });
        }
        self.state = state;
    }

    /// The other side rings, or its own flow runs: what is said there is not for here.
    fn ring(&mut self, stage: &mut Stage) -> Progress {
        if self.state == State::Early {
            stage.desk.order_media(MediaOrder::Unbridge);
        }
        if matches!(self.state, State::Calling | State::Early) {
            self.state = State::Ringing;
            let cue = self.tone.as_mut().map(|tone| tone.start(stage));
            self.on_tone(cue.as_ref());
        }
        Progress::Running
    }

    /// A tone that cannot be made is no reason not to connect.
    fn on_tone(&mut self, cue: Option<&Cue>) {
        if let Some(Cue::Failed(_)) = cue {
            self.tone = None;
        }
    }

    fn quiet(&mut self, stage: &mut Stage) {
        if let Some(tone) = &mut self.tone {
            tone.stop(stage);
        }
    }

    const fn is_connected(&self) -> bool {
        matches!(self.state, State::Early | State::Together)
    }

    /// Nothing connects the two any more.
    fn part(&mut self, stage: &mut Stage) {
        self.quiet(stage);
        if self.is_connected() {
            stage.desk.order_media(MediaOrder::Unbridge);
        }
        if let Some(child) = self.child.take() {
            if self.state == State::Together {
                stage.desk.emit(EventBody::left(LegId::new(child, 0)));
            }
            stage.children.end(child, &mut stage.desk);
        }
        self.state = State::Calling;
    }

    fn over(&mut self, result: Result<(), String>, stage: &mut Stage) -> Progress {
        let hangs_up = self.hangup_after && result.is_ok();
        self.part(stage);
        match result {
            Ok(()) if hangs_up => Progress::HangUp(None),
            Ok(()) => Progress::Done(CommandOutcome::Completed),
            Err(reason) => Progress::failed(reason),
        }
    }
}

impl FlowStep for Bridge {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        let Some(setup) = self.setup.take() else { return Progress::failed(CHILDREN_FULL) };
        let setup = ChildSetup { variables: stage.variables().clone(), ..*setup };
        self.child = stage.children.place(setup, &mut stage.desk);
        match self.child {
            Some(_) => Progress::Running,
            None => Progress::failed(CHILDREN_FULL),
        }
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Child(child, fact) if self.child == Some(*child) => self.on_child(*child, fact, stage),
            StepEvent::NotJoined(reason) if self.is_connected() => self.over(Err(reason.clone()), stage),
            _ if self.state == State::Ringing => {
                let cue = self.tone.as_mut().map(|tone| tone.on_event(event, stage));
                // Another sound took the tone's place; it rings still.
                let again = matches!(cue, Some(Cue::Over(_)));
                let cue = if again { self.tone.as_mut().map(|tone| tone.start(stage)) } else { cue };
                self.on_tone(cue.as_ref());
                Progress::Running
            }
            _ => Progress::Running,
        }
    }

    fn stop(&mut self, stage: &mut Stage) {
        self.part(stage);
    }

    fn forget(&mut self, stage: &mut Stage) {
        if let Some(tone) = &self.tone {
            tone.forget(stage);
        }
    }
}

/// Why the other party was never connected.
fn unreached(end: &CallEnd) -> String {
    let words = match end.reason {
        EndReason::Busy => "the called party is busy",
        EndReason::Rejected => "the called party declined",
        EndReason::NoAnswer => "the called party did not answer",
        EndReason::Canceled => "the other call was withdrawn",
        EndReason::Hangup => "the called party hung up before it was connected",
        _ => "the called party could not be reached",
    };
    match (end.cause.code, end.cause.phrase.as_str()) {
        (Some(code), phrase) if code >= 300 => format!("{words} ({code} {phrase})"),
        _ => words.to_owned(),
    }
}
