//! The leg of a call, from its dial or arrival to its end. Knows no signalling, and nothing of what is said on it.

use super::desk::Desk;
use super::hangup::{ANSWERING_MS, RING_GRACE_MS};
use super::parent;
use super::timers::Timer;
use model::call::{CallStatus, Direction};
use model::child::ChildFact;
use model::event::EventBody;
use model::leg::{LegEnd, LegFact, LegOrder, LegSide};
use model::timeline::TimelineKind;
use model::transfer::{TransferFact, TransferReply};
use serde::{Deserialize, Serialize};

/// How long an inbound call may ring before it is answered, whoever lets it ring.
const RING_MS_MAX: u64 = 120_000;

/// Where the leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum LegState {
    /// Nothing was ordered of it.
    #[default]
    Idle,
    /// The callee is being rung.
    Dialing,
    /// The caller waits for the app's decision.
    Offered,
    /// The caller's side has not confirmed our answer yet.
    Answering,
    /// Answered.
    Connected,
    /// Over.
    Over,
}

/// What a fact means to the rest of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LegNews {
    /// Nothing.
    None,
    /// The call is answered.
    Answered,
    /// How its far side is handed over.
    Transfer(TransferFact),
    /// The caller of an inbound call hears us, before the answer.
    Rung,
    /// The leg is over.
    Ended(LegEnd),
}

/// The leg the call was made for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Leg {
    state: LegState,
}

impl Leg {
    /// Where it stands.
    pub(super) const fn state(&self) -> LegState {
        self.state
    }

    /// Rings the callee, or lets the caller hear that it rings, or answers. `by_flow`: the flow says when an inbound
    /// call rings and is answered.
    pub(super) fn start(&mut self, by_flow: bool, desk: &mut Desk) {
        desk.call.started_at.get_or_insert(desk.now);
        match desk.setup.direction {
            Direction::Outbound => {
                self.state = LegState::Dialing;
                let ring_timeout_ms = desk.setup.ring_timeout_ms;
                desk.order_leg(LegOrder::Dial { ring_timeout_ms });
                desk.set_timer(Timer::Ringing, u64::from(ring_timeout_ms) + RING_GRACE_MS);
            }
            Direction::Inbound if by_flow => {
                self.state = LegState::Offered;
                desk.set_timer(Timer::Decision, RING_MS_MAX);
            }
            Direction::Inbound if desk.setup.answer_at_once => self.answer(desk),
            Direction::Inbound => {
                self.state = LegState::Offered;
                desk.order_leg(LegOrder::Ring { early_media: false });
                desk.set_timer(Timer::Decision, desk.setup.decision_timeout_ms.into());
            }
        }
    }

    /// Lets an inbound caller hear that it rings, and gives the app more time to decide.
    pub(super) fn ring(&mut self, early_media: bool, desk: &mut Desk) {
        if self.state != LegState::Offered {
            return;
        }
        desk.order_leg(LegOrder::Ring { early_media });
        let rung_ms = desk.call.started_at.map(|at| desk.now.since(at).as_millis()).unwrap_or_default();
        let left_ms = RING_MS_MAX.saturating_sub(u64::try_from(rung_ms).unwrap_or(u64::MAX));
        desk.set_timer(Timer::Decision, left_ms);
        ring(early_media, desk);
    }

    /// Accepts an inbound call that waits for it.
    pub(super) fn answer(&mut self, desk: &mut Desk) {
        if !matches!(self.state, LegState::Idle | LegState::Offered) {
            return;
        }
        self.state = LegState::Answering;
        desk.timers.clear(Timer::Decision);
        desk.order_leg(LegOrder::Answer);
        desk.set_timer(Timer::Answering, ANSWERING_MS);
    }

    /// Nothing more happens to it.
    pub(super) fn close(&mut self, desk: &mut Desk) {
        self.state = LegState::Over;
        desk.connected = false;
    }

    /// Takes a fact. `ending`: its end was ordered already.
    pub(super) fn on_fact(&mut self, fact: LegFact, ending: bool, desk: &mut Desk) -> LegNews {
        match (fact, self.state) {
            (_, LegState::Idle | LegState::Over) => LegNews::None,
            (LegFact::Ended(end), _) => {
                self.close(desk);
                LegNews::Ended(end)
            }
            (LegFact::Answered, _) if ending => {
                desk.note(TimelineKind::Call, "the far side answered while the call was being withdrawn");
                LegNews::None
            }
            (LegFact::Answered, LegState::Dialing | LegState::Answering) => {
                self.connect(desk);
                LegNews::Answered
            }
            (LegFact::Ringing { early_media }, LegState::Offered) if !ending => {
                desk.connected |= early_media;
                LegNews::Rung
            }
            (LegFact::Trying, LegState::Dialing) => {
                desk.note(TimelineKind::Call, "the next hop has the call");
                LegNews::None
            }
            (LegFact::Transfer(fact), LegState::Connected) => LegNews::Transfer(fact),
            // Whoever asks stays where it is.
            (LegFact::TransferAsked { transfer, .. }, _) => {
                let reply = TransferReply::Refused;
                desk.order_leg(LegOrder::AnswerTransfer { transfer, reply });
                LegNews::None
            }
            (LegFact::Held { by }, LegState::Connected) => note_hold(true, by, desk),
            (LegFact::Resumed { by }, LegState::Connected) => note_hold(false, by, desk),
            (LegFact::Ringing { early_media }, LegState::Dialing) if !ending => {
                ring(early_media, desk);
                LegNews::None
            }
            _ => LegNews::None,
        }
    }

    fn connect(&mut self, desk: &mut Desk) {
        self.state = LegState::Connected;
        desk.connected = true;
        desk.timers.clear(Timer::Ringing);
        desk.timers.clear(Timer::Answering);
        desk.set_timer(Timer::MaxDuration, desk.setup.max_duration_ms.into());
        desk.call.status = CallStatus::InProgress;
        desk.call.answered_at = Some(desk.now);
        desk.emit(EventBody::Answered);
        desk.emit(EventBody::joined(desk.call.first_leg()));
    }
}

/// Holding is between the two sides of the leg: the flow goes on.
fn note_hold(on: bool, by: LegSide, desk: &mut Desk) -> LegNews {
    desk.note(
        TimelineKind::Call,
        match (on, by) {
            (true, LegSide::Remote) => "the far side put the call on hold",
            (false, LegSide::Remote) => "the far side took the call off hold",
            (true, LegSide::Local) => "the far side is on hold",
            (false, LegSide::Local) => "the far side is off hold",
        },
    );
    LegNews::None
}

fn ring(early_media: bool, desk: &mut Desk) {
    parent::tell(ChildFact::Ringing { early_media }, desk);
    if desk.call.status == CallStatus::Initiated {
        desk.call.status = CallStatus::Ringing;
        desk.call.ringing_at = Some(desk.now);
        desk.emit(EventBody::Ringing { early_media });
    } else if early_media {
        desk.note(TimelineKind::Call, "sound comes from the far side before it answers");
    }
}
