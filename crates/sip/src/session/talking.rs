//! An answered call (RFC 3261 §12.2, §13.3.1.4, §14, §15): our 2xx waits for its ACK, either side changes the session, either
//! side ends it.

use super::{Next, info, session_description};
use crate::dialog::Dialog;
use crate::dialog::snapshot::DialogSnapshot;
use crate::endpoint::order::{CallKey, Hop, OrderError, Q850};
use crate::endpoint::output::{EndedBy, Event, OfferRequest};
use crate::endpoint::wire::{Status, Wire, finish_capabilities};
use crate::message::fields::parse_q850;
use crate::message::name::ALLOW;
use crate::message::validate::{Refusal, Request, Response};
use crate::message::{HeaderName, Method, Writer};
use crate::transaction::{ClientId, Owner, ReplyHead, ServerId, Timer, TimerId, reason_value};
use model::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// An answered call.
pub(crate) struct Talking {
    key: CallKey,
    dialog: Dialog,
    /// Our 2xx that is not acknowledged yet.
    answer: Option<SentAnswer>,
    /// Our re-INVITE under way.
    ours: Option<ClientId>,
    /// The peer's re-INVITE that waits for the application.
    theirs: Option<TheirOffer>,
    /// We hung up before our 2xx was acknowledged: BYE has to wait (§15), the application was told.
    closing: Option<Option<Q850>>,
    /// We called: it is ours to wait longer after glare (§14.1).
    placed: bool,
}

/// A 2xx of ours, repeated until its ACK.
pub(crate) struct SentAnswer {
    bytes: Arc<[u8]>,
    hop: Hop,
    cseq: u32,
    /// The INVITE had an offer, so the ACK brings nothing.
    had_offer: bool,
    interval: Duration,
    again: TimerId,
    give_up: TimerId,
}

struct TheirOffer {
    server: ServerId,
    head: ReplyHead,
    cseq: u32,
    has_offer: bool,
}

impl SentAnswer {
    /// `bytes` were sent just now.
    pub(super) fn new(
        key: CallKey,
        bytes: Arc<[u8]>,
        hop: Hop,
        cseq: u32,
        had_offer: bool,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Self {
        let interval = wire.config.timers.t1;
        let again = wire.set(now + interval, Timer::AnswerAgain(key));
        let give_up = wire.set(now + wire.patience(), Timer::AnswerGiveUp(key));
        Self { bytes, hop, cseq, had_offer, interval, again, give_up }
    }

    fn stop(&self, wire: &mut Wire) {
        wire.timers.cancel(Some(self.again));
        wire.timers.cancel(Some(self.give_up));
    }
}

impl Talking {
    /// A call we placed, or one taken up again.
    pub(crate) fn new(key: CallKey, dialog: Dialog) -> Self {
        Self {
            key,
            dialog,
            answer: None,
            ours: None,
            theirs: None,
            closing: None,
            placed: !key.is_incoming(),
        }
    }

    /// A call we answered.
    pub(super) fn answered(key: CallKey, dialog: Dialog, answer: SentAnswer) -> Self {
        Self { answer: Some(answer), ..Self::new(key, dialog) }
    }

    pub(crate) fn local_tag(&self) -> &str {
        self.dialog.local_tag()
    }

    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.dialog.matches(call_id, remote_tag)
    }

    /// What to keep of it; none once we hung up.
    pub(crate) fn snapshot(&self) -> Option<DialogSnapshot> {
        self.closing.is_none().then(|| self.dialog.snapshot())
    }

    /// Whether we hung up and only wait to say so.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// The application hangs up: it is told at once (§15.1.1).
    pub(crate) fn hang_up(&mut self, q850: Option<Q850>, wire: &mut Wire, now: Timestamp) -> Next {
        self.refuse_their_offer(wire, now);
        self.tell_end(EndedBy::Local, None, wire);
        if self.answer.is_some() {
            self.closing = Some(q850);
            return Next::Stay;
        }
        send_bye(&mut self.dialog, self.key, q850.as_ref(), wire, now);
        Next::Gone
    }

