//! A call we received, until we answer or refuse it or the caller takes it back (RFC 3261 §13.3, §9.2).

use super::Next;
use super::talking::{SentAnswer, Talking};
use crate::dialog::Dialog;
use crate::endpoint::order::{CallKey, Q850, Rejection};
use crate::endpoint::output::{EndedBy, Event};
use crate::endpoint::wire::{Status, Wire};
use crate::message::name::ALLOW;
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
    /// The last provisional response, to repeat.
    rung: Option<(u16, Option<Vec<u8>>)>,
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
}

impl Ringing {
    pub(crate) fn new(key: CallKey, arrival: Arrival<'_, '_>, wire: &mut Wire, now: Timestamp) -> Self {
        let mut record_routes = Vec::new();
        for route in arrival.message.elements(HeaderName::RecordRoute) {
            push_copied(&mut record_routes, HeaderName::RecordRoute, route);
        }
        let timeout = now + wire.config.limits.unanswered_max;
        let Arrival { server, head, dialog, cseq, has_offer, .. } = arrival;
        let automatic_trying = wire.config.automatic_trying;
        let ringing = Self {
            key,
            server,
            head,
            dialog,
            record_routes,
            cseq,
            has_offer,
            rung: None,
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
        wire.reply(self.server, &self.head, Status { code: 100, reason: None, tag: None }, now, |writer| {
            writer.end();
        });
    }

    pub(crate) fn local_tag(&self) -> &str {
        self.dialog.local_tag()
    }

    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.dialog.matches(call_id, remote_tag)
    }

    /// Says a provisional response.
    pub(crate) fn ring(&mut self, code: u16, sdp: Option<Vec<u8>>, wire: &mut Wire, now: Timestamp) {
        self.rung = Some((code, sdp));
        self.on_ring_again(wire, now);
    }

    /// Says the last provisional response (once more).
    pub(crate) fn on_ring_again(&mut self, wire: &mut Wire, now: Timestamp) {
        let Some((code, sdp)) = &self.rung else { return };
        let status = Status::new(*code, self.dialog.local_tag());
        wire.reply(self.server, &self.head, status, now, |writer| {
            self.start_dialog(writer);
            finish(writer, sdp.as_deref());
        });
        wire.timers.cancel(self.ring_again.take());
        self.ring_again = Some(wire.set(now + RING_AGAIN, Timer::RingAgain(self.key)));
    }

    fn start_dialog(&self, writer: &mut Writer<'_>) {
        writer.lines(&self.record_routes);
        writer.header(HeaderName::Contact, format_args!("<{}>", self.dialog.contact()));
    }

    /// Answers with 200.
    pub(crate) fn answer(&mut self, sdp: &[u8], wire: &mut Wire, now: Timestamp) -> Next {
        self.stop_timers(wire);
        let status = Status::new(200, self.dialog.local_tag());
        let bytes = wire.reply(self.server, &self.head, status, now, |writer| {
            self.start_dialog(writer);
            writer.header(HeaderName::Allow, ALLOW);
            finish(writer, Some(sdp));
        });
        let answer = SentAnswer::new(self.key, bytes, self.head.hop, self.cseq, self.has_offer, wire, now);
        Next::Talk(Box::new(Talking::answered(self.key, self.dialog.clone(), answer)))
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

    fn refuse(&mut self, rejection: &Rejection, wire: &mut Wire, now: Timestamp) {
        self.stop_timers(wire);
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

    fn stop_timers(&mut self, wire: &mut Wire) {
        wire.timers.cancel(self.ring_again.take());
        wire.timers.cancel(self.answer_timeout.take());
    }
}

fn finish(writer: &mut Writer<'_>, sdp: Option<&[u8]>) {
    match sdp.filter(|sdp| !sdp.is_empty()) {
        Some(sdp) => writer.body("application/sdp", sdp),
        None => writer.end(),
    }
}
