//! What a request received is (RFC 3261 §8.2, §12.2.2): a copy of one already served, one of a call, a new call, or none of
//! these. What needs no memory gets its answer here and is forgotten.

use super::Endpoint;
use super::order::{CallKey, Hop};
use super::output::{Event, IncomingCall};
use super::wire::finish_capabilities;
use crate::dialog::{Dialog, contact_uri};
use crate::message::fields::parse_q850;
use crate::message::name::ALLOW;
use crate::message::uri::Scheme;
use crate::message::validate::{self, Refusal, Request};
use crate::message::{HeaderName, Message, Method, NameAddr, scan};
use crate::session::{
    Agreed, Arrival, Next, Ringing, Session, SessionClock, headers_of_interest, session_description,
};
use crate::transaction::{ReplyHead, ServerId, request_key};
use model::Timestamp;

/// Authorization values shown to the application.
pub(super) const AUTHORIZATIONS_MAX: usize = 4;

impl Endpoint {
    pub(super) fn on_request(&mut self, message: &Message<'_>, source: Hop, now: Timestamp) {
        match validate::request(message) {
            Err(refusal) => {
                self.wire.sink.received(None, source, message.raw, false);
                if message.method() != Some(Method::Ack) {
                    self.wire.refuse(None, message, source, &refusal);
                }
            }
            Ok(request) => match request.method {
                Method::Ack => self.on_ack(&request, source, now),
                Method::Cancel => self.on_cancel(&request, source, now),
                _ => self.on_served(&request, source, now),
            },
        }
    }

    /// The call a request within a dialog belongs to.
    fn session_of(&self, request: &Request<'_, '_>) -> Option<CallKey> {
        let key = *self.tags.get(request.to.tag()?)?;
        self.sessions.get(&key)?.matches(request.call_id, request.from.tag()).then_some(key)
    }

    /// Never answered. Ours to see are those to a failure (by its transaction) and those to a 2xx (by its dialog).
    fn on_ack(&mut self, request: &Request<'_, '_>, source: Hop, now: Timestamp) {
        let server = self.wire.servers.find(&request_key(request, "INVITE"));
        let key = self.session_of(request);
        let owner = key.or(server.and_then(|(_, owner)| owner));
        self.wire.sink.received(owner, source, request.message.raw, false);
        if let Some((id, _)) = server {
            let (servers, mut effects) = self.wire.servers(now);
            servers.on_ack(id, &mut effects);
        }
        if let Some(key) = key
            && let Some(Session::Talking(talking)) = self.sessions.get_mut(&key)
        {
            let next = talking.on_ack(request, &mut self.wire, now);
            self.follow(key, next, now);
        }
    }

    /// §9.2: 200 if there is something to cancel, even if it is too late for it.
    fn on_cancel(&mut self, request: &Request<'_, '_>, source: Hop, now: Timestamp) {
        let found = self.wire.servers.find(&request_key(request, "INVITE"));
        let owner = found.and_then(|(_, owner)| owner);
        self.wire.sink.received(owner, source, request.message.raw, false);
        let Some((server, _)) = found else {
            return self.wire.refuse(None, request.message, source, &Refusal::code(481));
        };
        self.wire.refuse(owner, request.message, source, &Refusal::code(200));
        if let Some(key) = owner {
            self.cancel_session(key, server, request, now);
        }
    }

    fn cancel_session(&mut self, key: CallKey, server: ServerId, request: &Request<'_, '_>, now: Timestamp) {
        let next = match self.sessions.get_mut(&key) {
            Some(Session::Ringing(ringing)) => {
                let q850 = request.message.elements(HeaderName::Reason).find_map(parse_q850);
                ringing.on_cancel(q850, &mut self.wire, now)
            }
            Some(Session::Talking(talking)) => {
                talking.on_cancel(server, &mut self.wire, now);
                Next::Stay
            }
            _ => Next::Stay,
        };
        self.follow(key, next, now);
    }

    fn on_served(&mut self, request: &Request<'_, '_>, source: Hop, now: Timestamp) {
        let (message, method) = (request.message, request.method);
        if let Some((server, owner)) = self.wire.servers.find(&request_key(request, method.as_str())) {
            self.wire.sink.received(owner, source, message.raw, true);
            let (servers, mut effects) = self.wire.servers(now);
            return servers.on_retransmission(server, &mut effects);
        }
        let key = self.session_of(request);
        if let Err(refusal) = servable(request, self.wire.config.registrar) {
            self.wire.sink.received(key, source, message.raw, false);
            return self.wire.refuse(key, message, source, &refusal);
        }
        match (key, method) {
            (_, Method::Register) => {
                self.wire.sink.received(None, source, message.raw, false);
                self.on_register(request, source, now);
            }
            (Some(key), _) => self.on_session_request(key, request, source, now),
            (None, Method::Invite) if request.to.tag().is_none() => self.on_invite(request, source, now),
            (None, Method::Options) if request.to.tag().is_none() => {
                self.wire.sink.received(None, source, message.raw, false);
                let ok = Refusal::code(200);
                self.wire.reply_stateless(None, message, source, &ok, finish_capabilities);
            }
            (None, _) => {
                self.wire.sink.received(None, source, message.raw, false);
                self.wire.refuse(None, message, source, &Refusal::code(481));
            }
        }
    }

