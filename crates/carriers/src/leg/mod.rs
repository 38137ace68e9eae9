//! One leg: a SIP call and its sound, told to its owner as facts. Events of the endpoint and commands of the owner
//! go in, orders to the endpoint come out. Knows neither sockets nor why the leg exists.

pub(crate) mod attempts;
mod beside;
mod change;
pub(crate) mod exchange;
mod incoming;
mod outgoing;
mod replaced;
pub(crate) mod report;
pub(crate) mod sound;
pub(crate) mod story;
pub(crate) mod table;
pub(crate) mod transfer;

use attempts::Attempts;
use beside::Beside;
use change::Holding;
use model::Timestamp;
use model::leg::{LegEnd, LegEndedBy, LegFact};
use model::sound::MediaFact;
use model::transfer::{TransferId, TransferReply};
use ports::carrier::Handover;
pub(crate) use replaced::Line;
use report::Report;
use serde_json::json;
use sip::sdp::Negotiated;
use sip::{CallKey, DialogSnapshot, EndedBy, Event, Failure, Order, OutgoingCall, Q850, Rejection, leg_end};
use sound::{LegSound, SoundError, SoundPolicy};
use std::any::Any;
use std::net::IpAddr;
use story::Story;
use table::{ArrivalSeat, Seat};
use transfer::{Asker, Transfer, TransferRules};

/// Something a leg holds for as long as it lives: a place among a trunk's calls.
pub(crate) type Permit = Box<dyn Any + Send + Sync>;

/// How a leg behaves: given by the carrier.
pub(crate) struct Profile {
    /// Its sound.
    pub(crate) sound: SoundPolicy,
    /// What it holds while it lives.
    pub(crate) permit: Option<Permit>,
    /// What it may do about transfers.
    pub(crate) transfers: TransferRules,
    /// Who may take it over.
    pub(crate) line: Line,
}

/// What a leg owns once it belongs to a call. In this order it is let go.
pub(crate) struct Body {
    /// Its sound.
    pub(crate) sound: LegSound,
    /// Its place in the table.
    pub(crate) seat: Seat,
    /// What it holds while it lives.
    pub(crate) permit: Option<Permit>,
    /// What it may do about transfers.
    pub(crate) transfers: TransferRules,
    /// Who may take it over.
    pub(crate) line: Line,
    /// Who hears of it.
    pub(crate) report: Report,
}

impl Body {
    /// Lets everything go, then tells the end: whoever hears it finds port and place free.
    pub(crate) fn finish(self, end: LegEnd) {
        let Self { sound, seat, permit, report, .. } = self;
        drop((sound, seat, permit));
        report.end(end);
    }
}

/// What the owner of a leg wants of it.
pub(crate) enum Command {
    /// Take an incoming call.
    Adopt(Box<Body>),
    /// Tell the caller that it rings.
    Ring,
    /// Tell the caller that somebody works on the call, where nobody does so by itself.
    Trying,
    /// Open the sound towards the caller before the answer.
    EarlyMedia,
    /// Lose the answer once on the way, when it comes.
    LoseAnswer,
    /// Answer an incoming call.
    Answer,
    /// Refuse an incoming call.
    Reject(Rejection),
    /// Put it on hold, or take it off.
    Hold(bool),
    /// Ask the peer to call somebody else instead.
    Transfer(Transfer),
    /// Tell the peer how the transfer goes that it asked for.
    AnswerTransfer(TransferId, TransferReply),
    /// End it.
    HangUp,
}

/// Whether a leg lives on.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It does.
    Lives,
    /// It is over; everything it held is let go.
    Over,
    /// It does, by a new call of the endpoint; the one it had is over.
    Again(Box<OutgoingCall>),
}

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Ours, not answered yet.
    Dialling,
    /// The peer's, not answered yet.
    Arrived,
    /// The peer's, answered; its acknowledgement is awaited.
    Answering,
    /// Answered.
    Talking,
    /// Told to end.
    Ending,
}

