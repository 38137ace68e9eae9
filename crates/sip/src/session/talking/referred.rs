//! REFERs of the peer (RFC 3515): the application decides, and tells how it goes; each word of it is a NOTIFY, one after
//! the other, until the last.

use super::Talking;
use super::referring::wants_no_subscription;
use crate::endpoint::order::{Hop, OrderError};
use crate::endpoint::output::Event;
use crate::endpoint::transfer::{IncomingRefer, ReferId};
use crate::endpoint::wire::Wire;
use crate::message::replaces::replaces_of_uri_headers;
use crate::message::sipfrag::{SIPFRAG, fragment};
use crate::message::uri::Scheme;
use crate::message::validate::{Refusal, Request, Response};
use crate::message::{HeaderName, Message, NameAddr};
use crate::session::dialog_request::DialogRequest;
use crate::session::received::Received;
use crate::transaction::{ClientId, Owner};
use model::Timestamp;

/// REFERs of one call that are not done.
const REFERS_MAX: usize = 4;
/// How long we promise not to be silent; each NOTIFY promises anew.
const EXPIRES_SECS: u32 = 300;

/// A REFER of the peer.
pub(super) struct Referred {
    id: ReferId,
    wants_progress: bool,
    /// Until the application decided.
    received: Option<Received>,
    /// The NOTIFY under way, and whether it is the last one.
    under_way: Option<(ClientId, DialogRequest, bool)>,
    /// What to tell next; later news replace earlier ones.
    next: Option<(u16, Option<String>)>,
}

impl Referred {
    /// The call ends.
    pub(super) fn end(self, wire: &mut Wire, now: Timestamp) {
        if let Some(received) = self.received {
            received.reply(487, wire, now);
        }
    }
}

impl Talking {
    pub(super) fn on_refer(
        &mut self,
        request: &Request<'_, '_>,
        received: Received,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        if self.referred.len() == REFERS_MAX {
            return received.postpone(wire, now);
        }
        let refer = match incoming_refer(request.message) {
            Ok(refer) => refer,
            Err(refusal) => return received.refuse(&refusal, wire, now),
        };
        let id = ReferId(request.cseq.number);
        self.referred.push(Referred {
            id,
            wants_progress: refer.wants_progress,
            received: Some(received),
            under_way: None,
            next: None,
        });
        wire.event(Event::ReferReceived { key: self.key, refer: id, request: Box::new(refer) });
    }

    /// Accepts or refuses a REFER. An accepted one is told at once that it is worked on (§2.4.4).
    pub(crate) fn answer_refer(
        &mut self,
        id: ReferId,
        code: u16,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let index = self.index_of(id)?;
        let referred = self.referred.get_mut(index).ok_or(OrderError::WrongState)?;
        let received = referred.received.take().ok_or(OrderError::WrongState)?;
        let wants = referred.wants_progress;
        received.reply_with(code, wire, now, |writer| {
            if code < 300 {
                writer.header(HeaderName::Contact, format_args!("<{}>", self.dialog.contact()));
            }
            if code < 300 && !wants {
                writer.header(HeaderName::ReferSub, "false");
            }
            writer.end();
        });
        if code < 300 {
            return self.notify_refer(id, 100, None, wire, now);
        }
        self.referred.remove(index);
        Ok(())
    }

    fn index_of(&self, id: ReferId) -> Result<usize, OrderError> {
        self.referred.iter().position(|referred| referred.id == id).ok_or(OrderError::WrongState)
    }

    /// Tells the peer how its REFER goes.
    pub(crate) fn notify_refer(
        &mut self,
        id: ReferId,
        code: u16,
        reason: Option<String>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let index = self.index_of(id)?;
        let referred = self.referred.get_mut(index).ok_or(OrderError::WrongState)?;
        let had_last_word = referred.next.as_ref().is_some_and(|(code, _)| *code >= 200)
            || referred.under_way.as_ref().is_some_and(|(.., is_last)| *is_last);
        if referred.received.is_some() || had_last_word {
            return Err(OrderError::WrongState);
        }
        if !referred.wants_progress {
            if code >= 200 {
                self.referred.remove(index);
            }
            return Ok(());
        }
        referred.next = Some((code, reason));
        if referred.under_way.is_none() {
            self.send_notify(index, wire, now);
        }
        Ok(())
    }