    fn on_session_request(&mut self, key: CallKey, request: &Request<'_, '_>, source: Hop, now: Timestamp) {
        let wire = &mut self.wire;
        wire.sink.received(Some(key), source, request.message.raw, false);
        if !wire.has_room() && request.method != Method::Bye {
            let refusal = busy(wire.tokens.below(10));
            return wire.refuse(Some(key), request.message, source, &refusal);
        }
        let next = match self.sessions.get_mut(&key) {
            Some(Session::Talking(talking)) => talking.on_request(request, source, wire, now),
            Some(Session::Ringing(ringing)) => ringing.on_request(request, source, wire, now),
            Some(Session::Calling(calling)) => {
                calling.on_request(request, source, wire, now);
                Next::Stay
            }
            Some(Session::Leaving(leaving)) => {
                leaving.on_request(request, source, wire, now);
                Next::Stay
            }
            None => Next::Stay,
        };
        self.follow(key, next, now);
    }

    fn on_invite(&mut self, request: &Request<'_, '_>, source: Hop, now: Timestamp) {
        match self.admit(request) {
            Ok(admitted) => {
                let key = self.incoming_key();
                self.wire.sink.received(Some(key), source, request.message.raw, false);
                self.receive(key, request, admitted, source, now);
            }
            Err(refusal) => {
                self.wire.sink.received(None, source, request.message.raw, false);
                self.wire.refuse(None, request.message, source, &refusal);
            }
        }
    }

    /// Whether a new call may come in, and what was found out about it.
    fn admit(&mut self, request: &Request<'_, '_>) -> Result<Admitted, Refusal> {
        let message = request.message;
        if self.wire.servers.is_merged(request) {
            return Err(Refusal::code(482));
        }
        validate::hops_left(message)?;
        validate::accepts_sessions(message)?;
        if message.elements(HeaderName::Contact).any(|contact| NameAddr::parse(contact).is_none()) {
            return Err(Refusal::bad("Malformed Contact"));
        }
        let sdp = session_description(message)?;
        let replaces = self.replaced_by(message)?;
        let clock = SessionClock::new(self.wire.config.session_timers);
        let agreed = clock.agree(message)?;
        if self.is_full() {
            return Err(busy(self.wire.tokens.below(10)));
        }
        Ok(Admitted { sdp, clock, agreed, replaces })
    }

    fn receive(
        &mut self,
        key: CallKey,
        request: &Request<'_, '_>,
        admitted: Admitted,
        source: Hop,
        now: Timestamp,
    ) {
        let Admitted { sdp, clock, agreed, replaces } = admitted;
        let wire = &mut self.wire;
        let head = ReplyHead::new(request.message, source);
        let server = wire.servers.open(request, Some(key), head.hop);
        let contact = wire.names.contact(source, &request.uri.user_plain(), asks_for_sips(request));
        let dialog = Dialog::of_callee(request, &wire.tokens.tag(), &contact, source);
        let arrival = Arrival {
            message: request.message,
            server,
            head,
            dialog,
            cseq: request.cseq.number,
            has_offer: sdp.is_some(),
            clock,
            agreed,
            replaces,
        };
        let ringing = Ringing::new(key, arrival, wire, now);
        let call = IncomingCall { replaces, ..incoming_call(request, sdp, source) };
        wire.event(Event::Incoming { key, call: Box::new(call) });
        self.insert(key, Session::Ringing(Box::new(ringing)));
    }
}

/// What is known of a call that may come in.
struct Admitted {
    sdp: Option<Vec<u8>>,
    clock: SessionClock,
    agreed: Option<Agreed>,
    replaces: Option<CallKey>,
}

/// Whether our Contact must be `sips` (RFC 3261 §12.1.1): the Request-URI is, or the topmost Record-Route, or without one
/// the Contact.
fn asks_for_sips(request: &Request<'_, '_>) -> bool {
    let message = request.message;
    let mut way = message.elements(HeaderName::RecordRoute).chain(message.elements(HeaderName::Contact));
    let first = way.next().and_then(NameAddr::parse);
    request.uri.scheme == Scheme::Sips || first.is_some_and(|first| first.uri().scheme == Scheme::Sips)
}

/// No room now; a peer that comes again should not come with all others at once.
pub(super) fn busy(pause_secs: u32) -> Refusal {
    Refusal::code(503).with_header("Retry-After", (1 + pause_secs).to_string())
}

/// Methods and extensions we do not serve (§8.2.1, §8.2.2.3).
fn servable(request: &Request<'_, '_>, is_registrar: bool) -> Result<(), Refusal> {
    match request.method {
        Method::Register if is_registrar => validate::extensions(request.message),
        Method::Unserved(_) | Method::Register => Err(Refusal::code(405).with_header("Allow", ALLOW)),
        Method::Unknown(_) => Err(Refusal::code(501).with_header("Allow", ALLOW)),
        _ => validate::extensions(request.message),
    }
}

fn incoming_call(request: &Request<'_, '_>, sdp: Option<Vec<u8>>, source: Hop) -> IncomingCall {
    let message = request.message;
    IncomingCall {
        from_uri: request.from.uri_text.to_owned(),
        from_user: request.from.uri().user_plain(),
        from_display: request.from.display(),
        to_uri: request.to.uri_text.to_owned(),
        request_uri: request.uri_text.to_owned(),
        request_user: request.uri.user_plain(),
        contact: contact_uri(message).map(str::to_owned),
        call_id: request.call_id.to_owned(),
        sdp,
        user_agent: message.text_lossy(HeaderName::UserAgent),
        authorizations: message
            .values(HeaderName::Authorization)
            .take(AUTHORIZATIONS_MAX)
            .map(scan::unfold)
            .collect(),
        headers: headers_of_interest(message),
        replaces: None,
        referred_by: message.text_lossy(HeaderName::ReferredBy),
        source,
    }
}