    fn tell_end(&self, by: EndedBy, q850: Option<Q850>, wire: &mut Wire) {
        if self.closing.is_none() {
            wire.event(Event::Ended { key: self.key, by, q850 });
        }
    }

    fn refuse_their_offer(&mut self, wire: &mut Wire, now: Timestamp) {
        if let Some(offer) = self.theirs.take() {
            let status = Status::new(487, self.dialog.local_tag());
            wire.reply(offer.server, &offer.head, status, now, |writer| writer.end());
        }
    }

    /// A request within the dialog, of which this is the first copy.
    pub(crate) fn on_request(
        &mut self,
        request: &Request<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        let message = request.message;
        let head = ReplyHead::new(message, source);
        let server = wire.servers.open(request, Some(self.key), head.hop);
        if !self.dialog.accept_cseq(request.cseq.number) {
            self.reply(server, &head, 500, wire, now);
            return Next::Stay;
        }
        match request.method {
            Method::Bye => return self.on_bye(request, server, &head, wire, now),
            Method::Invite => self.on_reinvite(request, server, head, wire, now),
            Method::Info => self.on_info(request, server, &head, wire, now),
            _ => {
                let status = Status::new(200, self.dialog.local_tag());
                wire.reply(server, &head, status, now, finish_capabilities);
            }
        }
        Next::Stay
    }

    fn reply(&self, server: ServerId, head: &ReplyHead, code: u16, wire: &mut Wire, now: Timestamp) {
        let status = Status::new(code, self.dialog.local_tag());
        wire.reply(server, head, status, now, |writer| writer.end());
    }

    fn on_bye(
        &mut self,
        request: &Request<'_, '_>,
        server: ServerId,
        head: &ReplyHead,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        self.reply(server, head, 200, wire, now);
        self.refuse_their_offer(wire, now);
        if let Some(answer) = self.answer.take() {
            answer.stop(wire);
        }
        let q850 = request.message.elements(HeaderName::Reason).find_map(parse_q850);
        self.tell_end(EndedBy::Remote, q850, wire);
        Next::Gone
    }

    /// §14.2: while our own is under way 491; while theirs is, or our answer waits for its ACK, 500.
    fn on_reinvite(
        &mut self,
        request: &Request<'_, '_>,
        server: ServerId,
        head: ReplyHead,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        if self.closing.is_some() {
            return self.reply(server, &head, 481, wire, now);
        }
        if self.ours.is_some() {
            return self.reply(server, &head, 491, wire, now);
        }
        if self.theirs.is_some() || self.answer.is_some() {
            let retry_after = wire.tokens.below(11);
            let status = Status::new(500, self.dialog.local_tag());
            wire.reply(server, &head, status, now, |writer| {
                writer.header(HeaderName::RetryAfter, retry_after).end();
            });
            return;
        }
        let sdp = match session_description(request.message) {
            Ok(sdp) => sdp,
            Err(refusal) => return self.refuse(server, &head, &refusal, wire, now),
        };
        self.dialog.refresh_target(request.message);
        if wire.config.automatic_trying {
            wire.reply(server, &head, Status { code: 100, reason: None, tag: None }, now, |writer| {
                writer.end()
            });
        }
        let (cseq, has_offer) = (request.cseq.number, sdp.is_some());
        self.theirs = Some(TheirOffer { server, head, cseq, has_offer });
        wire.event(Event::ReinviteReceived { key: self.key, sdp, request: OfferRequest::Reinvite });
    }

    fn on_info(
        &mut self,
        request: &Request<'_, '_>,
        server: ServerId,
        head: &ReplyHead,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        match info::digit(request.message) {
            Ok(digit) => {
                self.reply(server, head, 200, wire, now);
                if let Some((digit, duration_ms)) = digit.filter(|_| self.closing.is_none()) {
                    wire.event(Event::InfoDigit { key: self.key, digit, duration_ms });
                }
            }
            Err(refusal) => self.refuse(server, head, &refusal, wire, now),
        }
    }

