//! Requests of the caller before we answer: PRACK and UPDATE carry offers and answers (RFC 3262 §5, RFC 3311 §5.2), BYE takes
//! the call back (RFC 3261 §15), the rest has to wait.

use super::Ringing;
use crate::endpoint::order::{Hop, OrderError};
use crate::endpoint::output::{Event, OfferRequest};
use crate::endpoint::wire::{Wire, finish_capabilities};
use crate::message::fields::parse_q850;
use crate::message::rack::RAck;
use crate::message::validate::{Refusal, Request};
use crate::message::{HeaderName, Method};
use crate::session::offer::{TheirOffer, start_target_refresh};
use crate::session::received::Received;
use crate::session::{Next, info, session_description};
use model::Timestamp;

impl Ringing {
    /// A request within the early dialog, of which this is the first copy.
    pub(crate) fn on_request(
        &mut self,
        request: &Request<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        let received = Received::open(request, source, self.key, wire);
        if !self.dialog.accept_cseq(request.cseq.number) {
            received.reply(500, wire, now);
            return Next::Stay;
        }
        match request.method {
            Method::Bye => {
                received.reply(200, wire, now);
                let q850 = request.message.elements(HeaderName::Reason).find_map(parse_q850);
                return self.on_cancel(q850, wire, now);
            }
            Method::Prack => return self.on_prack(request, received, wire, now),
            Method::Update => self.on_update(request, received, wire, now),
            Method::Options => {
                received.reply_with(200, wire, now, finish_capabilities);
            }
            Method::Info => info::receive(self.key, request.message, &received, false, wire, now),
            Method::Invite => received.postpone(wire, now),
            _ => received.reply(481, wire, now),
        }
        Next::Stay
    }

    fn on_prack(
        &mut self,
        request: &Request<'_, '_>,
        received: Received,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        let message = request.message;
        let judged = RAck::of(message)
            .ok_or(Refusal::bad("Missing Or Malformed RAck"))
            .and_then(|rack| Ok((rack, session_description(message)?)));
        let (rack, sdp) = match judged {
            Ok(judged) => judged,
            Err(refusal) => {
                received.refuse(&refusal, wire, now);
                return Next::Stay;
            }
        };
        let Some(had_sdp) = self.reliable.acknowledge(&rack, self.cseq, wire) else {
            received.reply(481, wire, now);
            return Next::Stay;
        };
        self.is_agreed |= had_sdp;
        let answers = had_sdp && !self.has_offer;
        let (answer, offer) = if answers { (sdp, None) } else { (None, sdp) };
        wire.event(Event::ProvisionalAcknowledged { key: self.key, sdp: answer });
        match offer {
            Some(_) if !self.is_agreed || self.theirs.is_some() => received.reply(488, wire, now),
            Some(sdp) => self.take_offer(received, sdp, OfferRequest::Prack, wire),
            None => received.reply(200, wire, now),
        }
        self.go_on(wire, now)
    }

    fn take_offer(&mut self, received: Received, sdp: Vec<u8>, request: OfferRequest, wire: &mut Wire) {
        self.theirs = Some(TheirOffer { received, has_offer: true, request, agreed: None });
        wire.event(Event::ReinviteReceived { key: self.key, sdp: Some(sdp), request });
    }

    /// Nothing may hold back any more what waited.
    fn go_on(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        if self.reliable.is_waiting() {
            return Next::Stay;
        }
        if self.held_answer.is_none() {
            if let Some(next) = self.reliable.next() {
                self.say(next, wire, now);
            }
            return Next::Stay;
        }
        if self.theirs.is_some() {
            return Next::Stay;
        }
        match self.held_answer.take() {
            Some(sdp) => self.answer_now(&sdp, wire, now),
            None => Next::Stay,
        }
    }

    /// RFC 3311 §5.2: an offer of ours that is open 491, one of theirs 500.
    fn on_update(&mut self, request: &Request<'_, '_>, received: Received, wire: &mut Wire, now: Timestamp) {
        let sdp = match session_description(request.message) {
            Ok(sdp) => sdp,
            Err(refusal) => return received.refuse(&refusal, wire, now),
        };
        let Some(sdp) = sdp else {
            if self.theirs.is_some() {
                return received.postpone(wire, now);
            }
            self.dialog.refresh_target(request.message);
            received.reply_with(200, wire, now, |writer| {
                start_target_refresh(&self.dialog, writer);
                writer.end();
            });
            return;
        };
        if self.reliable.holds_answer() && !self.has_offer {
            return received.reply(491, wire, now);
        }
        if !self.is_agreed || self.theirs.is_some() {
            return received.postpone(wire, now);
        }
        self.dialog.refresh_target(request.message);
        self.take_offer(received, sdp, OfferRequest::Update, wire);
    }

    /// Answers the peer's offer.
    pub(crate) fn answer_offer(
        &mut self,
        sdp: &[u8],
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<Next, OrderError> {
        let offer = self.theirs.take().ok_or(OrderError::WrongState)?;
        offer.answer(&self.dialog, sdp, wire, now);
        self.local_sdp = sdp.to_vec();
        Ok(self.go_on(wire, now))
    }

    /// Refuses the peer's offer.
    pub(crate) fn reject_offer(
        &mut self,
        code: u16,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<Next, OrderError> {
        let offer = self.theirs.take().ok_or(OrderError::WrongState)?;
        offer.refuse(code, wire, now);
        Ok(self.go_on(wire, now))
    }
}
