//! Our REFER (RFC 3515, 4488): the peer accepts it and tells by NOTIFY how it goes, or does not tell; the application
//! hears the end once in any case.

use super::{Next, Talking};
use crate::endpoint::order::{Hop, OrderError};
use crate::endpoint::output::{EndedBy, Event};
use crate::endpoint::transfer::ReferProgress;
use crate::endpoint::wire::Wire;
use crate::message::fields::is_content_type;
use crate::message::name::SUPPORTED_WITHIN;
use crate::message::params::Params;
use crate::message::sipfrag::{SIPFRAG, status_of_fragment};
use crate::message::validate::{Refusal, Request, Response};
use crate::message::{HeaderName, Message, scan};
use crate::session::dialog_request::DialogRequest;
use crate::session::received::Received;
use crate::transaction::{ClientId, Owner, Timer, TimerId};
use model::Timestamp;
use std::time::Duration;

/// What a subscription may ask us to wait for without a word.
const SILENCE_MAX: Duration = Duration::from_secs(600);

/// A REFER of ours.
pub(super) struct Referring {
    request: DialogRequest,
    transaction: ClientId,
    /// CSeq of the REFER: the subscription's id.
    id: u32,
    accepted: bool,
    /// The application knows the end; the peer may still say that the subscription is over.
    done: bool,
    timeout: Option<TimerId>,
}

impl Referring {
    pub(super) fn is(&self, transaction: ClientId) -> bool {
        self.transaction == transaction
    }
}

impl Talking {
    /// Sends a REFER; `target` is the whole URI.
    pub(crate) fn refer(
        &mut self,
        target: &str,
        referred_by: bool,
        wants_progress: bool,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        if self.referring.as_ref().is_some_and(|refer| !refer.done) {
            return Err(OrderError::WrongState);
        }
        self.forget_refer(wire);
        let mut request = DialogRequest::new("REFER")
            .header(HeaderName::Contact, format_args!("<{}>", self.dialog.contact()))
            .header(HeaderName::ReferTo, format_args!("<{target}>"))
            .header(HeaderName::Supported, SUPPORTED_WITHIN);
        if referred_by {
            request = request.header(HeaderName::ReferredBy, format_args!("<{}>", self.dialog.local_uri()));
        }
        if !wants_progress {
            request = request.header(HeaderName::ReferSub, "false");
        }
        self.send_refer(request, &[], wire, now);
        Ok(())
    }

    fn send_refer(&mut self, mut request: DialogRequest, line: &[u8], wire: &mut Wire, now: Timestamp) {
        let transaction = request.send(&mut self.dialog, line, Owner::Within(self.key), wire, now);
        let id = self.dialog.last_cseq();
        self.referring =
            Some(Referring { request, transaction, id, accepted: false, done: false, timeout: None });
    }

    pub(super) fn on_refer_response(
        &mut self,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        let Some(refer) = &mut self.referring else { return Next::Stay };
        match response.code {
            200..=299 => {
                let untold = response.message.value(HeaderName::ReferSub).is_some_and(says_false);
                if !refer.accepted && !refer.done {
                    refer.accepted = true;
                    let timeout = now + wire.patience();
                    refer.timeout = Some(wire.set(timeout, Timer::ReferTimeout(self.key)));
                    wire.event(Event::ReferProgress { key: self.key, progress: ReferProgress::Accepted });
                }
                if untold {
                    self.refer_ends(ReferProgress::Untold, wire);
                    self.forget_refer(wire);
                }
                return Next::Stay;
            }
            401 | 407 => {
                let access = self.access.as_mut();
                let line = access.and_then(|access| {
                    access.answer(response, source, &self.dialog, &mut refer.request, wire)
                });
                if let Some(line) = line {
                    let request = refer.request.clone();
                    self.send_refer(request, &line, wire, now);
                    return Next::Stay;
                }
            }
            code if refer.request.was_overtaken(code, &self.dialog) => {
                let request = refer.request.clone();
                self.send_refer(request, &[], wire, now);
                return Next::Stay;
            }
            _ => {}
        }
        self.refer_failed(response.code, wire);
        // RFC 5057 §5.1: the peer knows nothing of the dialog.
        if response.code == 481 { self.leave(EndedBy::Remote, None, wire, now) } else { Next::Stay }
    }

    pub(super) fn refer_failed(&mut self, code: u16, wire: &mut Wire) {
        self.refer_ends(ReferProgress::Failed { code }, wire);
        self.forget_refer(wire);
    }

    /// Tells the end, once.
    fn refer_ends(&mut self, progress: ReferProgress, wire: &mut Wire) {
        let Some(refer) = self.referring.as_mut().filter(|refer| !refer.done) else { return };
        refer.done = true;
        wire.event(Event::ReferProgress { key: self.key, progress });
    }

