//! Requests of the peer in an answered call: what each means, and the answers that need nobody's decision.

use super::{Next, SentAnswer, Talking};
use crate::endpoint::order::{Hop, OrderError};
use crate::endpoint::output::{EndedBy, Event, OfferRequest};
use crate::endpoint::wire::{Status, Wire, finish_capabilities};
use crate::message::fields::parse_q850;
use crate::message::rack::RAck;
use crate::message::validate::Request;
use crate::message::{HeaderName, Method};
use crate::session::clock::{Agreed, write_agreed};
use crate::session::offer::{TheirOffer, start_target_refresh};
use crate::session::received::Received;
use crate::session::{info, session_description};
use model::Timestamp;

impl Talking {
    /// A request within the dialog, of which this is the first copy.
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
            Method::Bye => return self.on_bye(request, &received, wire, now),
            Method::Options => {
                received.reply_with(200, wire, now, finish_capabilities);
            }
            Method::Info => info::receive(self.key, request.message, &received, self.is_closing(), wire, now),
            Method::Prack => self.on_late_prack(request, &received, wire, now),
            _ if self.is_closing() => received.reply(481, wire, now),
            Method::Invite => self.on_reinvite(request, received, wire, now),
            Method::Update => self.on_update(request, received, wire, now),
            Method::Refer => self.on_refer(request, received, wire, now),
            Method::Notify => self.on_notify(request, &received, wire, now),
            _ => received.reply(481, wire, now),
        }
        Next::Stay
    }

    fn on_bye(
        &mut self,
        request: &Request<'_, '_>,
        received: &Received,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        received.reply(200, wire, now);
        if !self.is_closing() {
            self.take_as_ack(wire);
        }
        self.settle(wire, now);
        if let Some(answer) = self.answer.take() {
            answer.stop(wire);
        }
        let q850 = request.message.elements(HeaderName::Reason).find_map(parse_q850);
        self.tell_end(EndedBy::Remote, q850, wire);
        Next::Gone
    }

    /// A PRACK for a provisional response that our 2xx overtook (RFC 3262 §3).
    fn on_late_prack(
        &mut self,
        request: &Request<'_, '_>,
        received: &Received,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let named = RAck::of(request.message).map(|rack| (rack.rseq, rack.cseq.number));
        let code = if named.is_some() && named == self.late_prack { 200 } else { 481 };
        if code == 200 {
            self.late_prack = None;
        }
        received.reply(code, wire, now);
    }

    /// §14.2: while our own offer is open 491, while theirs is 500.
    fn on_reinvite(
        &mut self,
        request: &Request<'_, '_>,
        received: Received,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        self.take_as_ack(wire);
        let our_offer =
            self.answer.is_some() || self.ours.as_ref().is_some_and(super::OurChange::blocks_offers);
        if our_offer {
            return received.reply(491, wire, now);
        }
        if self.theirs.is_some() || self.owed.is_some() {
            return received.postpone(wire, now);
        }
        let judged = session_description(request.message).and_then(|sdp| {
            let agreed = self.clock.agree(request.message)?;
            Ok((sdp, agreed))
        });
        let (sdp, agreed) = match judged {
            Ok(judged) => judged,
            Err(refusal) => return received.refuse(&refusal, wire, now),
        };
        if wire.config.automatic_trying {
            let status = Status { code: 100, reason: None, tag: None };
            wire.reply(received.server, &received.head, status, now, |writer| writer.end());
        }
        let (has_offer, kind) = (sdp.is_some(), OfferRequest::Reinvite);
        let offer = TheirOffer { received, has_offer, request: kind, agreed };
        self.take_offer(request, offer, sdp, wire, now);
    }

    /// Who sends a re-INVITE or hangs up has our 2xx, even if its ACK is lost or still on the way (RFC 5407 §3.1.4). Not if
    /// the ACK is to bring the answer to our offer.
    fn take_as_ack(&mut self, wire: &mut Wire) {
        if let Some(answer) = self.answer.take_if(|answer| answer.had_offer) {
            answer.stop(wire);
            wire.event(Event::AnswerAcknowledged { key: self.key, sdp: None });
        }
    }

    /// The application has to decide.
    fn take_offer(
        &mut self,
        request: &Request<'_, '_>,
        offer: TheirOffer,
        sdp: Option<Vec<u8>>,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        self.give_way(wire, now);
        self.dialog.refresh_target(request.message);
        wire.event(Event::ReinviteReceived { key: self.key, sdp, request: offer.request });
        self.theirs = Some(offer);
    }

    /// RFC 3311 §5.2; without an offer it is a refresh, which needs no decision.
    fn on_update(&mut self, request: &Request<'_, '_>, received: Received, wire: &mut Wire, now: Timestamp) {
        let judged = session_description(request.message).and_then(|sdp| {
            let agreed = self.clock.agree(request.message)?;
            Ok((sdp, agreed))
        });
        let (sdp, agreed) = match judged {
            Ok(judged) => judged,
            Err(refusal) => return received.refuse(&refusal, wire, now),
        };
        if sdp.is_none() {
            return self.on_refresh_received(request, &received, agreed, wire, now);
        }
        let our_offer = self.answer.as_ref().is_some_and(|answer| !answer.had_offer)
            || self.ours.as_ref().is_some_and(super::OurChange::blocks_offers);
        if our_offer {
            return received.reply(491, wire, now);
        }
        if self.theirs.is_some() || self.owed.is_some() {
            return received.postpone(wire, now);
        }
        let offer = TheirOffer { received, has_offer: true, request: OfferRequest::Update, agreed };
        self.take_offer(request, offer, sdp, wire, now);
    }

    fn on_refresh_received(
        &mut self,
        request: &Request<'_, '_>,
        received: &Received,
        agreed: Option<Agreed>,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        if self.theirs.as_ref().is_some_and(|theirs| theirs.request == OfferRequest::Update) {
            return received.postpone(wire, now);
        }
        self.dialog.refresh_target(request.message);
        received.reply_with(200, wire, now, |writer| {
            start_target_refresh(&self.dialog, writer);
            write_agreed(agreed, writer);
            writer.end();
        });
        self.clock.start_as_uas(agreed, self.key, wire, now);
        if agreed.is_some() {
            wire.event(Event::SessionRefreshed { key: self.key, sdp: None });
        }
    }

    /// Answers the peer's offer.
    pub(crate) fn answer_reinvite(
        &mut self,
        sdp: &[u8],
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let offer = self.theirs.take().ok_or(OrderError::WrongState)?;
        let bytes = offer.answer(&self.dialog, sdp, wire, now);
        self.local_sdp = sdp.to_vec();
        if offer.request != OfferRequest::Prack {
            self.clock.start_as_uas(offer.agreed, self.key, wire, now);
        }
        if offer.request == OfferRequest::Reinvite {
            let (hop, cseq) = (offer.received.head.hop, offer.received.cseq);
            let answer = SentAnswer::new(self.key, bytes, hop, cseq, offer.has_offer, wire, now);
            self.answer = Some(answer);
        }
        Ok(())
    }

    /// Refuses the peer's offer.
    pub(crate) fn reject_reinvite(
        &mut self,
        code: u16,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let offer = self.theirs.take().ok_or(OrderError::WrongState)?;
        offer.refuse(code, wire, now);
        Ok(())
    }
}
