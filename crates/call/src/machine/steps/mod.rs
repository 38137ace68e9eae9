//! The flow's commands, one file each, behind one trait. A new command is a new file and a line in each of the
//! lists below (docs/adding-a-flow-command.md).

mod bridge;
mod conference;
mod gather;
mod hangup;
mod missing;
mod pause;
mod playback;
mod queue;
mod record;
mod say;
mod sounding;
mod transfer;

pub(super) use missing::MISSING;
pub(super) use sounding::{PROMPT_LATE, PROMPT_MS, SOUND_BROKEN};

use super::audio::SoundEnd;
use super::stage::Stage;
use super::timers::Timer;
use model::child::ChildFact;
use model::event::CommandOutcome;
use model::flow::FlowCommand;
use model::meeting::{Attendance, ConferenceFact, QueueFact};
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
    /// It is over, and so is the call.
    HangUp,
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
            FlowCommand::Hangup(_) => Self::Hangup(hangup::Hangup),
            FlowCommand::Bridge(bridge) => Self::Bridge(Box::new(bridge::Bridge::prepare(bridge, stage))),
            FlowCommand::Transfer(transfer) => {
                Self::Transfer(Box::new(transfer::Transfer::prepare(transfer, stage)))
            }
            FlowCommand::Conference(conference) => {
                Self::Conference(Box::new(conference::Conference::prepare(conference, stage)))
            }
            FlowCommand::Queue(queue) => Self::Queue(queue::Queue::prepare(queue, stage)),
            FlowCommand::Answer
            | FlowCommand::Ringing(_)
            | FlowCommand::Dtmf(_)
            | FlowCommand::Label(_)
            | FlowCommand::Goto(_)
            | FlowCommand::Set(_)
            | FlowCommand::Webhook(_) => Self::Missing(missing::Missing),
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
