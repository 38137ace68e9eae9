//! An answered call (RFC 3261 §12.2, §13.3.1.4, §14, §15): our 2xx waits for its ACK, either side changes the session,
//! refreshes it, hands it over, ends it. Routes each request and response to the room it concerns.

mod answer;
mod change;
mod owed;
mod referred;
mod referring;
mod refresh;
mod requests;

pub(in crate::session) use answer::SentAnswer;
pub(in crate::session) use owed::OwedAck;

use super::access::Access;
use super::clock::SessionClock;
use super::leaving::Leaving;
use super::offer::TheirOffer;
use super::{Next, session_description};
use crate::dialog::Dialog;
use crate::dialog::snapshot::{DialogSnapshot, SNAPSHOT_VERSION, SnapshotPhase};
use crate::digest::Credentials;
use crate::endpoint::order::{AnswerPlace, CallKey, Hop, OrderError, Q850};
use crate::endpoint::output::{EndedBy, Event};
use crate::endpoint::wire::Wire;
use crate::message::validate::{Request, Response};
use crate::transaction::{ClientId, ServerId, reason_value};
use change::OurChange;
use model::Timestamp;
use referred::Referred;
use referring::Referring;

/// An answered call.
pub(crate) struct Talking {
    key: CallKey,
    dialog: Dialog,
    /// Our 2xx that is not acknowledged yet.
    answer: Option<SentAnswer>,
    /// The ACK that waits for the application's answer.
    owed: Option<OwedAck>,
    /// Our re-INVITE or UPDATE under way.
    ours: Option<OurChange>,
    /// A change that waits for a refresh to end.
    queued_change: Option<Vec<u8>>,
    /// The peer's offer that waits for the application.
    theirs: Option<TheirOffer>,
    /// We hung up before our 2xx was acknowledged: BYE has to wait (§15), the application was told. Its Reason.
    closing: Option<Option<String>>,
    clock: SessionClock,
    access: Option<Box<Access>>,
    /// Our REFER.
    referring: Option<Referring>,
    /// The peer's REFERs.
    referred: Vec<Referred>,
    /// The session description we sent last.
    local_sdp: Vec<u8>,
    /// RSeq and CSeq of a provisional response that was not acknowledged before our 2xx.
    late_prack: Option<(u32, u32)>,
    /// The call this one takes the place of, until it is told.
    pub(crate) replaces: Option<CallKey>,
    /// We called: it is ours to wait longer after glare (§14.1).
    placed: bool,
}

/// What an answered call begins with.
pub(in crate::session) struct Beginning {
    pub(in crate::session) dialog: Dialog,
    pub(in crate::session) clock: SessionClock,
    pub(in crate::session) access: Option<Box<Access>>,
    pub(in crate::session) local_sdp: Vec<u8>,
    pub(in crate::session) placed: bool,
}

impl Talking {
    pub(in crate::session) fn new(key: CallKey, beginning: Beginning) -> Self {
        let Beginning { dialog, clock, access, local_sdp, placed } = beginning;
        Self {
            key,
            dialog,
            answer: None,
            owed: None,
            ours: None,
            queued_change: None,
            theirs: None,
            closing: None,
            clock,
            access,
            referring: None,
            referred: Vec::new(),
            local_sdp,
            late_prack: None,
            replaces: None,
            placed,
        }
    }

    /// With our 2xx on its way.
    pub(in crate::session) fn with_answer(mut self, answer: SentAnswer) -> Self {
        self.answer = Some(answer);
        self
    }

    /// With what was not done before the answer.
    pub(in crate::session) fn with_rest(
        mut self,
        owed: Option<OwedAck>,
        theirs: Option<TheirOffer>,
        late_prack: Option<(u32, u32)>,
        replaces: Option<CallKey>,
    ) -> Self {
        (self.owed, self.theirs, self.late_prack, self.replaces) = (owed, theirs, late_prack, replaces);
        self
    }

    /// Takes up a call of another process, confirmed or not.
    pub(crate) fn restore(
        key: CallKey,
        snapshot: DialogSnapshot,
        credentials: Option<Credentials>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        let DialogSnapshot { dialog, placed, phase, session, min_se_secs, local_sdp, realms, .. } = snapshot;
        let dialog = Dialog::restore(dialog);
        let trunk = dialog.state().peer;
        let access = credentials.map(|credentials| Box::new(Access::new(credentials, trunk, realms)));
        if let SnapshotPhase::Leaving { reason } = phase {
            return Next::Leave(Box::new(Leaving::start(key, dialog, access, reason, wire, now)));
        }
        let clock = SessionClock::restore(session, min_se_secs, key, wire);
        let mut talking = Self::new(key, Beginning { dialog, clock, access, local_sdp, placed });
        if let SnapshotPhase::Unacknowledged(answer) = phase {
            talking.answer = Some(SentAnswer::restore(answer, key, wire, now));
        }
        Next::Talk(Box::new(talking))
    }

    pub(crate) fn local_tag(&self) -> &str {
        self.dialog.local_tag()
    }

