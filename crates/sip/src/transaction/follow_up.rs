//! The two requests that are made of an INVITE already sent: ACK to its failure (RFC 3261 §17.1.1.3) and CANCEL (§9.1).
//! Both go the INVITE's way with the INVITE's branch. Decides nothing.

use crate::endpoint::order::Q850;
use crate::message::address::quote_display;
use crate::message::{HeaderName, Message, Writer, validate};
use std::sync::Arc;

/// The ACK to a failure; `to` is the response's To.
pub(super) fn ack(invite: &[u8], to: &[u8], scratch: &mut Vec<u8>) -> Option<Arc<[u8]>> {
    follow_up(invite, "ACK", Some(to), scratch, |_| {})
}

/// The CANCEL of an INVITE; `reason` is the value of its Reason.
pub(super) fn cancel(invite: &[u8], reason: Option<&str>, scratch: &mut Vec<u8>) -> Option<Arc<[u8]>> {
    follow_up(invite, "CANCEL", None, scratch, |writer| {
        if let Some(reason) = reason {
            writer.header(HeaderName::Reason, reason);
        }
    })
}

fn follow_up(
    invite: &[u8],
    method: &str,
    to: Option<&[u8]>,
    scratch: &mut Vec<u8>,
    more: impl FnOnce(&mut Writer<'_>),
) -> Option<Arc<[u8]>> {
    let message = Message::parse(invite).ok()?;
    let request = validate::request(&message).ok()?;
    let mut writer = Writer::request(scratch, method, request.uri_text);
    writer.copied(HeaderName::Via, message.value(HeaderName::Via)?);
    for route in message.elements(HeaderName::Route) {
        writer.copied(HeaderName::Route, route);
    }
    writer.header(HeaderName::MaxForwards, 70);
    writer.copied(HeaderName::From, message.value(HeaderName::From)?);
    writer.copied(HeaderName::To, to.or(message.value(HeaderName::To))?);
    writer.copied(HeaderName::CallId, message.value(HeaderName::CallId)?);
    writer.header(HeaderName::CSeq, format_args!("{} {method}", request.cseq.number));
    more(&mut writer);
    writer.end();
    Some(scratch.as_slice().into())
}

/// The value of a Reason header (RFC 3326).
pub(crate) fn reason_value(q850: &Q850) -> String {
    match &q850.text {
        Some(text) => format!("Q.850;cause={};text={}", q850.cause, quote_display(text)),
        None => format!("Q.850;cause={}", q850.cause),
    }
}
