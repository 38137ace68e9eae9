//! The flow's commands, one file each, behind one trait. A new command is a new file and a line in each of the
//! lists below (docs/adding-a-flow-command.md).

mod answer;
mod bridge;
mod conference;
mod dtmf;
mod gather;
mod goto;
mod hangup;
mod missing;
mod pause;
mod playback;
mod queue;
mod record;
mod ringing;
mod say;
mod set;
mod sounding;
mod transfer;
mod webhook;

pub(super) use missing::MISSING;
pub(super) use sounding::{PROMPT_LATE, PROMPT_MS, SOUND_BROKEN};

use super::audio::SoundEnd;
use super::stage::Stage;
use super::timers::Timer;
use crate::output::FetchId;
use model::child::ChildFact;
use model::event::CommandOutcome;
use model::flow::{FlowCommand, HangupCause};
use model::meeting::{Attendance, ConferenceFact, QueueFact};
use model::sound::DigitsId;
use model::speech::SpeechFact;
use model::transfer::TransferFact;
use model::{CallId, CommandId, RecordingId};
use serde::{Deserialize, Serialize};

/// One command of a flow while it waits and runs.
pub(super) trait FlowStep {
    /// Its turn has come.
    fn start(&mut self, stage: &mut Stage) -> Progress;

    /// Something happened while it runs.
    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress;

    /// The call ends while it runs. Its timers and its sound are stopped for it; here it does what else it owes.
    fn stop(&mut self, _stage: &mut Stage) {}

    /// It is over, or was skipped: the prompts it ordered will not be played.
    fn forget(&mut self, _stage: &mut Stage) {}
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    Running,
    /// It is over.
    Done(CommandOutcome),
    /// It is over, and so is the call. The cause is for a caller who was not answered.
    HangUp(Option<HangupCause>),
    /// It goes on when the inbound call is answered, and asks for that.
    Answer,
    /// It goes on, and an inbound caller is to hear that it rings.
    Ring {
        /// Whether sound is to be opened.
        early_media: bool,
    },
    /// It is over, and the flow goes on at a label.
    Jump {
        /// How it went.
        outcome: CommandOutcome,
        /// Where to go on.
        label: String,
    },
    /// It is over, and these steps come next. Their ids are not theirs yet.
    Insert(model::flow::Flow),
}

/// What a running step hears. No `Debug`: keys are personal.
#[derive(Clone, PartialEq)]
pub(super) enum StepEvent {
    /// The far side pressed a key.
    Digit(char),
    /// The far side began to speak, or fell silent.
    Voice {
        /// Whether it speaks now.
        speaking: bool,
    },
    /// Some prompt of the call is ready or has failed.
    Prompt,
    /// Its sound is over.
    SoundOver(SoundEnd),
    /// A recording is over; why there is no whole file, if there is none.
    RecordingOver(RecordingId, Result<(), String>),
    /// What became of a listening.
    Speech(SpeechFact),
    /// A call that this one made said something.
    Child(CallId, ChildFact),
    /// Something about the call's conference.
    Conference(Attendance, ConferenceFact),
    /// Something about the call's queue.
    Queue(Attendance, QueueFact),
    /// The leg's sound could not be connected; why.
    NotJoined(String),
    /// How the far side is handed over.
    Transfer(TransferFact),
    /// Keys were sent, or why not.
    Digits(DigitsId, Result<(), String>),
    /// The app answered with steps, with none, or not at all.
    Fetched(FetchId, Result<Option<model::flow::Flow>, String>),
    /// An inbound caller hears us, before the answer.
    Rung,
    /// The inbound call is answered.
    Answered,
    /// The app wants the call out of its conference.
    Leave,
    /// One of its timers fired.
    Timer(Timer),
}

/// A command of a flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Step {
    Say(say::Say),
    Playback(playback::Playback),
    Gather(gather::Gather),
    Record(record::Record),
    Pause(pause::Pause),
    Hangup(hangup::Hangup),
    Bridge(Box<bridge::Bridge>),
    Transfer(Box<transfer::Transfer>),
    Conference(Box<conference::Conference>),
    Queue(queue::Queue),
    Answer(answer::Answer),
    Ringing(ringing::Ringing),
    Dtmf(dtmf::Dtmf),
    Goto(goto::Goto),
    Set(set::Set),
    Webhook(webhook::Webhook),
    Missing(missing::Missing),
}

impl Step {
    /// Makes the step of a command, and orders the prompts it will play.
    pub(super) fn prepare(id: CommandId, command: &FlowCommand, stage: &mut Stage) -> Self {
        match command {
            FlowCommand::Say(say) => Self::Say(say::Say::prepare(say, stage)),
            FlowCommand::Playback(playback) => Self::Playback(playback::Playback::prepare(playback, stage)),
            FlowCommand::Gather(gather) => Self::Gather(gather::Gather::prepare(id, gather, stage)),
            FlowCommand::Record(record) => Self::Record(record::Record::prepare(id, record, stage)),
            FlowCommand::Pause(pause) => Self::Pause(pause::Pause::prepare(pause)),
            FlowCommand::Hangup(hangup) => Self::Hangup(hangup::Hangup::prepare(*hangup)),
            FlowCommand::Answer => Self::Answer(answer::Answer),
            FlowCommand::Ringing(ringing) => Self::Ringing(ringing::Ringing::prepare(*ringing)),
            FlowCommand::Dtmf(dtmf) => Self::Dtmf(dtmf::Dtmf::prepare(dtmf)),
            FlowCommand::Goto(goto) => Self::Goto(goto::Goto::prepare(goto)),
            FlowCommand::Set(set) => Self::Set(set::Set::prepare(set)),
            FlowCommand::Webhook(webhook) => Self::Webhook(webhook::Webhook::prepare(webhook)),
            FlowCommand::Bridge(bridge) => Self::Bridge(Box::new(bridge::Bridge::prepare(bridge, stage))),
            FlowCommand::Transfer(transfer) => {
                Self::Transfer(Box::new(transfer::Transfer::prepare(transfer, stage)))
            }
            FlowCommand::Conference(conference) => {
                Self::Conference(Box::new(conference::Conference::prepare(conference, stage)))
            }
            FlowCommand::Queue(queue) => Self::Queue(queue::Queue::prepare(queue, stage)),
            FlowCommand::Label(_) => Self::Missing(missing::Missing),
        }
    }

    /// The step by its trait.
    pub(super) fn as_step(&mut self) -> &mut dyn FlowStep {
        match self {
            Self::Say(step) => step,
            Self::Playback(step) => step,
            Self::Gather(step) => step,
            Self::Record(step) => step,
            Self::Pause(step) => step,
            Self::Hangup(step) => step,
            Self::Bridge(step) => step.as_mut(),
            Self::Transfer(step) => step.as_mut(),
            Self::Conference(step) => step.as_mut(),
            Self::Queue(step) => step,
            Self::Answer(step) => step,
            Self::Ringing(step) => step,
            Self::Dtmf(step) => step,
            Self::Goto(step) => step,
            Self::Set(step) => step,
            Self::Webhook(step) => step,
            Self::Missing(step) => step,
        }
    }
}

impl Progress {
    /// Over, and it could not be done.
    fn failed(reason: impl Into<String>) -> Self {
        Self::Done(CommandOutcome::Failed { reason: reason.into() })
    }
}