    fn send_notify(&mut self, index: usize, wire: &mut Wire, now: Timestamp) {
        let Some(referred) = self.referred.get_mut(index) else { return };
        let Some((code, reason)) = referred.next.take() else { return };
        let is_last = code >= 200;
        let state = match is_last {
            true => "terminated;reason=noresource".to_owned(),
            false => format!("active;expires={EXPIRES_SECS}"),
        };
        let mut request = DialogRequest::new("NOTIFY")
            .header(HeaderName::Contact, format_args!("<{}>", self.dialog.contact()))
            .header(HeaderName::Event, format_args!("refer;id={}", referred.id.0))
            .header(HeaderName::SubscriptionState, state)
            .body(SIPFRAG, &fragment(code, reason.as_deref()));
        let transaction = request.send(&mut self.dialog, &[], Owner::Within(self.key), wire, now);
        referred.under_way = Some((transaction, request, is_last));
    }

    /// A response to a NOTIFY of ours, if it is one.
    pub(super) fn on_notify_response(
        &mut self,
        transaction: ClientId,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        if !self.notify_again(transaction, response, source, wire, now) {
            self.on_notify_settled(transaction, response.code == 481, wire, now);
        }
    }

    /// Sends a NOTIFY again that was challenged or overtaken.
    fn notify_again(
        &mut self,
        transaction: ClientId,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> bool {
        let Self { access, dialog, referred, key, .. } = self;
        let mut under_way = referred.iter_mut().filter_map(|referred| referred.under_way.as_mut());
        let Some((current, request, _)) = under_way.find(|(current, ..)| *current == transaction) else {
            return false;
        };
        let line = match (response.code, access) {
            (401 | 407, Some(access)) => access.answer(response, source, dialog, request, wire),
            (code, _) => request.was_overtaken(code, dialog).then(Vec::new),
        };
        let Some(line) = line else { return false };
        *current = request.send(dialog, &line, Owner::Within(*key), wire, now);
        true
    }

    /// A NOTIFY is done; the next one may go, unless the subscription is over.
    pub(super) fn on_notify_settled(
        &mut self,
        transaction: ClientId,
        is_over: bool,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let is_it = |referred: &Referred| {
            referred.under_way.as_ref().is_some_and(|(current, ..)| *current == transaction)
        };
        let Some(index) = self.referred.iter().position(is_it) else { return };
        let under_way = self.referred.get_mut(index).and_then(|referred| referred.under_way.take());
        if is_over || under_way.is_some_and(|(.., is_last)| is_last) {
            self.referred.remove(index);
        } else {
            self.send_notify(index, wire, now);
        }
    }
}

/// Reads a REFER (RFC 3515 §2.1, RFC 3892 §3): exactly one Refer-To, of a scheme and method that make a call.
fn incoming_refer(message: &Message<'_>) -> Result<IncomingRefer, Refusal> {
    let mut targets = message.values(HeaderName::ReferTo);
    let target = targets.next().ok_or(Refusal::bad("Missing Refer-To"))?;
    if targets.next().is_some() {
        return Err(Refusal::bad("Multiple Refer-To"));
    }
    let target = NameAddr::parse(target).ok_or(Refusal::bad("Malformed Refer-To"))?;
    let uri = target.uri();
    if uri.scheme == Scheme::Other {
        return Err(Refusal::code(416));
    }
    let is_invite = |method: Option<&str>| method.is_some_and(|method| method.eq_ignore_ascii_case("INVITE"));
    if uri.param("method").is_some_and(|method| !is_invite(method)) {
        return Err(Refusal::code(603));
    }
    let target_uri = target.uri_text.split_once('?').map_or(target.uri_text, |(before, _)| before);
    Ok(IncomingRefer {
        target_uri: target_uri.to_owned(),
        replaces: replaces_of_uri_headers(uri.headers),
        referred_by: message.text_lossy(HeaderName::ReferredBy),
        wants_progress: !wants_no_subscription(message),
    })
}
