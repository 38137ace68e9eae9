//! Everything that can happen to a call, as the brain hears it.

use model::flow::CallCommand;
use model::leg::LegFact;
use model::sound::{MediaFact, PromptFact, RecordFact};
use model::speech::SpeechFact;
use model::{CommandId, LegId};
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
    /// The server stops: end the call in order.
    Shutdown,
}
