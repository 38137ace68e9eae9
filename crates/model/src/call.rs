//! The call: one row, one id, one outcome. Each door spells these words its own way.

use crate::amd::{AmdOutcome, AmdSettings};
use crate::id::{AppId, CallId, CommandId, LegId, TrunkId, VoiceChannelId};
use crate::leg::ReleaseCause;
use crate::time::Timestamp;
use crate::webhook::Notification;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Whether a call may reach the outside world. A test call has no way to name a live carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real traffic over trunks.
    Live,
    /// The sandbox, and nothing else.
    Test,
}

/// Who rang whom, seen from the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Somebody called a number of the app.
    Inbound,
    /// The app asked for the call.
    Outbound,
}

/// How a leg travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The telephone network, by a SIP trunk (or the sandbox).
    #[default]
    Pstn,
    /// WhatsApp calling.
    Whatsapp,
    /// A browser.
    Webrtc,
}

/// How a call's far side is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// By a phone number.
    Pstn,
    /// By a SIP address.
    Sip,
    /// In a browser.
    Webrtc,
    /// By WhatsApp calling.
    Whatsapp,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// Accepted, to be started later.
    Scheduled,
    /// Accepted, not yet ringing.
    Initiated,
    /// The far side rings.
    Ringing,
    /// Answered.
    InProgress,
    /// Answered by, or diverted to, a mailbox.
    Voicemail,
    /// Was answered and has ended.
    Completed,
    /// Ended without an answer for a reason that no other word says.
    Failed,
    /// The callee was busy.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// Ended by the app before it was answered.
    Canceled,
}

impl CallStatus {
    /// Nothing follows this status.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Busy | Self::NoAnswer | Self::Canceled)
    }
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// A party or the app hung up an answered call.
    Hangup,
    /// The callee declined.
    Rejected,
    /// The callee was busy.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// The app withdrew the call before it was answered.
    Canceled,
    /// It could not be set up, or broke.
    Failed,
    /// The longest allowed time was reached.
    MaxDuration,
    /// No sound arrived for too long.
    MediaTimeout,
    /// It ended in a mailbox.
    Voicemail,
    /// A machine answered and the app had asked to hang up then.
    MachineHangup,
    /// The server that owned the call died.
    NodeLost,
    /// The server was stopped.
    ServerShutdown,
}

/// Which side ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndSource {
    /// The party that called, or the network on its side.
    Caller,
    /// The party that was called, or the network on its side.
    Callee,
    /// A request of the app.
    Api,
    /// The call's own flow.
    Flow,
    /// A timer of ours.
    Timeout,
    /// Missing sound.
    MediaTimeout,
    /// This server, or packets that do not get through.
    System,
}

/// How a call ended, with nothing collapsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEnd {
    /// The reason in one word.
    pub reason: EndReason,
    /// The side that ended it.
    pub source: EndSource,
    /// What signalling said.
    pub cause: ReleaseCause,
}

/// A call as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The app it belongs to.
    pub app: AppId,
    /// Live or test.
    pub mode: Mode,
    /// Inbound or outbound.
    pub direction: Direction,
    /// Where it stands.
    pub status: CallStatus,
    /// The calling party's address: a phone number or a channel's own identifier.
    pub from: crate::Pii<String>,
    /// The called party's address.
    pub to: crate::Pii<String>,
    /// How the calling leg travels.
    pub from_channel: Channel,
    /// How the called leg travels.
    pub to_channel: Channel,
    /// The trunk that carries it; none in test mode.
    pub trunk: Option<TrunkId>,
    /// The app's channel that it was made by or came in through; none of calls older than channels.
    #[serde(default)]
    pub voice_channel: Option<VoiceChannelId>,
    /// When it is to be started; none for a call that was started at once.
    #[serde(default)]
    pub scheduled_for: Option<Timestamp>,
    /// When the far side began to ring.
    #[serde(default)]
    pub ringing_at: Option<Timestamp>,
    /// What the app attached; echoed, never read except for `sandbox…` keys in test mode.
    pub metadata: Map<String, Value>,
    /// The app's words for it, at most [`Call::TAGS_MAX`], in lower case.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The call that made this one: a bridge's, a transfer's.
    #[serde(default)]
    pub parent: Option<CallId>,
    /// The id of the HTTP request that made it, for logs and timelines.
    pub request_id: Option<String>,
    /// Where its events go instead of to the app's endpoints of that door.
    #[serde(default)]
    pub notification: Option<Notification>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When dialling began, or the call arrived. Durable before anything rings.
    pub started_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub end: Option<CallEnd>,
    /// Who answered, where that was asked and has been found.
    #[serde(default)]
    pub amd: Option<AmdOutcome>,
}

impl Call {
    /// Most tags.
    pub const TAGS_MAX: usize = 10;

