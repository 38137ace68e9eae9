//! A change of the session that we ask for (RFC 3261 §14.1, RFC 3311 §5.1): re-INVITE or UPDATE, its challenges, glare and
//! too short an interval, until the application can be told how it ended. A refresh is one that nobody ordered.

use super::owed::OwedAck;
use super::{Next, Talking};
use crate::endpoint::order::{Hop, OrderError};
use crate::endpoint::output::{EndedBy, Event};
use crate::endpoint::wire::Wire;
use crate::message::fields::parse_retry_after;
use crate::message::validate::Response;
use crate::message::{HeaderName, Writer};
use crate::session::dialog_request::DialogRequest;
use crate::session::session_description;
use crate::transaction::{ClientId, Owner, Timer, TimerId};
use model::Timestamp;
use std::time::Duration;

/// How often glare is waited out for one change.
const GLARES_MAX: u8 = 5;

/// Who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The application.
    Ordered,
    /// The session timer.
    Refresh,
}

/// A change under way.
pub(super) struct OurChange {
    method: &'static str,
    pub(super) purpose: Purpose,
    /// Empty in an UPDATE that only refreshes, and in a re-INVITE without offer.
    sdp: Vec<u8>,
    request: DialogRequest,
    /// None while glare is waited out.
    transaction: Option<ClientId>,
    again: Option<TimerId>,
    glares: u8,
    lengthened: bool,
}

impl OurChange {
    pub(super) fn is(&self, transaction: ClientId) -> bool {
        self.transaction == Some(transaction)
    }

    /// An INVITE, or an UPDATE with an offer, that waits for its response.
    pub(super) fn blocks_offers(&self) -> bool {
        self.transaction.is_some() && (self.method == "INVITE" || !self.sdp.is_empty())
    }

    /// Nobody waits for it any more.
    pub(super) fn stop(&self, wire: &mut Wire, now: Timestamp) {
        wire.timers.cancel(self.again);
        if let Some(transaction) = self.transaction {
            let (clients, mut effects) = wire.clients(now);
            clients.abandon(transaction, &mut effects);
        }
    }
}

impl Talking {
    /// Offers a changed session; without description the peer makes the offer. A refresh under way goes first.
    pub(crate) fn reinvite(&mut self, sdp: &[u8], wire: &mut Wire, now: Timestamp) -> Result<(), OrderError> {
        if self.is_busy_without_ours() || self.queued_change.is_some() {
            return Err(OrderError::WrongState);
        }
        match self.ours.take() {
            Some(ordered) if ordered.purpose == Purpose::Ordered => {
                self.ours = Some(ordered);
                return Err(OrderError::WrongState);
            }
            Some(refresh) if refresh.transaction.is_some() => {
                self.ours = Some(refresh);
                self.queued_change = Some(sdp.to_vec());
                return Ok(());
            }
            // The change refreshes as well.
            Some(waiting) => waiting.stop(wire, now),
            None => {}
        }
        self.start_change("INVITE", Purpose::Ordered, sdp.to_vec(), wire, now);
        Ok(())
    }

    /// A refresh is done: the change that waited for it may go, unless the peer's offer was faster.
    fn go_on_with_queued(&mut self, wire: &mut Wire, now: Timestamp) {
        if self.ours.is_some() {
            return;
        }
        let Some(sdp) = self.queued_change.take() else { return };
        if self.is_busy_without_ours() {
            wire.event(Event::ReinviteFailed { key: self.key, code: 491, retry_after: None });
        } else {
            self.start_change("INVITE", Purpose::Ordered, sdp, wire, now);
        }
    }

    /// Whether an offer of the peer, or the end of one, stands in the way of a change of ours.
    pub(super) fn is_busy_without_ours(&self) -> bool {
        self.theirs.is_some() || self.answer.is_some() || self.owed.is_some()
    }

    pub(super) fn start_change(
        &mut self,
        method: &'static str,
        purpose: Purpose,
        sdp: Vec<u8>,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let request = DialogRequest::new(method);
        let (transaction, again, glares, lengthened) = (None, None, 0, false);
        let change = OurChange { method, purpose, sdp, request, transaction, again, glares, lengthened };
        self.send_change(change, wire, now);
    }

    /// Writes it as things stand now, and sends it.
    fn send_change(&mut self, mut change: OurChange, wire: &mut Wire, now: Timestamp) {
        let challenges = change.request.challenges;
        let mut lines = Vec::new();
        self.clock.ask_again(&mut Writer::fragment(&mut lines));
        let request = DialogRequest::new(change.method).target_refresh(&self.dialog).lines(&lines);
        change.request = request.sdp(&change.sdp);
        change.request.challenges = challenges;
        self.dispatch_change(change, &[], wire, now);
    }

