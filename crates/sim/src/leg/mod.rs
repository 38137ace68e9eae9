//! One SIP call of one side and what is agreed about its sound: events of the endpoint go in, orders to it and news for
//! the leg's owner come out. The same on both sides. Knows neither packets nor why the call exists.

use crate::sound::Connection;
use model::Timestamp;
use model::leg::{LegEnd, LegEndedBy, LegFact};
use sip::sdp::{self, Codec, LocalAudio, MediaDirection, Negotiated, Origin, SessionDescription};
use sip::{Answer, CallKey, Event, Order, Q850, Rejection, leg_end};
use std::net::SocketAddr;

/// The payload type that telephone events are offered under.
const DTMF_PAYLOAD_TYPE: u8 = 101;
const NORMAL_CLEARING: Q850 = Q850 { cause: 16, text: None };

/// What the owner of a leg hears.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// It changed.
    Fact(LegFact),
    /// Its sound is agreed.
    Connected(Connection),
    /// A key by signalling.
    Digit(char, u32),
    /// The far side answered the wish to hold or to resume.
    HoldAnswered(bool),
    /// The far side answered the wish to be transferred.
    TransferAnswered(bool),
}

/// How a side speaks.
#[derive(Debug)]
pub(crate) struct Speaks {
    /// Where its sound lives.
    pub(crate) address: SocketAddr,
    /// What it knows, best first.
    pub(crate) codecs: Vec<Codec>,
    /// Whether it knows telephone events.
    pub(crate) events: bool,
}

impl Speaks {
    /// A side that knows all codecs.
    pub(crate) fn all(address: SocketAddr, events: bool) -> Self {
        Self { address, codecs: Codec::ALL.to_vec(), events }
    }
}

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Dialling,
    Arrived,
    Answering,
    Talking,
    Ending,
}

/// A SIP call and what is agreed about its sound.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) key: CallKey,
    stage: Stage,
    local: LocalAudio,
    offered: Option<SessionDescription>,
    offer: Option<Vec<u8>>,
    early: Option<(u16, Negotiated)>,
    ringing: Option<LegFact>,
    verdict: Option<LegEnd>,
}

impl Leg {
    /// A call that is placed; its offer is to go out with the INVITE.
    pub(crate) fn outgoing(key: CallKey, speaks: Speaks) -> (Self, Vec<u8>) {
        let mut leg = Self::new(key, Stage::Dialling, speaks);
        let offer = leg.offer();
        (leg, offer)
    }

    /// A call that arrived.
    pub(crate) fn incoming(key: CallKey, speaks: Speaks, offer: Option<Vec<u8>>) -> Self {
        Self { offer, ..Self::new(key, Stage::Arrived, speaks) }
    }

    fn new(key: CallKey, stage: Stage, speaks: Speaks) -> Self {
        Self {
            key,
            stage,
            local: local_audio(speaks),
            offered: None,
            offer: None,
            early: None,
            ringing: None,
            verdict: None,
        }
    }

    fn offer(&mut self) -> Vec<u8> {
        self.local.origin = self.local.origin.next();
        let offer = sdp::offer(&self.local);
        let body = offer.to_bytes();
        self.offered = Some(offer);
        body
    }

    /// The endpoint tells something.
    pub(crate) fn event(&mut self, event: Event, orders: &mut Vec<Order>, news: &mut Vec<News>) {
        match event {
            Event::Trying { .. } => news.push(News::Fact(LegFact::Trying)),
            Event::Provisional { code, fork, sdp, .. } => self.provisional(code, fork, sdp.as_deref(), news),
            Event::Answered { answer, .. } => self.answered(&answer, orders, news),
            Event::AnswerAcknowledged { .. } => self.acknowledged(news),
            Event::ReinviteReceived { sdp, .. } => self.reinvited(sdp.as_deref(), orders, news),
            Event::ReinviteAnswered { .. } => news.push(News::HoldAnswered(true)),
            Event::ReinviteFailed { .. } => news.push(News::HoldAnswered(false)),
            Event::ReferReceived { key, refer, .. } => {
                orders.push(Order::AnswerRefer { key, refer, code: 603 });
            }
            Event::ReferProgress { progress, .. } => self.referred(&progress, news),
            Event::InfoDigit { digit, duration_ms, .. } => {
                news.push(News::Digit(digit, duration_ms.unwrap_or(100)));
            }
            Event::Failed { failure, .. } => self.over(leg_end::of_failure(&failure), news),
            Event::Canceled { by, q850, .. } => self.over(leg_end::of_canceled(by, q850.as_ref()), news),
            Event::Ended { by, q850, .. } => self.over(leg_end::of_ended(by, q850.as_ref()), news),
            _ => {}
        }
    }