    fn forget_refer(&mut self, wire: &mut Wire) {
        if let Some(refer) = self.referring.take() {
            wire.timers.cancel(refer.timeout);
        }
    }

    /// A NOTIFY of the subscription that our REFER made.
    pub(super) fn on_notify(
        &mut self,
        request: &Request<'_, '_>,
        received: &Received,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let message = request.message;
        let id = match event_id(message) {
            Ok(id) => id,
            Err(refusal) => return received.refuse(&refusal, wire, now),
        };
        let known = self.referring.as_ref().is_some_and(|refer| id.is_none_or(|id| id == refer.id));
        if !known {
            return received.reply(481, wire, now);
        }
        let content_type = message.value(HeaderName::ContentType).unwrap_or_default();
        if !message.body().is_empty() && !is_content_type(content_type, SIPFRAG) {
            return received.refuse(&Refusal::code(415).with_header("Accept", SIPFRAG), wire, now);
        }
        received.reply(200, wire, now);
        let state = message.value(HeaderName::SubscriptionState).unwrap_or_default();
        self.on_notified(status_of_fragment(message.body()), state, wire, now);
    }

    fn on_notified(&mut self, status: Option<u16>, state: &[u8], wire: &mut Wire, now: Timestamp) {
        let Some(refer) = &mut self.referring else { return };
        let key = self.key;
        if !refer.accepted && !refer.done {
            // It overtook the response to the REFER.
            refer.accepted = true;
            wire.event(Event::ReferProgress { key, progress: ReferProgress::Accepted });
        }
        wire.timers.cancel(refer.timeout.take());
        let (over, expires) = subscription(state);
        let patience =
            expires.map_or(Duration::ZERO, |secs| Duration::from_secs(secs.into())).min(SILENCE_MAX);
        refer.timeout = Some(wire.set(now + patience + wire.patience(), Timer::ReferTimeout(key)));
        match status {
            Some(code @ 100..=199) if !refer.done => {
                wire.event(Event::ReferProgress { key, progress: ReferProgress::Trying { code } });
            }
            Some(code @ 200..=299) => self.refer_ends(ReferProgress::Succeeded { code }, wire),
            Some(code @ 300..) => self.refer_ends(ReferProgress::Failed { code }, wire),
            _ => {}
        }
        if over {
            self.refer_ends(ReferProgress::Untold, wire);
            self.forget_refer(wire);
        }
    }

    /// The peer fell silent.
    pub(crate) fn on_refer_timeout(&mut self, wire: &mut Wire) {
        self.refer_ends(ReferProgress::Untold, wire);
        self.forget_refer(wire);
    }

    /// The call ends, and the transfers of both sides with it.
    pub(super) fn end_transfers(&mut self, wire: &mut Wire, now: Timestamp) {
        self.refer_ends(ReferProgress::Untold, wire);
        self.forget_refer(wire);
        for referred in self.referred.drain(..) {
            referred.end(wire, now);
        }
    }
}

fn says_false(value: &[u8]) -> bool {
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    value.get(..end).is_some_and(|value| scan::trim(value).eq_ignore_ascii_case(b"false"))
}

/// Whether a REFER asks for no subscription (RFC 4488).
pub(super) fn wants_no_subscription(message: &Message<'_>) -> bool {
    message.value(HeaderName::ReferSub).is_some_and(says_false)
}

/// The id of an Event of package refer.
fn event_id(message: &Message<'_>) -> Result<Option<u32>, Refusal> {
    let bad = || Refusal::code(489).with_header("Allow-Events", "refer");
    let value = message.value(HeaderName::Event).ok_or_else(bad)?;
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let (package, params) = value.split_at_checked(end).ok_or_else(bad)?;
    if !scan::trim(package).eq_ignore_ascii_case(b"refer") {
        return Err(bad());
    }
    let id = Params::parse(params).and_then(|params| params.number("id"));
    Ok(id.map(|id| u32::try_from(id).unwrap_or(u32::MAX)))
}

/// Whether a Subscription-State is the last one, and its `expires`.
fn subscription(state: &[u8]) -> (bool, Option<u32>) {
    let end = state.iter().position(|byte| *byte == b';').unwrap_or(state.len());
    let (word, params) = state.split_at_checked(end).unwrap_or_default();
    let expires = Params::parse(params).and_then(|params| params.number("expires"));
    let over = scan::trim(word).eq_ignore_ascii_case(b"terminated");
    (over, expires.map(|secs| u32::try_from(secs).unwrap_or(u32::MAX)))
}
