//! Events: what happened to a call, numbered without a gap from 1, kept for ever, shown to the app by webhook.
//! A body's shape is versioned by its name; an old shape stays readable.

use crate::amd::{AmdGreetingEnd, AmdOutcome};
use crate::call::{Call, CallEnd};
use crate::id::{AppId, CallId, CommandId, LegId};
use crate::recording::Recording;
use crate::time::Timestamp;
use crate::transcription::Transcription;
use serde::{Deserialize, Serialize};

/// One event of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The call.
    pub call: CallId,
    /// The app it belongs to.
    pub app: AppId,
    /// Its place: 1, 2, 3, … without a gap.
    pub sequence: u32,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub body: EventBody,
    /// The call's row right after the event, so that a webhook shows what was true then.
    pub snapshot: Call,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// The call was accepted (outbound) or arrived (inbound). Always number 1.
    Initiated,
    /// The far side rings.
    Ringing {
        /// Sound already comes from the far side.
        early_media: bool,
    },
    /// The call was answered.
    Answered,
    /// A party is connected to the call's sound.
    ParticipantJoined {
        /// Its leg.
        leg: LegId,
        /// The conference that it takes part in, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conference: Option<String>,
    },
    /// A party is no longer connected.
    ParticipantLeft {
        /// Its leg.
        leg: LegId,
        /// The conference that it took part in, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conference: Option<String>,
    },
    /// The far side pressed a key.
    DigitReceived {
        /// Which key.
        digit: crate::Pii<char>,
        /// For how long.
        duration_ms: u32,
    },
    /// A gather is over.
    GatherCompleted {
        /// The step.
        command: CommandId,
        /// What was keyed, without the end key.
        keys: crate::Pii<String>,
        /// What was heard said, if it ended by words.
        #[serde(default)]
        speech: Option<crate::Pii<String>>,
        /// How sure the engine is of it, 0 to 1; none if it does not say.
        #[serde(default)]
        confidence: Option<f32>,
        /// Why it ended.
        ended_by: GatherEnd,
    },
    /// A step of the flow or a command of the app has begun.
    CommandStarted {
        /// Which one.
        command: CommandId,
        /// Its name, as in [`crate::flow::FlowCommand::name`].
        name: String,
    },
    /// A step of the flow or a command of the app is over.
    CommandCompleted {
        /// Which one.
        command: CommandId,
        /// Its name, as in [`crate::flow::FlowCommand::name`].
        name: String,
        /// How it went.
        outcome: CommandOutcome,
    },
    /// A recording began, was paused or goes on: its status says which.
    RecordingChanged {
        /// The recording as it is then.
        recording: Recording,
    },
    /// A recording's file is complete, or will never be.
    RecordingCompleted {
        /// The recording as it is then.
        recording: Recording,
    },
    /// What is said in a recording is written down, or never will be. May follow the call's end.
    TranscriptionCompleted {
        /// The transcription as it is then.
        transcription: Transcription,
    },
    /// It is known who answered, or that it cannot be told. Once for each answered call that is watched.
    AmdCompleted {
        /// Who, and by what signs.
        outcome: AmdOutcome,
    },
    /// The greeting of a machine has ended, or its end was waited for in vain; only where the app asked to be told then
    /// ([`crate::amd::AmdSettings::notify`]).
    AmdGreetingEnded {
        /// How and when.
        end: AmdGreetingEnd,
    },
    /// The call is over. Nothing is ordered after this.
    Ended(CallEnd),
}

impl EventBody {
    /// A leg is connected to the call's sound.
    pub const fn joined(leg: LegId) -> Self {
        Self::ParticipantJoined { leg, conference: None }
    }

    /// A leg is no longer connected to it.
    pub const fn left(leg: LegId) -> Self {
        Self::ParticipantLeft { leg, conference: None }
    }
}

/// Why a gather ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatherEnd {
    /// The end key was pressed.
    EndKey,
    /// The most keys were reached.
    KeysMax,
    /// Words were heard and understood.
    Speech,
    /// No (further) key, and no words, came in time.
    Timeout,
    /// The call ended, or another command took its place.
    Interrupted,
}

/// How a command went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CommandOutcome {
    /// It ran to its end.
    Completed,
    /// Its conditions did not hold.
    Skipped,
    /// The call ended, or another command took its place.
    Cancelled,
    /// It could not be done.
    Failed {
        /// Why, in words for the app's developer.
        reason: String,
    },
}
