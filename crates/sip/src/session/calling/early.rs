//! What happens within the early dialogs of a call we placed: PRACKs of ours, offers and answers in them, requests of the
//! callee before it answers (RFC 3262 §4, §5, RFC 3311 §5.2).

use super::Calling;
use super::forks::Fork;
use crate::endpoint::order::{AnswerPlace, Hop, OrderError};
use crate::endpoint::output::{Event, OfferRequest};
use crate::endpoint::wire::{Wire, finish_capabilities};
use crate::message::validate::{Request, Response};
use crate::message::{HeaderName, Method};
use crate::session::dialog_request::DialogRequest;
use crate::session::offer::{TheirOffer, start_target_refresh};
use crate::session::received::Received;
use crate::session::{info, session_description};
use crate::transaction::{ClientId, Owner};
use model::Timestamp;

impl Calling {
    /// Acknowledges a reliable provisional response, or asks for the answer to the offer it makes. Gives the session
    /// description to tell beside it.
    pub(super) fn acknowledge_provisional(
        &mut self,
        fork_number: u16,
        rseq: u32,
        sdp: Option<Vec<u8>>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> (Option<Vec<u8>>, Option<Event>) {
        let had_offer = !self.invite.sdp.is_empty();
        let Some(fork) = self.forks.get(fork_number) else { return (sdp, None) };
        match sdp {
            Some(sdp) if !had_offer && !fork.is_agreed => {
                fork.owed = Some(rseq);
                let place = AnswerPlace::Prack { fork: fork_number };
                (None, Some(Event::AnswerWanted { key: self.key, place, sdp }))
            }
            sdp => {
                fork.is_agreed |= sdp.is_some();
                self.send_prack(fork_number, rseq, &[], wire, now);
                (sdp, None)
            }
        }
    }

    fn send_prack(&mut self, fork_number: u16, rseq: u32, sdp: &[u8], wire: &mut Wire, now: Timestamp) {
        let (key, cseq) = (self.key, self.cseq);
        let Some(fork) = self.forks.get(fork_number) else { return };
        let mut request = DialogRequest::new("PRACK")
            .header(HeaderName::RAck, format_args!("{rseq} {cseq} INVITE"))
            .sdp(sdp);
        let transaction = request.send(&mut fork.dialog, &[], Owner::Within(key), wire, now);
        fork.prack = Some((transaction, request));
    }

    /// The application's answer to an offer in a provisional response.
    pub(crate) fn give_answer(
        &mut self,
        place: AnswerPlace,
        sdp: &[u8],
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let AnswerPlace::Prack { fork: number } = place else { return Err(OrderError::WrongState) };
        let fork = self.forks.get(number).ok_or(OrderError::WrongState)?;
        let rseq = fork.owed.take().ok_or(OrderError::WrongState)?;
        fork.is_agreed = true;
        self.local_sdp = sdp.to_vec();
        self.send_prack(number, rseq, sdp, wire, now);
        Ok(())
    }

    /// A response to a PRACK of ours: only a challenge asks for more.
    pub(crate) fn on_response_within(
        &mut self,
        transaction: ClientId,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        if !matches!(response.code, 401 | 407) || self.ending.is_some() {
            return;
        }
        let Some(mut access) = self.access() else { return };
        let is_it = |fork: &&mut Fork| fork.prack.as_ref().is_some_and(|(id, _)| *id == transaction);
        let Some(Fork { dialog, prack: Some((id, request)), .. }) = self.forks.iter_mut().find(is_it) else {
            return;
        };
        if let Some(line) = access.answer(response, source, dialog, request, wire) {
            *id = request.send(dialog, &line, Owner::Within(self.key), wire, now);
        }
    }

    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.forks.matches(call_id, remote_tag)
    }

    /// A request of the callee within an early dialog, of which this is the first copy.
    pub(crate) fn on_request(
        &mut self,
        request: &Request<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let received = Received::open(request, source, self.key, wire);
        let Some((number, fork)) = self.forks.find(request.from.tag()) else {
            return received.reply(481, wire, now);
        };
        if !fork.dialog.accept_cseq(request.cseq.number) {
            return received.reply(500, wire, now);
        }
        match request.method {
            Method::Update => self.on_update(number, request, received, wire, now),
            Method::Options => {
                received.reply_with(200, wire, now, finish_capabilities);
            }
            Method::Info => {
                info::receive(self.key, request.message, &received, self.ending.is_some(), wire, now)
            }
            _ => received.reply(481, wire, now),
        }
    }

    fn on_update(
        &mut self,
        number: u16,
        request: &Request<'_, '_>,
        received: Received,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let sdp = match session_description(request.message) {
            Ok(sdp) => sdp,
            Err(refusal) => return received.refuse(&refusal, wire, now),
        };
        let had_offer = !self.invite.sdp.is_empty();
        let is_ending = self.ending.is_some();
        let is_busy = self.theirs.is_some();
        let Some(fork) = self.forks.get(number) else { return received.reply(481, wire, now) };
        match sdp {
            _ if is_ending => received.reply(487, wire, now),
            None if is_busy => received.postpone(wire, now),
            None => {
                fork.dialog.refresh_target(request.message);
                received.reply_with(200, wire, now, |writer| {
                    start_target_refresh(&fork.dialog, writer);
                    writer.end();
                });
            }
            // Our offer in the INVITE has no answer yet that stands.
            Some(_) if had_offer && !fork.is_agreed => received.reply(491, wire, now),
            Some(_) if is_busy || !fork.is_agreed => received.postpone(wire, now),
            Some(sdp) => {
                fork.dialog.refresh_target(request.message);
                let request = OfferRequest::EarlyUpdate { fork: number };
                self.theirs = Some((number, TheirOffer { received, has_offer: true, request, agreed: None }));
                wire.event(Event::ReinviteReceived { key: self.key, sdp: Some(sdp), request });
            }
        }
    }

    /// Answers the callee's offer.
    pub(crate) fn answer_offer(
        &mut self,
        sdp: &[u8],
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let (number, offer) = self.theirs.take().ok_or(OrderError::WrongState)?;
        let fork = self.forks.get(number).ok_or(OrderError::WrongState)?;
        offer.answer(&fork.dialog, sdp, wire, now);
        self.local_sdp = sdp.to_vec();
        Ok(())
    }

    /// Refuses the callee's offer.
    pub(crate) fn reject_offer(
        &mut self,
        code: u16,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let (_, offer) = self.theirs.take().ok_or(OrderError::WrongState)?;
        offer.refuse(code, wire, now);
        Ok(())
    }
}
