//! REGISTERs received (RFC 3261 §10.3): read, given to the application, answered as it says. What is bound is not kept
//! here: see [`crate::registrar`].

use super::Endpoint;
use super::order::{Hop, OrderError};
use super::output::Event;
use super::register::{IncomingRegister, RegisterContact, RegisterOutcome, RegisterRequestId};
use super::requests::{AUTHORIZATIONS_MAX, busy};
use super::wire::Status;
use crate::message::fields::parse_q_thousandths;
use crate::message::uri::Scheme;
use crate::message::validate::{Refusal, Request};
use crate::message::write::push_copied;
use crate::message::{HeaderName, Message, NameAddr, Writer, scan};
use crate::transaction::{ReplyHead, ServerId, Timer, TimerId};
use model::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Contacts, or Path elements, of one REGISTER.
const CONTACTS_MAX: usize = 16;
/// Challenges of one answer.
const CHALLENGES_MAX: usize = 4;
/// How long the application may take; then the phone gets 503. Well before it gives up by itself.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// A REGISTER that waits for its answer.
struct Waiting {
    server: ServerId,
    head: ReplyHead,
    tag: String,
    /// Path lines, which a 200 copies (RFC 3327 §5.3).
    path: Vec<u8>,
    timer: TimerId,
}

/// All that wait.
#[derive(Default)]
pub(super) struct Registers {
    waiting: BTreeMap<RegisterRequestId, Waiting>,
    last: u64,
}

impl Registers {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

impl Endpoint {
    pub(super) fn on_register(&mut self, request: &Request<'_, '_>, source: Hop, now: Timestamp) {
        let wire = &mut self.wire;
        let register = match incoming_register(request, source) {
            Ok(register) => register,
            Err(refusal) => return wire.refuse(None, request.message, source, &refusal),
        };
        if self.registers.len() >= wire.config.limits.registers_waiting_max || !wire.has_room() {
            let refusal = busy(wire.tokens.below(10));
            return wire.refuse(None, request.message, source, &refusal);
        }
        self.registers.last += 1;
        let id = RegisterRequestId(self.registers.last);
        let head = ReplyHead::new(request.message, source);
        let mut path = Vec::new();
        for element in request.message.elements(HeaderName::Path) {
            push_copied(&mut path, HeaderName::Path, element);
        }
        let waiting = Waiting {
            server: wire.servers.open(request, None, head.hop),
            head,
            tag: wire.tokens.tag(),
            path,
            timer: wire.set(now + ANSWER_TIME, Timer::RegisterUnanswered(id)),
        };
        self.registers.waiting.insert(id, waiting);
        wire.event(Event::RegisterReceived { request: id, register: Box::new(register) });
    }

    pub(super) fn answer_register(
        &mut self,
        request: RegisterRequestId,
        outcome: &RegisterOutcome,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let code = checked_code(outcome)?;
        let waiting = self.registers.waiting.remove(&request).ok_or(OrderError::UnknownRegistration)?;
        self.wire.timers.cancel(Some(waiting.timer));
        let status = Status::new(code, &waiting.tag);
        self.wire.reply(waiting.server, &waiting.head, status, now, |writer| {
            finish(writer, outcome, &waiting.path);
        });
        Ok(())
    }

