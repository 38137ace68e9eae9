//! A call we received, until we answer or refuse it or the caller takes it back (RFC 3261 §13.3, §9.2). Provisional
//! responses go out plainly or reliably, and hold the answer back where they must.

mod requests;

use super::Next;
use super::clock::{Agreed, SessionClock, write_agreed};
use super::offer::{TheirOffer, finish, start_target_refresh};
use super::reliable::{Provisional, Reliable};
use super::talking::{Beginning, SentAnswer, Talking};
use crate::dialog::Dialog;
use crate::endpoint::order::{CallKey, OrderError, Q850, Rejection};
use crate::endpoint::output::{EndedBy, Event};
use crate::endpoint::wire::{Status, Wire};
use crate::message::name::{ALLOW, SUPPORTED};
use crate::message::write::push_copied;
use crate::message::{HeaderName, Message, Writer};
use crate::transaction::{ReplyHead, ServerId, Timer, TimerId, reason_value};
use model::Timestamp;
use std::time::Duration;

/// How often a provisional response is repeated: proxies give up after three minutes without one (§13.3.1.1).
const RING_AGAIN: Duration = Duration::from_secs(60);

/// A call we received and did not answer.
pub(crate) struct Ringing {
    key: CallKey,
    server: ServerId,
    head: ReplyHead,
    dialog: Dialog,
    /// Record-Route lines, which responses that make a dialog copy.
    record_routes: Vec<u8>,
    cseq: u32,
    /// The INVITE brought an offer.
    has_offer: bool,
    /// The session timer, which begins with our 2xx.
    clock: SessionClock,
    /// What our 2xx agrees to.
    agreed: Option<Agreed>,
    /// The call this one is to take the place of.
    replaces: Option<CallKey>,
    /// The last provisional response, to repeat.
    rung: Option<Provisional>,
    reliable: Reliable,
    /// Our session description went out reliably: no later response repeats it.
    described: bool,
    /// It was acknowledged: offers within the dialog are allowed.
    is_agreed: bool,
    /// The session description we sent last.
    local_sdp: Vec<u8>,
    /// The peer's offer in an UPDATE or PRACK that waits for the application.
    theirs: Option<TheirOffer>,
    /// The answer that waits for a PRACK, or for the answer to the peer's offer.
    held_answer: Option<Vec<u8>>,
    ring_again: Option<TimerId>,
    answer_timeout: Option<TimerId>,
}

/// What a received INVITE brings.
pub(crate) struct Arrival<'m, 'a> {
    pub(crate) message: &'m Message<'a>,
    pub(crate) server: ServerId,
    pub(crate) head: ReplyHead,
    pub(crate) dialog: Dialog,
    pub(crate) cseq: u32,
    pub(crate) has_offer: bool,
    pub(crate) clock: SessionClock,
    pub(crate) agreed: Option<Agreed>,
    pub(crate) replaces: Option<CallKey>,
}

impl Ringing {
    pub(crate) fn new(key: CallKey, arrival: Arrival<'_, '_>, wire: &mut Wire, now: Timestamp) -> Self {
        let mut record_routes = Vec::new();
        for route in arrival.message.elements(HeaderName::RecordRoute) {
            push_copied(&mut record_routes, HeaderName::RecordRoute, route);
        }
        let timeout = now + wire.config.limits.unanswered_max;
        let reliable = Reliable::new(arrival.message, wire);
        let Arrival { server, head, dialog, cseq, has_offer, clock, agreed, replaces, .. } = arrival;
        let automatic_trying = wire.config.automatic_trying;
        let ringing = Self {
            key,
            server,
            head,
            dialog,
            record_routes,
            cseq,
            has_offer,
            clock,
            agreed,
            replaces,
            rung: None,
            reliable,
            described: false,
            is_agreed: false,
            local_sdp: Vec::new(),
            theirs: None,
            held_answer: None,
            ring_again: None,
            answer_timeout: Some(wire.set(timeout, Timer::AnswerTimeout(key))),
        };
        if automatic_trying {
            ringing.try_it(wire, now);
        }
        ringing
    }