    fn refuse(&self, server: ServerId, head: &ReplyHead, refusal: &Refusal, wire: &mut Wire, now: Timestamp) {
        let status = Status { reason: refusal.reason, ..Status::new(refusal.code, self.dialog.local_tag()) };
        wire.reply(server, head, status, now, |writer| {
            if let Some((name, value)) = &refusal.header {
                writer.named(name, value);
            }
            writer.end();
        });
    }

    /// The peer takes its re-INVITE back.
    pub(crate) fn on_cancel(&mut self, server: ServerId, wire: &mut Wire, now: Timestamp) {
        if self.theirs.as_ref().is_some_and(|offer| offer.server == server) {
            self.refuse_their_offer(wire, now);
            wire.event(Event::ReinviteCanceled { key: self.key });
        }
    }

    /// Our 2xx is acknowledged.
    pub(crate) fn on_ack(&mut self, request: &Request<'_, '_>, wire: &mut Wire, now: Timestamp) -> Next {
        let Some(answer) = self.answer.take_if(|answer| answer.cseq == request.cseq.number) else {
            return Next::Stay;
        };
        answer.stop(wire);
        if let Some(q850) = self.closing.take() {
            send_bye(&mut self.dialog, self.key, q850.as_ref(), wire, now);
            return Next::Gone;
        }
        let sdp =
            if answer.had_offer { None } else { session_description(request.message).unwrap_or_default() };
        wire.event(Event::AnswerAcknowledged { key: self.key, sdp });
        Next::Stay
    }

    /// Repeats our 2xx (§13.3.1.4).
    pub(crate) fn on_answer_again(&mut self, wire: &mut Wire, now: Timestamp) {
        let Some(answer) = &mut self.answer else { return };
        answer.interval = (answer.interval * 2).min(wire.config.timers.t2);
        answer.again = wire.set(now + answer.interval, Timer::AnswerAgain(self.key));
        wire.sink.send(Some(self.key), answer.hop, &answer.bytes, true);
    }

    /// Nobody acknowledged our 2xx: the session is not worth keeping (§13.3.1.4).
    pub(crate) fn on_answer_give_up(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        if let Some(answer) = self.answer.take() {
            answer.stop(wire);
        }
        self.tell_end(EndedBy::Timeout, None, wire);
        let q850 = self.closing.take().flatten();
        send_bye(&mut self.dialog, self.key, q850.as_ref(), wire, now);
        Next::Gone
    }

    /// Offers a changed session.
    pub(crate) fn reinvite(&mut self, sdp: &[u8], wire: &mut Wire, now: Timestamp) -> Result<(), OrderError> {
        if self.ours.is_some() || self.theirs.is_some() || self.answer.is_some() {
            return Err(OrderError::WrongState);
        }
        let contact = format!("<{}>", self.dialog.contact());
        let owner = Owner::Reinvite(self.key);
        self.ours = Some(wire.request(&mut self.dialog, "INVITE", owner, now, |writer| {
            writer.header(HeaderName::Contact, contact).header(HeaderName::Allow, ALLOW);
            finish(writer, sdp);
        }));
        Ok(())
    }

    /// Answers the peer's re-INVITE.
    pub(crate) fn answer_reinvite(
        &mut self,
        sdp: &[u8],
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let offer = self.theirs.take().ok_or(OrderError::WrongState)?;
        let status = Status::new(200, self.dialog.local_tag());
        let contact = format!("<{}>", self.dialog.contact());
        let bytes = wire.reply(offer.server, &offer.head, status, now, |writer| {
            writer.header(HeaderName::Contact, contact).header(HeaderName::Allow, ALLOW);
            finish(writer, sdp);
        });
        let (hop, cseq) = (offer.head.hop, offer.cseq);
        self.answer = Some(SentAnswer::new(self.key, bytes, hop, cseq, offer.has_offer, wire, now));
        Ok(())
    }

