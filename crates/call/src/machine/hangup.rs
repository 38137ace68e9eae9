//! How a call ends: why we end it, and what its end is called once the leg is over. Pure tables, no state.

use model::call::{Call, CallEnd, CallStatus, Direction, EndReason, EndSource};
use model::flow::HangupCause;
use model::leg::{LegEnd, LegEndKind, LegEndedBy, LegOrder, Refusal, ReleaseCause};
use serde::{Deserialize, Serialize};

/// How long a leg may take to confirm its end; after that the call ends without it.
pub(super) const LEG_END_MS: u64 = 33_000;
/// How much longer than it may ring a callee has before we give up ourselves. The carrier keeps the ring timeout, from
/// when it rings; before that it may wait its turn among the trunk's calls a second (10 s), look the host up (3 s) and
/// send until a host counts as dead (32 s).
pub(super) const RING_GRACE_MS: u64 = 10_000 + 3_000 + 32_000;
/// How long the caller's side may take to confirm our answer.
pub(super) const ANSWERING_MS: u64 = 40_000;

/// Why we end a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Intent {
    /// The app hangs up.
    Command,
    /// The app refuses an inbound call.
    Reject,
    /// A caller is refused in so many words, by the app's command or by the flow.
    Refuse {
        /// What the caller is told.
        cause: HangupCause,
        /// By the flow.
        by_flow: bool,
    },
    /// The flow is over.
    Flow,
    /// The flow says so.
    Step,
    /// The flow takes steps without end.
    Runaway,
    /// The callee rang too long.
    RingTimeout,
    /// The app did not decide about an inbound call.
    Undecided,
    /// The caller's side did not confirm our answer.
    Unconfirmed,
    /// The call lasted as long as it may.
    MaxDuration,
    /// No sound arrived for too long.
    MediaTimeout,
    /// The call that made this one wants it no longer, or is gone.
    Parent,
    /// The server stops.
    Shutdown,
}

impl Intent {
    /// What it is called, if nothing else ended the call first.
    const fn reason(self, answered: bool) -> EndReason {
        match self {
            Self::Command | Self::Flow | Self::Step | Self::Parent if answered => EndReason::Hangup,
            Self::Command | Self::Flow | Self::Step | Self::Parent => EndReason::Canceled,
            Self::Reject | Self::Refuse { cause: HangupCause::Rejected, .. } => EndReason::Rejected,
            Self::Refuse { cause: HangupCause::Busy, .. } => EndReason::Busy,
            Self::RingTimeout | Self::Undecided => EndReason::NoAnswer,
            Self::Unconfirmed | Self::Runaway => EndReason::Failed,
            Self::MaxDuration => EndReason::MaxDuration,
            Self::MediaTimeout => EndReason::MediaTimeout,
            Self::Shutdown => EndReason::ServerShutdown,
        }
    }

    /// Who it is.
    const fn source(self) -> EndSource {
        match self {
            Self::Command | Self::Reject | Self::Refuse { by_flow: false, .. } => EndSource::Api,
            Self::Flow | Self::Step | Self::Runaway | Self::Refuse { by_flow: true, .. } => EndSource::Flow,
            // A bridge's other end is the party that calls.
            Self::Parent => EndSource::Caller,
            Self::RingTimeout | Self::Undecided | Self::Unconfirmed | Self::MaxDuration => EndSource::Timeout,
            Self::MediaTimeout => EndSource::MediaTimeout,
            Self::Shutdown => EndSource::System,
        }
    }

    /// What the leg is ordered. `offered`: a caller waits whom nobody has answered.
    pub(super) const fn order(self, offered: bool) -> LegOrder {
        match self {
            Self::Refuse { .. } if !offered => LegOrder::HangUp,
            Self::Reject | Self::Refuse { cause: HangupCause::Rejected, .. } => {
                LegOrder::Reject { refusal: Refusal::Declined }
            }
            Self::Refuse { cause: HangupCause::Busy, .. } => LegOrder::Reject { refusal: Refusal::Busy },
            Self::Undecided => LegOrder::Reject { refusal: Refusal::Busy },
            Self::Shutdown if offered => LegOrder::Reject { refusal: Refusal::ServerBusy },
            _ => LegOrder::HangUp,
        }
    }

