//! The timeline: every step of a call in order, for people. Bounded per call, never the truth (events are).

use crate::id::CallId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most entries kept for one call; the last one then says that more were dropped.
pub const TIMELINE_ENTRIES_MAX: u32 = 2_000;

/// Most bytes of an entry's detail, as JSON: a whole INVITE with a long session description.
pub const TIMELINE_DETAIL_BYTES_MAX: usize = 16 * 1024;

/// One line of a call's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// The call.
    pub call: CallId,
    /// When it happened.
    pub at: Timestamp,
    /// Which part of the server speaks.
    pub kind: TimelineKind,
    /// One line for a person, at most 200 bytes.
    pub summary: String,
    /// What a person may want to unfold; at most [`TIMELINE_DETAIL_BYTES_MAX`], with credentials masked.
    pub detail: Value,
}

/// Which part of the server a timeline entry speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    /// A request to the API.
    Api,
    /// A signalling message.
    Sip,
    /// What was agreed about the sound.
    Sdp,
    /// Sound: first packet, figures, silence.
    Media,
    /// A step of the flow or a command.
    Flow,
    /// A key.
    Dtmf,
    /// Speaking and listening engines.
    Speech,
    /// A recording.
    Recording,
    /// A webhook attempt.
    Webhook,
    /// The call itself.
    Call,
}