/// A SIP call and its sound.
pub(crate) struct Leg {
    key: CallKey,
    /// The endpoint's call that it is now; not the same where an earlier attempt failed.
    call: CallKey,
    /// The first call of the present attempt.
    round: CallKey,
    /// Calls that ring at the same time.
    beside: Vec<Beside>,
    /// The most telling refusal of them so far.
    refusal: Option<Box<Failure>>,
    stage: Stage,
    story: Story,
    body: Option<Body>,
    /// Outgoing: where the call may go.
    attempts: Option<Attempts>,
    /// Incoming: where it came from.
    source: Option<IpAddr>,
    /// Incoming: its place among those that wait to be taken.
    arrival: Option<ArrivalSeat>,
    /// Incoming: the offer of the INVITE.
    offer: Option<Vec<u8>>,
    /// Incoming: our description, if sound was opened before the answer.
    described: Option<Vec<u8>>,
    /// Incoming: the answer shall be lost once.
    lose_answer: bool,
    /// Who hears how the peer is transferred, while it is.
    transferring: Option<Asker>,
    /// Outgoing: what each early dialog of each call has agreed.
    early: Vec<((CallKey, u16), Negotiated)>,
    ringing: Option<LegFact>,
    holding: Holding,
    /// The end to tell instead of the endpoint's word, when the leg itself gave up.
    verdict: Option<LegEnd>,
}

/// Reason of every hang-up that has none of its own: normal call clearing.
const NORMAL_CLEARING: Q850 = Q850 { cause: 16, text: None };

impl Leg {
    /// A call that we place.
    pub(crate) fn outgoing(key: CallKey, body: Body, attempts: Option<Attempts>, story: Story) -> Self {
        Self { attempts, ..Self::new(key, Stage::Dialling, Some(body), story) }
    }

    /// A call that arrived and waits to be taken.
    pub(crate) fn incoming(key: CallKey, arrival: ArrivalSeat, offer: Option<Vec<u8>>, story: Story) -> Self {
        let leg = Self::new(key, Stage::Arrived, None, story);
        Self { arrival: Some(arrival), offer, ..leg }
    }

    const fn new(key: CallKey, stage: Stage, body: Option<Body>, story: Story) -> Self {
        Self {
            key,
            call: key,
            round: key,
            beside: Vec::new(),
            refusal: None,
            stage,
            story,
            body,
            attempts: None,
            source: None,
            arrival: None,
            offer: None,
            described: None,
            lose_answer: false,
            transferring: None,
            early: Vec::new(),
            ringing: None,
            holding: Holding::new(),
            verdict: None,
        }
    }

    /// The leg's name towards the agent: its first call of the endpoint.
    pub(crate) const fn key(&self) -> CallKey {
        self.key
    }

    /// Where an incoming call came from.
    pub(crate) const fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// It came from there.
    pub(crate) const fn came_from(&mut self, source: IpAddr) {
        self.source = Some(source);
    }

    /// The endpoint took no further attempt.
    pub(crate) fn cannot_go_on(&mut self, why: &str) -> Fate {
        self.over(leg_end::failed(LegEndedBy::Local, why))
    }

    /// The lines on the timeline.
    pub(crate) const fn story(&mut self) -> &mut Story {
        &mut self.story
    }

    /// What is left when the leg is over: later messages belong to it still.
    pub(crate) fn into_story(self) -> Story {
        self.story
    }

    /// Hands over what lets go of the far side, should this process die.
    pub(crate) fn hand_over_as(&self, snapshot: Option<DialogSnapshot>) {
        let content = snapshot.and_then(|snapshot| serde_json::to_vec(&snapshot).ok());
        let content = content.filter(|content| content.len() <= Handover::BYTES_MAX);
        if let (Some(body), Some(content)) = (&self.body, content) {
            body.report.hand_over(Handover(content));
        }
    }

    /// The endpoint tells something.
    pub(crate) fn event(&mut self, event: Event, now: Timestamp, orders: &mut Vec<Order>) -> Fate {
        self.heard_in(&event);
        if let Some(fate) = self.among_others(&event, orders) {
            return fate;
        }
        match event {
            Event::Trying { .. } => self.fact(LegFact::Trying),
            Event::Provisional { key, code, fork, sdp, .. } => {
                self.provisional(code, (key, fork), sdp.as_deref(), now)
            }
            Event::Answered { answer, .. } => self.answered(&answer, now, orders),
            Event::AnswerAcknowledged { sdp, .. } => self.acknowledged(sdp.as_deref(), now, orders),
            Event::ReinviteReceived { key, sdp, .. } => self.reinvited(key, sdp.as_deref(), now, orders),
            Event::InfoDigit { digit, duration_ms, .. } => self.digit(digit, duration_ms),
            Event::Failed { failure, .. } => {
                let failure = self.most_telling(*failure);
                let again = self.attempt_failed(&failure, now);
                return again.unwrap_or_else(|| self.over(leg_end::of_failure(&failure)));
            }
            Event::Canceled { by, q850, .. } => return self.over(leg_end::of_canceled(by, q850.as_ref())),
            Event::Ended { by, q850, .. } => return self.over(leg_end::of_ended(by, q850.as_ref())),
            Event::ReferReceived { refer, request, .. } => {
                self.asked_to_transfer(refer, &request, now, orders)
            }
            Event::ReinviteAnswered { sdp, .. } => self.change_answered(sdp.as_deref(), now, orders),
            Event::ReferProgress { progress, .. } => self.transfer_progress(&progress),
            Event::ReinviteFailed { code, .. } => self.change_refused(code, now),
            Event::AnswerWanted { key, place, sdp } => self.answer_wanted(key, place, &sdp, now, orders),
            Event::ProvisionalAcknowledged { sdp, .. } => {
                self.early_acknowledged(sdp.as_deref(), now, orders);
            }
            Event::Incoming { .. }
            | Event::ReinviteCanceled { .. }
            | Event::SessionRefreshed { .. }
            | Event::OptionsAnswered { .. }
            | Event::Registered { .. }
            | Event::RegistrationFailed { .. }
            | Event::Unregistered { .. }
            | Event::RegisterReceived { .. } => {}
        }
        Fate::Lives
    }

