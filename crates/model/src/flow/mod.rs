//! The neutral vocabulary of call flows and of commands to a running call, one noun a file. Doors convert their own
//! spelling into it and check ranges by the limits that stand here.

mod bridge;
mod command;
mod condition;
mod conference;
mod dtmf;
mod gather;
mod hangup;
mod jump;
mod pause;
mod playback;
mod queue;
mod record;
mod ringing;
mod say;
mod set;
mod transfer;
pub mod variable;
mod webhook;

pub use bridge::Bridge;
pub use command::{CallCommand, StartRecording, WhichRecording};
pub use condition::{Condition, Operator, Variable};
pub use conference::Conference;
pub use dtmf::Dtmf;
pub use gather::{Gather, GatherInput, GatherPrompt};
pub use hangup::{Hangup, HangupCause};
pub use jump::{Goto, Label};
pub use pause::Pause;
pub use playback::Playback;
pub use queue::Queue;
pub use record::Record;
pub use ringing::Ringing;
pub use say::Say;
pub use set::Set;
pub use transfer::{Transfer, TransferMode};
pub use webhook::Webhook;

use crate::id::CommandId;
use serde::{Deserialize, Serialize};

/// A call flow: steps run one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// At most [`Flow::STEPS_MAX`].
    pub steps: Vec<Step>,
}

impl Flow {
    /// Longest flow.
    pub const STEPS_MAX: usize = 100;
}

/// One step: a command and the conditions under which it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Names the step in events and on the timeline.
    pub id: CommandId,
    /// What to do.
    pub command: FlowCommand,
    /// All must hold, against the last gather's result and the variables.
    pub conditions: Vec<Condition>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum FlowCommand {
    /// Speak a text.
    Say(Say),
    /// Play files.
    Playback(Playback),
    /// Collect keys or speech.
    Gather(Gather),
    /// Record the far side.
    Record(Record),
    /// Wait.
    Pause(Pause),
    /// End the call.
    Hangup(Hangup),
    /// Accept an inbound call.
    Answer,
    /// Ring an inbound caller.
    Ringing(Ringing),
    /// Call somebody else and connect the two.
    Bridge(Box<Bridge>),
    /// Send keys.
    Dtmf(Dtmf),
    /// A mark to jump to.
    Label(Label),
    /// Go on at a label.
    Goto(Goto),
    /// Give a variable a value.
    Set(Set),
    /// Ask the app how to go on.
    Webhook(Webhook),
    /// Hand the far side over to somebody else.
    Transfer(Transfer),
    /// Join a conference.
    Conference(Conference),
    /// Wait in a queue, or take from it.
    Queue(Queue),
}

impl FlowCommand {
    /// The command's name in events and on the timeline.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Say(_) => "say",
            Self::Playback(_) => "playback",
            Self::Gather(_) => "gather",
            Self::Record(_) => "record",
            Self::Pause(_) => "pause",
            Self::Hangup(_) => "hangup",
            Self::Answer => "answer",
            Self::Ringing(_) => "ringing",
            Self::Bridge(_) => "bridge",
            Self::Dtmf(_) => "dtmf",
            Self::Label(_) => "label",
            Self::Goto(_) => "goto",
            Self::Set(_) => "set",
            Self::Webhook(_) => "webhook",
            Self::Transfer(_) => "transfer",
            Self::Conference(_) => "conference",
            Self::Queue(_) => "queue",
        }
    }

    /// Ends the call without a cause.
    pub const fn hangup() -> Self {
        Self::Hangup(Hangup { cause: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_stored_before_a_field_came_is_still_read() {
        for (stored, expected) in [
            (json!({"command": "hangup"}), FlowCommand::hangup()),
            (
                json!({"command": "gather", "prompt": null, "keys_max": null, "end_key": null, "timeout_ms": 5000,
                       "retries": 0}),
                FlowCommand::Gather(Gather::default()),
            ),
            (
                json!({"command": "record", "end_key": null, "length_ms_max": 3_600_000, "silence_ms": 5000,
                       "beep": false}),
                FlowCommand::Record(Record::default()),
            ),
        ] {
            assert_eq!(serde_json::from_value::<FlowCommand>(stored).unwrap(), expected);
        }
    }
}
