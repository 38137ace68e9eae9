//! Everything that can happen to a call, as the brain hears it.

use crate::output::FetchId;
use model::child::{ChildFact, ParentFact};
use model::flow::{CallCommand, Flow};
use model::leg::LegFact;
use model::meeting::{Attendance, ConferenceFact, QueueFact};
use model::sound::{MediaFact, PromptFact, RecordFact};
use model::speech::SpeechFact;
use model::{CallId, CommandId, LegId};
use serde::{Deserialize, Serialize};

/// One thing that happened. Timers fire by `Machine::handle_timeout`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The call was accepted or has arrived, and that is durable. Always the first input.
    Start,
    /// The app gave a command.
    Command {
        /// Names it in events.
        id: CommandId,
        /// What to do.
        command: CallCommand,
    },
    /// The leg changed.
    Leg(LegId, LegFact),
    /// Something about the leg's sound.
    Media(LegId, MediaFact),
    /// Something about a prompt.
    Prompt(PromptFact),
    /// Something about a recording.
    Record(RecordFact),
    /// What became of a listening.
    Speech(SpeechFact),
    /// Something about a call that this one made.
    Child(CallId, ChildFact),
    /// Something about the call that made this one.
    Parent(ParentFact),
    /// Something about the conference that the call is in.
    Conference(Attendance, ConferenceFact),
    /// Something about the queue that the call is in.
    Queue(Attendance, QueueFact),
    /// The app answered a question with steps, with none, or not at all; why not, in words for its developer.
    Fetched(FetchId, Result<Option<Flow>, String>),
    /// The server stops: end the call in order.
    Shutdown,
}