    fn referred(&self, progress: &sip::ReferProgress, news: &mut Vec<News>) {
        use sip::ReferProgress::{Accepted, Failed};
        match progress {
            Accepted => news.push(News::TransferAnswered(true)),
            Failed { .. } => news.push(News::TransferAnswered(false)),
            _ => {}
        }
    }

    fn over(&mut self, end: LegEnd, news: &mut Vec<News>) {
        let end = self.verdict.take().unwrap_or(end);
        news.push(News::Fact(LegFact::Ended(end)));
    }

    fn provisional(&mut self, code: u16, fork: u16, body: Option<&[u8]>, news: &mut Vec<News>) {
        if self.stage != Stage::Dialling {
            return;
        }
        let agreed = body.and_then(|body| self.read_answer(body));
        if let Some(agreed) = &agreed {
            self.early = Some((fork, agreed.clone()));
            news.push(News::Connected(connection(agreed)));
        }
        let was_early = matches!(self.ringing, Some(LegFact::Ringing { early_media: true }));
        if code == 180 || agreed.is_some() {
            let ringing = LegFact::Ringing { early_media: agreed.is_some() || was_early };
            if self.ringing.as_ref() != Some(&ringing) {
                self.ringing = Some(ringing.clone());
                news.push(News::Fact(ringing));
            }
        }
    }

    fn read_answer(&self, body: &[u8]) -> Option<Negotiated> {
        let answer = SessionDescription::parse(body).ok()?;
        sdp::accept_answer(self.offered.as_ref()?, &answer).ok()
    }

    fn answered(&mut self, answer: &Answer, orders: &mut Vec<Order>, news: &mut Vec<News>) {
        if self.stage != Stage::Dialling {
            return;
        }
        let early = self.early.take().filter(|early| early.0 == answer.fork).map(|early| early.1);
        let agreed = match &answer.sdp {
            Some(body) => self.read_answer(body),
            None => early,
        };
        let Some(agreed) = agreed else {
            self.verdict = Some(leg_end::failed(
                LegEndedBy::Local,
                "No sound: the far side gave no session description that does",
            ));
            return self.hang_up(orders);
        };
        self.stage = Stage::Talking;
        news.push(News::Connected(connection(&agreed)));
        news.push(News::Fact(LegFact::Answered));
    }

    fn acknowledged(&mut self, news: &mut Vec<News>) {
        if self.stage == Stage::Answering {
            self.stage = Stage::Talking;
            news.push(News::Fact(LegFact::Answered));
        }
    }

    /// The peer offers a changed session, or asks for our offer.
    fn reinvited(&mut self, offer: Option<&[u8]>, orders: &mut Vec<Order>, news: &mut Vec<News>) {
        let key = self.key;
        let Some(offer) = offer else {
            let sdp = self.offer();
            return orders.push(Order::AnswerReinvite { key, sdp });
        };
        match self.answer_to(offer) {
            Some((sdp, agreed)) => {
                news.push(News::Connected(connection(&agreed)));
                orders.push(Order::AnswerReinvite { key, sdp });
            }
            None => orders.push(Order::RejectReinvite { key, code: 488 }),
        }
    }

    fn answer_to(&mut self, offer: &[u8]) -> Option<(Vec<u8>, Negotiated)> {
        let offer = SessionDescription::parse(offer).ok()?;
        self.local.origin = self.local.origin.next();
        let (answer, agreed) = sdp::answer(&offer, &self.local).ok()?;
        Some((answer.to_bytes(), agreed))
    }