    /// Refuses the peer's re-INVITE.
    pub(crate) fn reject_reinvite(
        &mut self,
        code: u16,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let offer = self.theirs.take().ok_or(OrderError::WrongState)?;
        self.reply(offer.server, &offer.head, code, wire, now);
        Ok(())
    }

    /// A response to our re-INVITE. Challenges are not answered: credentials are for the first INVITE alone.
    pub(crate) fn on_reinvite_response(
        &mut self,
        transaction: ClientId,
        response: &Response<'_, '_>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        if self.ours != Some(transaction) || response.code < 200 {
            return Next::Stay;
        }
        self.ours = None;
        let key = self.key;
        match response.code {
            200..=299 => {
                self.dialog.refresh_target(response.message);
                wire.acknowledge(transaction, &self.dialog, response, &[], now);
                let sdp = session_description(response.message).unwrap_or_default();
                wire.event(Event::ReinviteAnswered { key, sdp });
                Next::Stay
            }
            // §12.2.1.2: the peer does not know the dialog any more.
            408 | 481 => self.abandon(EndedBy::Remote, wire, now),
            code => {
                let retry_after = (code == 491).then(|| self.glare_pause(wire));
                wire.event(Event::ReinviteFailed { key, code, retry_after });
                Next::Stay
            }
        }
    }

    /// Our re-INVITE got no response, or could not be delivered.
    pub(crate) fn on_silence(
        &mut self,
        transaction: ClientId,
        by: EndedBy,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        if self.ours != Some(transaction) {
            return Next::Stay;
        }
        self.abandon(by, wire, now)
    }

    fn abandon(&mut self, by: EndedBy, wire: &mut Wire, now: Timestamp) -> Next {
        self.refuse_their_offer(wire, now);
        self.tell_end(by, None, wire);
        send_bye(&mut self.dialog, self.key, None, wire, now);
        Next::Gone
    }

    /// §14.1: 2.1 to 4 s for the caller, 0 to 2 s for the callee, in steps of 10 ms.
    fn glare_pause(&self, wire: &mut Wire) -> Duration {
        let (base, spread) = if self.placed { (210, 191) } else { (0, 201) };
        Duration::from_millis(10 * u64::from(base + wire.tokens.below(spread)))
    }
}

/// Ends a dialog; what becomes of the BYE changes nothing any more.
pub(super) fn send_bye(
    dialog: &mut Dialog,
    key: CallKey,
    q850: Option<&Q850>,
    wire: &mut Wire,
    now: Timestamp,
) {
    wire.request(dialog, "BYE", Owner::Farewell(Some(key)), now, |writer| {
        if let Some(q850) = q850 {
            writer.header(HeaderName::Reason, reason_value(q850));
        }
        writer.end();
    });
}

fn finish(writer: &mut Writer<'_>, sdp: &[u8]) {
    if sdp.is_empty() {
        writer.end();
    } else {
        writer.body("application/sdp", sdp);
    }
}

/// A further fork answered our INVITE, or an answer came after the session was gone: it is acknowledged, and unless it
/// belongs to a re-INVITE, ended (§13.2.2.4). All that is needed stands in the response.
pub(crate) fn farewell_to_fork(
    transaction: ClientId,
    owner: Owner,
    response: &Response<'_, '_>,
    hop: Hop,
    wire: &mut Wire,
    now: Timestamp,
) {
    let from = response.message.text_lossy(HeaderName::From).unwrap_or_default();
    let caller = crate::dialog::CallerSide {
        from: &from,
        local_tag: response.from.tag().unwrap_or_default(),
        contact: "",
        target: response.to.uri_text,
        cseq: response.cseq.number,
        hop,
    };
    let mut dialog = Dialog::of_caller(&caller, response);
    wire.acknowledge(transaction, &dialog, response, &[], now);
    if let Owner::Invite(key) = owner {
        send_bye(&mut dialog, key, None, wire, now);
    }
}