    /// For the timeline.
    pub(super) const fn phrase(self) -> &'static str {
        match self {
            Self::Command => "hanging up: the app asked for it",
            Self::Reject | Self::Refuse { by_flow: false, .. } => "refusing the call: the app asked for it",
            Self::Refuse { by_flow: true, .. } => "refusing the call: the flow says so",
            Self::Runaway => "hanging up: the flow takes steps without end",
            Self::Flow => "hanging up: the flow is over",
            Self::Step => "hanging up: the flow says so",
            Self::Parent => "hanging up: the call that made this one is over, or wants it no longer",
            Self::RingTimeout => "giving up: the callee rang too long",
            Self::Undecided => "refusing the call: the app did not decide in time",
            Self::Unconfirmed => "hanging up: the caller's side did not confirm the answer",
            Self::MaxDuration => "hanging up: the call lasted as long as it may",
            Self::MediaTimeout => "hanging up: no sound arrived for too long",
            Self::Shutdown => "hanging up: the server stops",
        }
    }
}

/// Status and end of a call whose leg ended, or did not confirm its end in time (`leg_end` none).
pub(super) fn verdict(call: &Call, intent: Option<Intent>, leg_end: Option<LegEnd>) -> (CallStatus, CallEnd) {
    let answered = call.answered_at.is_some();
    let (reason, source) = match (intent, &leg_end) {
        (Some(intent), Some(end)) if !came_first(end, answered) => (intent.reason(answered), intent.source()),
        (Some(intent), None) => (intent.reason(answered), intent.source()),
        (_, Some(end)) => (reason_of(end, answered), source_of(end, call.direction)),
        (None, None) => (EndReason::Failed, EndSource::System),
    };
    let unconfirmed = match call.started_at {
        Some(_) => "the leg did not confirm its end in time",
        None => "the call had not begun",
    };
    let cause = leg_end.map_or_else(|| ReleaseCause::local(unconfirmed), |end| end.cause);
    (status(reason, answered), CallEnd { reason, source, cause })
}

/// Status and end of a call whose node died.
pub(super) fn lost(call: &Call) -> (CallStatus, CallEnd) {
    let reason = EndReason::NodeLost;
    let cause = ReleaseCause::local("the server that owned the call died");
    (status(reason, call.answered_at.is_some()), CallEnd { reason, source: EndSource::System, cause })
}

/// Whether the far side ended the leg of its own will while we were ending it.
const fn came_first(end: &LegEnd, answered: bool) -> bool {
    let own_will = match end.kind {
        LegEndKind::HungUp => answered,
        LegEndKind::Busy | LegEndKind::Declined => !answered,
        LegEndKind::NoAnswer | LegEndKind::Canceled | LegEndKind::Failed => false,
    };
    own_will && matches!(end.by, LegEndedBy::Remote)
}

const fn reason_of(end: &LegEnd, answered: bool) -> EndReason {
    match end.kind {
        LegEndKind::Failed => EndReason::Failed,
        _ if answered => match end.by {
            LegEndedBy::Remote | LegEndedBy::Local => EndReason::Hangup,
            LegEndedBy::Timeout | LegEndedBy::Transport => EndReason::Failed,
        },
        LegEndKind::Busy => EndReason::Busy,
        LegEndKind::NoAnswer => EndReason::NoAnswer,
        LegEndKind::Declined => EndReason::Rejected,
        LegEndKind::Canceled => EndReason::Canceled,
        LegEndKind::HungUp => EndReason::Failed,
    }
}

const fn source_of(end: &LegEnd, direction: Direction) -> EndSource {
    match end.by {
        LegEndedBy::Remote => match direction {
            Direction::Outbound => EndSource::Callee,
            Direction::Inbound => EndSource::Caller,
        },
        LegEndedBy::Timeout => EndSource::Timeout,
        LegEndedBy::Local | LegEndedBy::Transport => EndSource::System,
    }
}

const fn status(reason: EndReason, answered: bool) -> CallStatus {
    match reason {
        _ if answered => CallStatus::Completed,
        EndReason::Busy => CallStatus::Busy,
        EndReason::NoAnswer => CallStatus::NoAnswer,
        EndReason::Canceled => CallStatus::Canceled,
        _ => CallStatus::Failed,
    }
}