    fn dispatch_change(&mut self, mut change: OurChange, line: &[u8], wire: &mut Wire, now: Timestamp) {
        let owner = match change.method {
            "INVITE" => Owner::Reinvite(self.key),
            _ => Owner::Within(self.key),
        };
        change.transaction = Some(change.request.send(&mut self.dialog, line, owner, wire, now));
        self.ours = Some(change);
    }

    /// A final response to it.
    pub(super) fn on_change_response(
        &mut self,
        transaction: ClientId,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        let Some(mut change) = self.ours.take() else { return Next::Stay };
        match response.code {
            200..=299 => {
                self.on_changed(&change, transaction, response, wire, now);
                self.go_on_with_queued(wire, now);
                return Next::Stay;
            }
            // §12.2.1.2: the peer does not know the dialog any more.
            408 | 481 => return self.leave(EndedBy::Remote, None, wire, now),
            401 | 407 => {
                let access = self.access.as_mut();
                let line = access.and_then(|access| {
                    access.answer(response, source, &self.dialog, &mut change.request, wire)
                });
                if let Some(line) = line {
                    self.dispatch_change(change, &line, wire, now);
                    return Next::Stay;
                }
            }
            422 if !change.lengthened && self.clock.lengthen(response.message) => {
                change.lengthened = true;
                self.send_change(change, wire, now);
                return Next::Stay;
            }
            code if change.request.was_overtaken(code, &self.dialog) => {
                self.dispatch_change(change, &[], wire, now);
                return Next::Stay;
            }
            491 if change.glares < GLARES_MAX => {
                self.wait_out_glare(change, wire, now);
                return Next::Stay;
            }
            _ => {}
        }
        self.on_unchanged(&change, response, wire, now);
        self.go_on_with_queued(wire, now);
        Next::Stay
    }

    fn on_changed(
        &mut self,
        change: &OurChange,
        transaction: ClientId,
        response: &Response<'_, '_>,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let key = self.key;
        self.dialog.refresh_target(response.message);
        self.clock.start_as_uac(response.message, key, wire, now);
        let mut sdp = session_description(response.message).unwrap_or_default();
        let mut offer = None;
        if !change.sdp.is_empty() {
            self.local_sdp.clone_from(&change.sdp);
        } else if change.method == "INVITE" {
            offer = sdp.take();
        }
        if change.method == "INVITE" && offer.is_none() {
            wire.acknowledge(transaction, &self.dialog, response.cseq.number, &[], &[], now);
        }
        wire.event(match change.purpose {
            Purpose::Ordered => Event::ReinviteAnswered { key, sdp },
            Purpose::Refresh => Event::SessionRefreshed { key, sdp },
        });
        if let Some(sdp) = offer {
            self.owed = Some(OwedAck::new(key, transaction, response.cseq.number, Vec::new(), wire, now));
            wire.event(Event::AnswerWanted { key, place: crate::endpoint::order::AnswerPlace::Ack, sdp });
        }
    }

    fn on_unchanged(
        &mut self,
        change: &OurChange,
        response: &Response<'_, '_>,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let retry_after = response.message.value(HeaderName::RetryAfter).and_then(parse_retry_after);
        let retry_after = retry_after.map(|secs| Duration::from_secs(secs.into()));
        match change.purpose {
            Purpose::Ordered => {
                wire.event(Event::ReinviteFailed { key: self.key, code: response.code, retry_after });
            }
            Purpose::Refresh => self.on_refresh_refused(change.method, response.code, retry_after, wire, now),
        }
    }

    /// §14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other, in steps of 10 ms.
    fn wait_out_glare(&mut self, mut change: OurChange, wire: &mut Wire, now: Timestamp) {
        if let Some(sdp) = self.queued_change.take() {
            // It waits in the refresh's place, and refreshes as well.
            (change.method, change.purpose, change.sdp) = ("INVITE", Purpose::Ordered, sdp);
        }
        let (base, spread) = if self.placed { (210, 191) } else { (0, 201) };
        let pause = Duration::from_millis(10 * u64::from(base + wire.tokens.below(spread)));
        change.transaction = None;
        change.glares += 1;
        change.again = Some(wire.set(now + pause, Timer::OfferAgain(self.key)));
        self.ours = Some(change);
    }

    /// Glare is over, unless something else came in between.
    pub(crate) fn on_offer_again(&mut self, wire: &mut Wire, now: Timestamp) {
        let Some(mut change) = self.ours.take_if(|ours| ours.transaction.is_none()) else { return };
        change.again = None;
        if self.is_busy_without_ours() {
            return self.wait_out_glare(change, wire, now);
        }
        self.send_change(change, wire, now);
    }

    /// The peer's offer comes while ours waits: the peer's counts.
    pub(super) fn give_way(&mut self, wire: &mut Wire, now: Timestamp) {
        let Some(change) = self.ours.take_if(|ours| ours.transaction.is_none()) else { return };
        change.stop(wire, now);
        if change.purpose == Purpose::Ordered {
            wire.event(Event::ReinviteFailed { key: self.key, code: 491, retry_after: None });
        }
    }
}