    /// The application took too long.
    pub(super) fn on_register_unanswered(&mut self, request: RegisterRequestId, now: Timestamp) {
        let pause = 1 + self.wire.tokens.below(10);
        let outcome = RegisterOutcome::Refuse { code: 503, retry_after_secs: Some(pause) };
        // It waits, as its timer runs.
        let _ = self.answer_register(request, &outcome, now);
    }
}

fn checked_code(outcome: &RegisterOutcome) -> Result<u16, OrderError> {
    match outcome {
        RegisterOutcome::Challenge { challenges } if challenges.len() > CHALLENGES_MAX => {
            Err(OrderError::BadHeader(HeaderName::WwwAuthenticate.as_str().to_owned()))
        }
        RegisterOutcome::Challenge { .. } => Ok(401),
        RegisterOutcome::Accept { contacts } if contacts.len() > CONTACTS_MAX => {
            Err(OrderError::BadHeader(HeaderName::Contact.as_str().to_owned()))
        }
        RegisterOutcome::Accept { .. } => Ok(200),
        RegisterOutcome::IntervalTooBrief { .. } => Ok(423),
        RegisterOutcome::Refuse { code, .. } if (400..=699).contains(code) => Ok(*code),
        RegisterOutcome::Refuse { code, .. } => Err(OrderError::BadCode(*code)),
    }
}

fn finish(writer: &mut Writer<'_>, outcome: &RegisterOutcome, path: &[u8]) {
    match outcome {
        RegisterOutcome::Challenge { challenges } => {
            for challenge in challenges {
                writer.header(HeaderName::WwwAuthenticate, challenge);
            }
        }
        RegisterOutcome::Accept { contacts } => {
            for contact in contacts {
                let q = match contact.q_thousandths {
                    1_000.. => String::new(),
                    q => format!(";q=0.{q:03}"),
                };
                let secs = contact.expires_secs;
                writer.header(HeaderName::Contact, format_args!("<{}>{q};expires={secs}", contact.uri));
            }
            writer.lines(path);
        }
        RegisterOutcome::IntervalTooBrief { min_secs } => {
            writer.header(HeaderName::MinExpires, min_secs);
        }
        RegisterOutcome::Refuse { retry_after_secs, .. } => {
            if let Some(secs) = retry_after_secs {
                writer.header(HeaderName::RetryAfter, secs);
            }
        }
    }
    writer.end();
}

/// Reads a REGISTER (§10.3 steps 1 to 6, as far as they need no memory).
fn incoming_register(request: &Request<'_, '_>, source: Hop) -> Result<IncomingRegister, Refusal> {
    let message = request.message;
    let to = request.to.uri();
    if !matches!(to.scheme, Scheme::Sip | Scheme::Sips) {
        return Err(Refusal::bad("To Is No SIP URI"));
    }
    let expires = expires(message);
    let star = message.elements(HeaderName::Contact).any(|contact| contact == b"*");
    let contacts = if star {
        // §10.2.2: alone, and with an expiry of zero.
        let alone = message.elements(HeaderName::Contact).nth(1).is_none();
        if !alone || expires != Some(0) {
            return Err(Refusal::bad("Contact * Needs Expires 0 And No Other Contact"));
        }
        Vec::new()
    } else {
        contacts(message, expires)?
    };
    let path: Vec<String> = message.elements(HeaderName::Path).map(scan::unfold).collect();
    if path.len() > CONTACTS_MAX {
        return Err(Refusal::bad("Too Many Path Elements"));
    }
    let values = message.values(HeaderName::Authorization).take(AUTHORIZATIONS_MAX);
    Ok(IncomingRegister {
        user: to.user_plain(),
        domain: to.host.to_ascii_lowercase(),
        request_uri: request.uri_text.to_owned(),
        contacts,
        star,
        call_id: request.call_id.to_owned(),
        cseq: request.cseq.number,
        authorizations: values.map(scan::unfold).collect(),
        body: message.body().to_vec(),
        source,
        user_agent: message.text_lossy(HeaderName::UserAgent),
        path,
    })
}

/// The Expires header; a malformed one counts as an hour (§20.19), one beyond u32 as the most there is.
fn expires(message: &Message<'_>) -> Option<u32> {
    message.value(HeaderName::Expires).map(|value| seconds(Some(value)))
}

fn seconds(value: Option<&[u8]>) -> u32 {
    let number = value.and_then(scan::number).unwrap_or(3_600);
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn contacts(message: &Message<'_>, expires: Option<u32>) -> Result<Vec<RegisterContact>, Refusal> {
    let mut contacts = Vec::new();
    for element in message.elements(HeaderName::Contact) {
        let contact = NameAddr::parse(element).ok_or(Refusal::bad("Malformed Contact"))?;
        if contacts.len() == CONTACTS_MAX {
            return Err(Refusal::bad("Too Many Contacts"));
        }
        contacts.push(RegisterContact {
            uri: contact.uri_text.to_owned(),
            expires_secs: contact.params.get("expires").map(seconds).or(expires),
            q_thousandths: contact.params.text("q").and_then(parse_q_thousandths).unwrap_or(1_000),
        });
    }
    Ok(contacts)
}