    /// A call that was just accepted, over the telephone network, with nothing that may be left out.
    pub fn new(
        id: CallId,
        app: AppId,
        mode: Mode,
        direction: Direction,
        from: crate::Pii<String>,
        to: crate::Pii<String>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            app,
            mode,
            direction,
            status: CallStatus::Initiated,
            from,
            to,
            from_channel: Channel::Pstn,
            to_channel: Channel::Pstn,
            trunk: None,
            voice_channel: None,
            scheduled_for: None,
            ringing_at: None,
            metadata: Map::new(),
            tags: Vec::new(),
            parent: None,
            request_id: None,
            notification: None,
            created_at,
            started_at: None,
            answered_at: None,
            ended_at: None,
            end: None,
            amd: None,
        }
    }

    /// Time from answer to end; none if never answered or not yet ended.
    pub fn duration(&self) -> Option<Duration> {
        Some(self.ended_at?.since(self.answered_at?))
    }

    /// [`Self::duration`] in whole seconds, rounded.
    pub fn duration_s(&self) -> Option<u64> {
        self.duration().map(|duration| (duration.as_millis() as u64 + 500) / 1_000)
    }

    /// The app's channel it belongs to.
    pub fn channel(&self) -> VoiceChannelId {
        self.voice_channel.unwrap_or_else(|| VoiceChannelId::default_of(self.app, self.mode))
    }

    /// The party that is not the app.
    pub const fn far_side(&self) -> &crate::Pii<String> {
        match self.direction {
            Direction::Inbound => &self.from,
            Direction::Outbound => &self.to,
        }
    }

    /// How that party is reached.
    pub fn reach(&self) -> Reach {
        let channel = match self.direction {
            Direction::Inbound => self.from_channel,
            Direction::Outbound => self.to_channel,
        };
        let address = self.far_side().expose();
        match channel {
            Channel::Webrtc => Reach::Webrtc,
            Channel::Whatsapp => Reach::Whatsapp,
            Channel::Pstn if address.starts_with("sip:") || address.starts_with("sips:") => Reach::Sip,
            Channel::Pstn => Reach::Pstn,
        }
    }

    /// The leg the call was made for.
    pub const fn first_leg(&self) -> LegId {
        LegId::new(self.id, 0)
    }
}

/// Keys that are sent as soon as a call is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstDigits {
    /// Names the sending in events and on the timeline.
    pub id: CommandId,
    /// As in [`crate::sound::MediaOrder::SendDigits`].
    pub digits: crate::Pii<String>,
}

/// What the brain needs to run a call: fixed when it is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallSetup {
    /// The call.
    pub id: CallId,
    /// Inbound calls wait for a command, unless `answer_at_once`; outbound ones dial.
    pub direction: Direction,
    /// An inbound call is answered without anybody being asked.
    #[serde(default)]
    pub answer_at_once: bool,
    /// Variables that the flow begins with.
    #[serde(default)]
    pub variables: crate::flow::variable::Variables,
    /// The flow to run once answered, if one was given.
    pub flow: Option<crate::flow::Flow>,
    /// The recording of the whole call, if one was asked for.
    #[serde(default)]
    pub record: Option<crate::recording::SessionRecord>,
    /// The flow of an outbound call runs as soon as the callee's phone rings; else when it is answered.
    #[serde(default)]
    pub flow_at_ringing: bool,
    /// Keys to send as soon as it is answered, before its flow runs.
    #[serde(default)]
    pub first_digits: Option<FirstDigits>,
    /// How long the callee may ring.
    pub ring_timeout_ms: u32,
    /// How long the answered call may last.
    pub max_duration_ms: u32,
    /// How long an inbound call may wait for its first command.
    pub decision_timeout_ms: u32,
    /// Whether and how the answered call is watched for a machine.
    #[serde(default)]
    pub amd: Option<AmdSettings>,
}

impl CallSetup {
    /// Ring timeout where the request says none.
    pub const RING_TIMEOUT_MS: u32 = 30_000;
    /// Ring timeouts that may be asked for.
    pub const RING_TIMEOUTS_MS: RangeInclusive<u32> = 3_000..=120_000;
    /// Longest call where the request says none: four hours.
    pub const MAX_DURATION_MS: u32 = 14_400_000;
    /// Longest durations that may be asked for.
    pub const MAX_DURATIONS_MS: RangeInclusive<u32> = 1_000..=86_400_000;
    /// How long an inbound call waits for the app's first command.
    pub const DECISION_TIMEOUT_MS: u32 = 30_000;

    /// Everything as where the request says nothing.
    pub const fn new(id: CallId, direction: Direction) -> Self {
        Self {
            id,
            direction,
            answer_at_once: false,
            variables: crate::flow::variable::Variables::new(),
            flow: None,
            record: None,
            flow_at_ringing: false,
            first_digits: None,
            ring_timeout_ms: Self::RING_TIMEOUT_MS,
            max_duration_ms: Self::MAX_DURATION_MS,
            decision_timeout_ms: Self::DECISION_TIMEOUT_MS,
            amd: None,
        }
    }
}
