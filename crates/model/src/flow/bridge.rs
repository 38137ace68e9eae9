//! `bridge`: call somebody else and connect the two parties.

use super::Flow;
use crate::amd::AmdSettings;
use crate::recording::SessionRecord;
use crate::secret::Pii;
use crate::webhook::Notification;
use serde::{Deserialize, Serialize};

/// Call somebody else, and connect the two when that call's own flow has run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// Whose number the called party sees; the parent's own if none.
    pub from: Option<Pii<String>>,
    /// A phone number, a phone of the app, or a SIP address.
    pub to: Pii<String>,
    /// How long the called party may ring, as in [`crate::call::CallSetup::RING_TIMEOUTS_MS`].
    pub ring_timeout_ms: u32,
    /// How long its answered call may last, 1,000–[`Bridge::MAX_DURATION_MS`].
    pub max_duration_ms: u32,
    /// The country (ISO 3166, two letters in lower case) whose ring tone the caller hears meanwhile; silence if none.
    pub ring_tone: Option<String>,
    /// End the parent too when the called party has gone; otherwise its flow goes on.
    pub hangup_after: bool,
    /// Record the called party's call.
    pub record: Option<SessionRecord>,
    /// Runs on the called party's call before the two are connected.
    pub flow: Option<Flow>,
    /// Where the webhooks of the called party's call go instead.
    #[serde(default)]
    pub notification: Option<Notification>,
    /// Whether and how a machine is listened for on the called party's call.
    #[serde(default)]
    pub amd: Option<AmdSettings>,
}

impl Bridge {
    /// Ring timeout where none is given.
    pub const RING_TIMEOUT_MS: u32 = 30_000;
    /// Longest bridge, and the length where none is given: eight hours.
    pub const MAX_DURATION_MS: u32 = 28_800_000;

    /// To somebody, with everything else as where nothing is said.
    pub const fn to(to: Pii<String>) -> Self {
        Self {
            from: None,
            to,
            ring_timeout_ms: Self::RING_TIMEOUT_MS,
            max_duration_ms: Self::MAX_DURATION_MS,
            ring_tone: None,
            hangup_after: false,
            record: None,
            flow: None,
            notification: None,
            amd: None,
        }
    }
}