    fn heard_in(&mut self, event: &Event) {
        if matches!(event, Event::Trying { .. } | Event::Provisional { .. } | Event::Answered { .. }) {
            self.heard();
        }
    }

    /// The owner wants something.
    pub(crate) fn command(&mut self, command: Command, now: Timestamp, orders: &mut Vec<Order>) {
        match command {
            Command::Adopt(body) => self.adopt(*body),
            Command::Ring => self.ring(orders),
            Command::Trying => self.trying(orders),
            Command::EarlyMedia => self.early_media(now, orders),
            Command::LoseAnswer => self.lose_answer = true,
            Command::Answer => self.answer(now, orders),
            Command::Reject(rejection) => self.reject(rejection, orders),
            Command::Hold(on) => self.hold(on, orders),
            Command::Transfer(transfer) => self.transfer(transfer, orders),
            Command::AnswerTransfer(transfer, reply) => self.answer_transfer(transfer, reply, orders),
            Command::HangUp => self.hang_up(orders),
        }
    }

    /// Whether the answer that goes out now shall be lost; once.
    pub(crate) const fn takes_lost_answer(&mut self) -> bool {
        std::mem::replace(&mut self.lose_answer, false)
    }

    fn hang_up(&mut self, orders: &mut Vec<Order>) {
        if self.stage != Stage::Ending {
            self.stage = Stage::Ending;
            orders.extend(self.calls().map(|key| Order::HangUp { key, q850: Some(NORMAL_CLEARING) }));
        }
    }

    /// Gives up for a reason of our own.
    fn give_up(&mut self, why: &SoundError, now: Timestamp, orders: &mut Vec<Order>) {
        self.story.sound(&format!("No sound: {why}"), json!({ "reason": why.to_string() }), now);
        self.verdict = Some(leg_end::failed(LegEndedBy::Local, &format!("No sound: {why}")));
        self.hang_up(orders);
    }

    fn over(&mut self, end: LegEnd) -> Fate {
        let end = self.verdict.take().unwrap_or(end);
        self.arrival = None;
        if let Some(body) = self.body.take() {
            body.finish(end);
        }
        Fate::Over
    }

    fn fact(&self, fact: LegFact) {
        if let Some(body) = &self.body {
            body.report.fact(fact);
        }
    }

    fn digit(&self, digit: char, duration_ms: Option<u32>) {
        if let Some(body) = &self.body {
            body.report.media(MediaFact::Digit { digit, duration_ms: duration_ms.unwrap_or(100) });
        }
    }

    /// Turns the sound, and the call's offer, to where the call goes.
    pub(crate) fn aim(&mut self, call: &mut OutgoingCall) {
        if let Some(body) = &mut self.body {
            body.sound.aim(call.destination.address.ip());
            call.sdp = body.sound.offer_anew();
        }
    }

    /// Connects the sound as agreed and tells the timeline when that is new.
    fn connect(&mut self, agreed: &Negotiated, now: Timestamp) -> Result<(), SoundError> {
        let Some(body) = &mut self.body else { return Ok(()) };
        if body.sound.connect(agreed)? {
            let (line, detail) = body.sound.describe(agreed);
            self.story.sound(&line, detail, now);
        }
        self.tell_holding(agreed);
        Ok(())
    }
}

/// The end of an incoming call whose caller was gone before it was taken.
pub(crate) fn gone() -> LegEnd {
    leg_end::of_canceled(EndedBy::Remote, None)
}

#[cfg(test)]
mod tests;