    /// Tells the caller that somebody works on the call.
    pub(crate) fn trying(&self, orders: &mut Vec<Order>) {
        if self.stage == Stage::Arrived {
            orders.push(Order::Ring { key: self.key, code: 100, sdp: None });
        }
    }

    /// Tells the caller that it rings.
    pub(crate) fn ring(&self, orders: &mut Vec<Order>) {
        if self.stage == Stage::Arrived {
            orders.push(Order::Ring { key: self.key, code: 180, sdp: None });
        }
    }

    /// Opens the sound to the caller before the answer.
    pub(crate) fn ring_with_sound(&mut self, orders: &mut Vec<Order>, news: &mut Vec<News>) {
        let Some(offer) = self.offer.clone().filter(|_| self.stage == Stage::Arrived) else { return };
        if let Some((sdp, agreed)) = self.answer_to(&offer) {
            news.push(News::Connected(connection(&agreed)));
            orders.push(Order::Ring { key: self.key, code: 183, sdp: Some(sdp) });
        }
    }

    /// Answers.
    pub(crate) fn answer(&mut self, orders: &mut Vec<Order>, news: &mut Vec<News>) {
        if self.stage != Stage::Arrived {
            return;
        }
        let answer = self.offer.take().and_then(|offer| self.answer_to(&offer));
        let Some((sdp, agreed)) = answer else {
            self.verdict = Some(leg_end::failed(
                LegEndedBy::Local,
                "No sound: the far side's session description does not do",
            ));
            self.stage = Stage::Ending;
            return orders.push(Order::Reject { key: self.key, rejection: Rejection::with_code(488) });
        };
        self.stage = Stage::Answering;
        news.push(News::Connected(connection(&agreed)));
        orders.push(Order::Answer { key: self.key, sdp });
    }

    /// Refuses the call.
    pub(crate) fn reject(&mut self, rejection: Rejection, orders: &mut Vec<Order>) {
        if self.stage == Stage::Arrived {
            self.verdict = Some(leg_end::of_rejection(&rejection));
            self.stage = Stage::Ending;
            orders.push(Order::Reject { key: self.key, rejection });
        }
    }

    /// Holds the far side, or takes it back.
    pub(crate) fn hold(&mut self, on: bool, orders: &mut Vec<Order>) {
        if self.stage == Stage::Talking {
            self.local.direction = if on { MediaDirection::SendOnly } else { MediaDirection::SendReceive };
            let sdp = self.offer();
            orders.push(Order::Reinvite { key: self.key, sdp });
        }
    }

    /// Ends the call.
    pub(crate) fn hang_up(&mut self, orders: &mut Vec<Order>) {
        if self.stage != Stage::Ending {
            self.stage = Stage::Ending;
            orders.push(Order::HangUp { key: self.key, q850: Some(NORMAL_CLEARING) });
        }
    }
}

/// Our end of the sound; the session's id is made of the port, which is this leg's alone.
fn local_audio(Speaks { address, codecs, events }: Speaks) -> LocalAudio {
    let origin = Origin { session_id: u64::from(address.port()), version: 0 };
    let dtmf_payload_type = events.then_some(DTMF_PAYLOAD_TYPE);
    LocalAudio { dtmf_payload_type, ..LocalAudio::new(address, codecs, origin) }
}

fn connection(agreed: &Negotiated) -> Connection {
    Connection {
        remote: agreed.remote,
        codec: agreed.codec,
        payload_type: agreed.payload_type,
        receive_payload_type: agreed.receive_payload_type,
        dtmf_payload_type: agreed.dtmf_payload_type,
        receive_dtmf_payload_type: agreed.receive_dtmf_payload_type,
        send: agreed.direction.sends(),
        receive: agreed.direction.receives(),
    }
}

/// A moment that never comes within a simulation.
pub(crate) const NEVER: Timestamp = Timestamp::from_micros(u64::MAX);
