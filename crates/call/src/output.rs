//! The brain's whole outward power, on one page.

use model::child::{ChildFact, ChildOrder};
use model::event::EventBody;
use model::flow::variable::Variables;
use model::leg::LegOrder;
use model::meeting::{ConferenceOrder, QueueOrder};
use model::sound::{MediaOrder, PromptOrder, RecordOrder};
use model::timeline::TimelineKind;
use model::{CallId, LegId, call::Call};
use serde::{Deserialize, Serialize};

/// One question to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FetchId(pub u32);

/// A question to the app: how does this call go on?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fetch {
    /// Its number.
    pub id: FetchId,
    /// Where to ask.
    pub url: String,
    /// How long each of at most two attempts may take.
    pub timeout_ms: u32,
    /// All variables, `keys` and `speech` among them.
    pub variables: Variables,
}

/// One thing the brain wants done. Outputs are carried out in order; an event is durable before a dial, answer or
/// other costly order that follows it is carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// Order the carrier that holds the leg.
    Leg(LegId, LegOrder),
    /// Order the leg's sound.
    Media(LegId, MediaOrder),
    /// Order a prompt.
    Prompt(PromptOrder),
    /// Ask the app for steps. Answered by exactly one [`crate::Input::Fetched`].
    Fetch(Fetch),
    /// Order the recorder of a leg.
    Record(LegId, RecordOrder),
    /// Order a call of its own to be made, or order one that was made.
    Child(CallId, ChildOrder),
    /// Tell the call that made this one.
    Parent(ChildFact),
    /// Order a place in a conference.
    Conference(ConferenceOrder),
    /// Order a place in a queue.
    Queue(QueueOrder),
    /// Keep and publish an event. `call` is the row right after it.
    Event {
        /// What happened.
        body: EventBody,
        /// The call's row right after.
        call: Box<Call>,
    },
    /// A line on the call's timeline that is no event.
    Note {
        /// Which part speaks.
        kind: TimelineKind,
        /// One line for a person.
        summary: String,
    },
}
