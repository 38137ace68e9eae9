//! A call that another call makes: a bridge's far side, the new party of a transfer. It is a call like any other, with
//! a row, events and a flow of its own; here stands what the two say to each other.

use crate::amd::AmdSettings;
use crate::call::CallEnd;
use crate::flow::variable::Variables;
use crate::flow::{Bridge, Flow};
use crate::id::TrunkId;
use crate::recording::SessionRecord;
use crate::secret::Pii;
use crate::webhook::Notification;
use serde::{Deserialize, Serialize};

/// A child call to be made. Everything else it takes from its parent: app, mode, request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildSetup {
    /// Whose number the called party sees; the parent's own if none.
    pub from: Option<Pii<String>>,
    /// A phone number, or a phone of the app.
    pub to: Pii<String>,
    /// How long the called party may ring.
    pub ring_timeout_ms: u32,
    /// How long its answered call may last.
    pub max_duration_ms: u32,
    /// Runs on the child before it is ready.
    pub flow: Option<Flow>,
    /// Variables that it begins with: the parent's.
    #[serde(default)]
    pub variables: Variables,
    /// The child is recorded as a whole.
    #[serde(default)]
    pub record: Option<SessionRecord>,
    /// Where the child's webhooks go instead.
    #[serde(default)]
    pub notification: Option<Notification>,
    /// Whether and how a machine is listened for on the child.
    #[serde(default)]
    pub amd: Option<AmdSettings>,
}

impl ChildSetup {
    /// To somebody, with everything else as where nothing is said.
    pub const fn to(to: Pii<String>, from: Option<Pii<String>>, ring_timeout_ms: u32) -> Self {
        let (flow, record, notification, amd) = (None, None, None, None);
        let max_duration_ms = Bridge::MAX_DURATION_MS;
        let variables = Variables::new();
        Self { from, to, ring_timeout_ms, max_duration_ms, flow, variables, record, notification, amd }
    }
}

/// What a parent orders of its child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildOrder {
    /// Make the call. Answered by its facts, the last of which is [`ChildFact::Refused`] or [`ChildFact::Ended`].
    Place(Box<ChildSetup>),
    /// Tell it that its sound is connected with the parent's.
    Join,
    /// Tell it that its sound is no longer connected.
    Part,
    /// End it, whatever its state.
    End,
}

/// What a parent hears of its child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildFact {
    /// It was not even made. Nothing follows.
    Refused {
        /// Why, in words for the app's developer.
        reason: String,
    },
    /// The called party rings.
    Ringing {
        /// Sound already comes from the called party.
        early_media: bool,
    },
    /// The called party answered, and the child's own flow runs.
    Answered,
    /// The called party answered and the child's own flow, if any, has run to its end: it can be connected.
    Ready {
        /// The trunk that carries it.
        trunk: Option<TrunkId>,
    },
    /// It is over. Nothing follows.
    Ended(CallEnd),
}

/// What a child hears of its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParentFact {
    /// The two are connected.
    Joined,
    /// They are no longer connected.
    Parted,
    /// The parent wants the child no longer, or is gone.
    Ended,
}