    /// Says 100: somebody works on it. Makes no dialog and is not repeated.
    pub(crate) fn try_it(&self, wire: &mut Wire, now: Timestamp) {
        let trying = Status { code: 100, reason: None, tag: None };
        wire.reply(self.server, &self.head, trying, now, |writer| writer.end());
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

    /// Says a provisional response; a reliable one waits for the one before it.
    pub(crate) fn ring(
        &mut self,
        code: u16,
        sdp: Option<Vec<u8>>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        if self.held_answer.is_some() {
            return Err(OrderError::WrongState);
        }
        if self.reliable.covers(sdp.is_some()) && self.reliable.is_waiting() {
            return self.reliable.queue((code, sdp));
        }
        self.say((code, sdp), wire, now);
        Ok(())
    }

    fn say(&mut self, (code, sdp): Provisional, wire: &mut Wire, now: Timestamp) {
        let sdp = sdp.filter(|sdp| !self.described && !sdp.is_empty());
        if self.reliable.covers(sdp.is_some()) {
            self.say_reliably(code, sdp.as_deref(), wire, now);
            self.rung = Some((code, None));
        } else {
            self.say_plainly(code, sdp.as_deref(), wire, now);
            if let Some(sdp) = &sdp {
                self.local_sdp.clone_from(sdp);
            }
            self.rung = Some((code, sdp));
        }
        self.ring_again_later(wire, now);
    }

    fn say_plainly(&mut self, code: u16, sdp: Option<&[u8]>, wire: &mut Wire, now: Timestamp) {
        let status = Status::new(code, self.dialog.local_tag());
        wire.reply(self.server, &self.head, status, now, |writer| {
            self.start_dialog(writer);
            writer.header(HeaderName::Allow, ALLOW);
            finish(writer, sdp.unwrap_or_default());
        });
    }

    fn say_reliably(&mut self, code: u16, sdp: Option<&[u8]>, wire: &mut Wire, now: Timestamp) {
        let rseq = self.reliable.next_rseq();
        let status = Status::new(code, self.dialog.local_tag());
        let bytes = wire.reply(self.server, &self.head, status, now, |writer| {
            self.start_dialog(writer);
            writer.header(HeaderName::Allow, ALLOW).header(HeaderName::Supported, SUPPORTED);
            writer.header(HeaderName::Require, "100rel").header(HeaderName::RSeq, rseq);
            finish(writer, sdp.unwrap_or_default());
        });
        if let Some(sdp) = sdp {
            self.described = true;
            self.local_sdp = sdp.to_vec();
        }
        self.reliable.sent(bytes, sdp.is_some(), self.head.hop, self.key, wire, now);
    }

    fn ring_again_later(&mut self, wire: &mut Wire, now: Timestamp) {
        wire.timers.cancel(self.ring_again.take());
        self.ring_again = Some(wire.set(now + RING_AGAIN, Timer::RingAgain(self.key)));
    }

    /// Says the last provisional response once more, unless one is being repeated as it is.
    pub(crate) fn on_ring_again(&mut self, wire: &mut Wire, now: Timestamp) {
        match self.rung.take().filter(|_| self.held_answer.is_none()) {
            Some(rung) if !self.reliable.is_waiting() => self.say(rung, wire, now),
            rung => {
                self.rung = rung;
                self.ring_again_later(wire, now);
            }
        }
    }

    /// Repeats a reliable provisional response.
    pub(crate) fn on_provisional_again(&mut self, wire: &mut Wire, now: Timestamp) {
        self.reliable.send_again(self.key, wire, now);
    }

    fn start_dialog(&self, writer: &mut Writer<'_>) {
        writer.lines(&self.record_routes);
        writer.header(HeaderName::Contact, format_args!("<{}>", self.dialog.contact()));
    }

    /// Answers with 200, at once or when nothing holds it back any more.
    pub(crate) fn answer(&mut self, sdp: &[u8], wire: &mut Wire, now: Timestamp) -> Result<Next, OrderError> {
        if self.held_answer.is_some() {
            return Err(OrderError::WrongState);
        }
        if self.reliable.holds_answer() || self.theirs.is_some() {
            self.held_answer = Some(sdp.to_vec());
            return Ok(Next::Stay);
        }
        Ok(self.answer_now(sdp, wire, now))
    }

    fn answer_now(&mut self, sdp: &[u8], wire: &mut Wire, now: Timestamp) -> Next {
        let late_prack = self.stop(wire).map(|rseq| (rseq, self.cseq));
        // What went out reliably stands; the 2xx repeats it not (RFC 3262 §5).
        let sdp = if self.described { &[] } else { sdp };
        let status = Status::new(200, self.dialog.local_tag());
        let bytes = wire.reply(self.server, &self.head, status, now, |writer| {
            writer.lines(&self.record_routes);
            start_target_refresh(&self.dialog, writer);
            write_agreed(self.agreed, writer);
            finish(writer, sdp);
        });
        if !sdp.is_empty() {
            self.local_sdp = sdp.to_vec();
        }
        let had_offer = self.has_offer || self.described;
        let answer = SentAnswer::new(self.key, bytes, self.head.hop, self.cseq, had_offer, wire, now);
        let mut clock = std::mem::take(&mut self.clock);
        clock.start_as_uas(self.agreed, self.key, wire, now);
        let beginning = Beginning {
            dialog: self.dialog.clone(),
            clock,
            access: None,
            local_sdp: std::mem::take(&mut self.local_sdp),
            placed: false,
        };
        let talking = Talking::new(self.key, beginning).with_answer(answer);
        Next::Talk(Box::new(talking.with_rest(None, None, late_prack, self.replaces)))
    }

    /// Refuses or redirects.
    pub(crate) fn reject(
        &mut self,
        rejection: &Rejection,
        by: EndedBy,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        self.refuse(rejection, wire, now);
        wire.event(Event::Canceled { key: self.key, by, q850: None, crossed_answer: false });
        Next::Gone
    }

    /// The caller takes the call back, by CANCEL or by BYE.
    pub(crate) fn on_cancel(&mut self, q850: Option<Q850>, wire: &mut Wire, now: Timestamp) -> Next {
        self.refuse(&Rejection::with_code(487), wire, now);
        let by = EndedBy::Remote;
        wire.event(Event::Canceled { key: self.key, by, q850, crossed_answer: false });
        Next::Gone
    }

    /// Nobody answered or refused the call in time.
    pub(crate) fn on_answer_timeout(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        self.reject(&Rejection::with_code(480), EndedBy::Timeout, wire, now)
    }

    /// The caller never acknowledged a reliable provisional response (RFC 3262 §3).
    pub(crate) fn on_provisional_give_up(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        self.reject(&Rejection::with_code(504), EndedBy::Timeout, wire, now)
    }

    fn refuse(&mut self, rejection: &Rejection, wire: &mut Wire, now: Timestamp) {
        self.stop(wire);
        if let Some(offer) = self.theirs.take() {
            offer.refuse(487, wire, now);
        }
        let tag = Some(self.dialog.local_tag());
        let status = Status { code: rejection.code, reason: rejection.reason.as_deref(), tag };
        wire.reply(self.server, &self.head, status, now, |writer| {
            for contact in &rejection.contacts {
                writer.header(HeaderName::Contact, format_args!("<{contact}>"));
            }
            if let Some(q850) = &rejection.q850 {
                writer.header(HeaderName::Reason, reason_value(q850));
            }
            if let Some(seconds) = rejection.retry_after_secs {
                writer.header(HeaderName::RetryAfter, seconds);
            }
            for (name, value) in &rejection.extra_headers {
                writer.named(name, value);
            }
            writer.end();
        });
    }

    fn stop(&mut self, wire: &mut Wire) -> Option<u32> {
        wire.timers.cancel(self.ring_again.take());
        wire.timers.cancel(self.answer_timeout.take());
        self.reliable.stop(wire)
    }
}