    pub(crate) const fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.dialog.matches(call_id, remote_tag)
    }

    /// What to keep of it.
    pub(crate) fn snapshot(&self) -> DialogSnapshot {
        let phase = match (&self.closing, &self.answer) {
            (Some(reason), _) => SnapshotPhase::Leaving { reason: reason.clone() },
            (None, Some(answer)) => SnapshotPhase::Unacknowledged(answer.snapshot()),
            (None, None) => SnapshotPhase::Confirmed,
        };
        DialogSnapshot {
            version: SNAPSHOT_VERSION,
            dialog: self.dialog.state().clone(),
            placed: self.placed,
            phase,
            session: self.clock.running(),
            min_se_secs: self.clock.min_secs(),
            local_sdp: self.local_sdp.clone(),
            realms: self.access.as_ref().map_or_else(Vec::new, |access| access.realms().to_vec()),
        }
    }

    /// Whether we hung up and only wait to say so.
    pub(crate) const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether this 2xx is the one whose ACK waits for the application.
    pub(crate) fn owes_ack(&self, transaction: ClientId, remote_tag: Option<&str>) -> bool {
        let same = self.dialog.remote_tag() == remote_tag.unwrap_or_default();
        same && self.owed.as_ref().is_some_and(|owed| owed.transaction == transaction)
    }

    /// The application hangs up: it is told at once (§15.1.1).
    pub(crate) fn hang_up(
        &mut self,
        q850: Option<&Q850>,
        by: EndedBy,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        let reason = q850.map(reason_value);
        if self.answer.is_some() {
            self.settle(wire, now);
            self.tell_end(by, None, wire);
            self.closing = Some(reason);
            return Next::Stay;
        }
        self.leave(by, reason, wire, now)
    }

    /// Ends the call by BYE.
    fn leave(&mut self, by: EndedBy, reason: Option<String>, wire: &mut Wire, now: Timestamp) -> Next {
        self.settle(wire, now);
        self.tell_end(by, None, wire);
        if let Some(answer) = self.answer.take() {
            answer.stop(wire);
        }
        let (dialog, access) = (self.dialog.clone(), self.access.take());
        Next::Leave(Box::new(Leaving::start(self.key, dialog, access, reason, wire, now)))
    }

    fn tell_end(&self, by: EndedBy, q850: Option<Q850>, wire: &mut Wire) {
        if self.closing.is_none() {
            wire.event(Event::Ended { key: self.key, by, q850 });
        }
    }

    /// Nothing stays open but our 2xx.
    fn settle(&mut self, wire: &mut Wire, now: Timestamp) {
        if let Some(offer) = self.theirs.take() {
            offer.refuse(487, wire, now);
        }
        if let Some(owed) = self.owed.take() {
            owed.send(&self.dialog, &[], wire, now);
        }
        if let Some(ours) = self.ours.take() {
            ours.stop(wire, now);
        }
        self.clock.stop(wire);
        self.end_transfers(wire, now);
    }

    /// The peer takes its re-INVITE back.
    pub(crate) fn on_cancel(&mut self, server: ServerId, wire: &mut Wire, now: Timestamp) {
        if let Some(offer) = self.theirs.take_if(|offer| offer.received.server == server) {
            offer.refuse(487, wire, now);
            wire.event(Event::ReinviteCanceled { key: self.key });
        }
    }

    /// Our 2xx is acknowledged.
    pub(crate) fn on_ack(&mut self, request: &Request<'_, '_>, wire: &mut Wire, now: Timestamp) -> Next {
        let Some(answer) = self.answer.take_if(|answer| answer.cseq == request.cseq.number) else {
            return Next::Stay;
        };
        answer.stop(wire);
        if let Some(reason) = self.closing.clone() {
            return self.leave(EndedBy::Local, reason, wire, now);
        }
        let sdp =
            if answer.had_offer { None } else { session_description(request.message).unwrap_or_default() };
        wire.event(Event::AnswerAcknowledged { key: self.key, sdp });
        Next::Stay
    }

    /// Repeats our 2xx (§13.3.1.4).
    pub(crate) fn on_answer_again(&mut self, wire: &mut Wire, now: Timestamp) {
        if let Some(answer) = &mut self.answer {
            answer.send_again(self.key, wire, now);
        }
    }

    /// Nobody acknowledged our 2xx: the session is not worth keeping (§13.3.1.4).
    pub(crate) fn on_answer_give_up(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        let reason = self.closing.clone().flatten();
        self.leave(EndedBy::Timeout, reason, wire, now)
    }

    /// The application gave no answer to put into an ACK.
    pub(crate) fn on_ack_timeout(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        if self.owed.is_none() { Next::Stay } else { self.leave(EndedBy::Timeout, None, wire, now) }
    }

    /// The answer to an offer in a 2xx.
    pub(crate) fn give_answer(
        &mut self,
        place: AnswerPlace,
        sdp: &[u8],
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        if place != AnswerPlace::Ack {
            return Err(OrderError::WrongState);
        }
        let owed = self.owed.take().ok_or(OrderError::WrongState)?;
        owed.send(&self.dialog, sdp, wire, now);
        self.local_sdp = sdp.to_vec();
        Ok(())
    }

    /// A response to a request of ours within the dialog.
    pub(crate) fn on_response(
        &mut self,
        transaction: ClientId,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        if response.code < 200 || self.is_closing() {
            return Next::Stay;
        }
        if self.ours.as_ref().is_some_and(|ours| ours.is(transaction)) {
            return self.on_change_response(transaction, response, source, wire, now);
        }
        if self.referring.as_ref().is_some_and(|refer| refer.is(transaction)) {
            return self.on_refer_response(response, source, wire, now);
        }
        self.on_notify_response(transaction, response, source, wire, now);
        Next::Stay
    }

    /// A request of ours got no response, or could not be delivered.
    pub(crate) fn on_silence(
        &mut self,
        transaction: ClientId,
        by: EndedBy,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        if self.ours.as_ref().is_some_and(|ours| ours.is(transaction)) {
            return self.leave(by, None, wire, now);
        }
        if self.referring.as_ref().is_some_and(|refer| refer.is(transaction)) {
            self.refer_failed(408, wire);
        } else {
            self.on_notify_settled(transaction, true, wire, now);
        }
        Next::Stay
    }
}
