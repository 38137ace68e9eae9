//! A registration we keep at a registrar (RFC 3261 §10.2): sent, challenged, refreshed before it expires, tried again at
//! growing intervals when it fails, taken back on order. One Call-ID, a rising CSeq. Must not know calls.

mod pace;
mod request;

use crate::digest;
use crate::endpoint::order::{Hop, OrderError};
use crate::endpoint::output::{Event, FailedBy};
use crate::endpoint::register::{Registration, RegistrationKey};
use crate::endpoint::wire::Wire;
use crate::message::fields::parse_retry_after;
use crate::message::uri::host_address;
use crate::message::validate::Response;
use crate::message::{HeaderName, scan};
use crate::transaction::{ClientId, Owner, Timer, TimerId};
use model::Timestamp;
use request::{Answering, Attempt};
use std::net::SocketAddr;
use std::time::Duration;

/// REGISTERs sent in one round: the first one, and one for each challenge, stale nonce and 423.
const ATTEMPTS_MAX: usize = 6;
/// The longest Min-Expires that is followed, in seconds.
const MIN_EXPIRES_MAX: u64 = 7 * 86_400;

/// What follows for a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It goes on.
    Stay,
    /// It is over; the application was told.
    Gone,
}

/// A registration that is kept.
pub(crate) struct Registering {
    key: RegistrationKey,
    registration: Registration,
    contact: String,
    call_id: String,
    tag: String,
    cseq: u32,
    /// What we ask for.
    expires_secs: u32,
    transaction: Option<ClientId>,
    answering: Vec<Answering>,
    /// REGISTERs of this round.
    attempts: usize,
    /// Challenges answered in this round that must not come again: the header of the answer, and the realm.
    answered: Vec<(HeaderName, String)>,
    failures: u32,
    /// The registrar may hold something of ours.
    may_be_bound: bool,
    /// Unregister was ordered.
    ending: bool,
    timer: Option<TimerId>,
}

impl Registering {
    /// Sends the first REGISTER.
    pub(crate) fn start(
        key: RegistrationKey,
        registration: Registration,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<Self, OrderError> {
        let contact = request::check(&registration, &wire.names)?;
        let mut registering = Self {
            key,
            expires_secs: secs(registration.expires),
            registration,
            contact,
            call_id: wire.tokens.call_id(),
            tag: wire.tokens.tag(),
            cseq: 0,
            transaction: None,
            answering: Vec::new(),
            attempts: 0,
            answered: Vec::new(),
            failures: 0,
            may_be_bound: false,
            ending: false,
            timer: None,
        };
        registering.begin(wire, now);
        Ok(registering)
    }

    /// Goes on with other data, at once. Another destination alone does not make failures undone.
    pub(crate) fn change(
        &mut self,
        registration: Registration,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        self.contact = request::check(&registration, &wire.names)?;
        let same_place = registration.destination.address.ip() == self.registration.destination.address.ip();
        if !same_place || registration.credentials != self.registration.credentials {
            self.answering.clear();
        }
        let destination = registration.destination;
        self.registration.destination = destination;
        if self.registration != registration {
            self.failures = 0;
        }
        self.expires_secs = secs(registration.expires);
        self.registration = registration;
        self.ending = false;
        self.abandon(wire, now);
        self.begin(wire, now);
        Ok(())
    }

    /// Takes the registration back at the registrar, if it may hold anything.
    pub(crate) fn end(&mut self, wire: &mut Wire, now: Timestamp) -> After {
        if self.ending {
            return After::Stay;
        }
        self.ending = true;
        self.abandon(wire, now);
        if !self.may_be_bound {
            wire.event(Event::Unregistered { key: self.key, code: None });
            return After::Gone;
        }
        self.begin(wire, now);
        After::Stay
    }

    /// Whether this is the REGISTER that counts.
    pub(crate) fn waits_for(&self, transaction: ClientId) -> bool {
        self.transaction == Some(transaction)
    }

    /// Time to refresh, or to try again.
    pub(crate) fn on_timer(&mut self, wire: &mut Wire, now: Timestamp) {
        self.timer = None;
        self.begin(wire, now);
    }

    /// A response to the REGISTER that counts.
    pub(crate) fn on_response(
        &mut self,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> After {
        if response.code < 200 {
            return After::Stay;
        }
        self.transaction = None;
        let goes_on = match response.code {
            200..=299 => return self.on_success(response, wire, now),
            401 | 407 => self.authorize(response, source, wire),
            423 => self.lengthen(response),
            _ => false,
        };
        if goes_on && self.attempts < ATTEMPTS_MAX {
            self.send(wire, now);
            return After::Stay;
        }
        let retry_after = response.message.value(HeaderName::RetryAfter).and_then(parse_retry_after);
        let retry_after = retry_after.map(|secs| Duration::from_secs(secs.into()));
        self.fail(Some(response.code), scan::unfold(response.reason), retry_after, wire, now)
    }

    /// The REGISTER that counts got no response.
    pub(crate) fn on_silence(&mut self, by: FailedBy, wire: &mut Wire, now: Timestamp) -> After {
        self.transaction = None;
        let (code, reason) = match by {
            FailedBy::Transport => (503, "Transport Failure"),
            _ => (408, "No Response"),
        };
        if self.ending {
            wire.event(Event::Unregistered { key: self.key, code: None });
            return After::Gone;
        }
        self.fail(Some(code), reason.to_owned(), None, wire, now)
    }

    fn on_success(&mut self, response: &Response<'_, '_>, wire: &mut Wire, now: Timestamp) -> After {
        self.failures = 0;
        if self.ending {
            wire.event(Event::Unregistered { key: self.key, code: Some(response.code) });
            return After::Gone;
        }
        let granted = request::granted_secs(response, &self.contact, self.expires_secs);
        let Some(granted) = granted.filter(|granted| *granted > 0) else {
            return self.fail(Some(response.code), "Contact Not Bound".to_owned(), None, wire, now);
        };
        let expires = Duration::from_secs(granted.into());
        let after = pace::refresh_after(expires, wire.tokens.below(1_000));
        self.timer = Some(wire.set(now + after, Timer::RegisterAgain(self.key)));
        wire.event(Event::Registered { key: self.key, expires, seen: seen(response) });
        After::Stay
    }

    fn fail(
        &mut self,
        code: Option<u16>,
        reason: String,
        asked: Option<Duration>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> After {
        if self.ending {
            wire.event(Event::Unregistered { key: self.key, code });
            return After::Gone;
        }
        self.failures = self.failures.saturating_add(1);
        let retry_after = pace::again_after(self.failures, asked, wire.tokens.below(1_000));
        self.timer = Some(wire.set(now + retry_after, Timer::RegisterAgain(self.key)));
        let code = code.unwrap_or(408);
        let (key, destination) = (self.key, self.registration.destination);
        wire.event(Event::RegistrationFailed { key, code, reason, destination, retry_after });
        After::Stay
    }

    /// Takes a challenge up, if it comes from where the REGISTER went. A realm that refuses the answer of this round is
    /// answered again only if it calls the nonce stale.
    fn authorize(&mut self, response: &Response<'_, '_>, source: Hop, wire: &mut Wire) -> bool {
        let from_registrar = source.address.ip() == self.registration.destination.address.ip();
        let Some(credentials) = self.registration.credentials.as_ref().filter(|_| from_registrar) else {
            return false;
        };
        let (asks, header) = match response.code {
            401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            _ => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
        };
        let Some(challenge) = digest::strongest(response.message.values(asks), credentials) else {
            return false;
        };
        let answer = (header, challenge.realm.clone());
        if self.answered.contains(&answer) && !challenge.stale {
            return false;
        }
        self.answering.retain(|old| old.header != header || old.challenge.realm != challenge.realm);
        // Each answer of a round is one attempt, so there are never many.
        self.answering.push(Answering::new(header, challenge, wire.tokens.tag()));
        self.answered.push(answer);
        true
    }

    /// 423: asks for as long as the registrar wants, if that is longer.
    fn lengthen(&mut self, response: &Response<'_, '_>) -> bool {
        let least = response.message.value(HeaderName::MinExpires).and_then(scan::number);
        let least =
            least.filter(|least| *least <= MIN_EXPIRES_MAX).and_then(|least| u32::try_from(least).ok());
        match least.filter(|least| *least > self.expires_secs && !self.ending) {
            Some(least) => {
                self.expires_secs = least;
                true
            }
            None => false,
        }
    }

    /// A new round, under the name that we have by now. What is taken back is what was bound.
    fn begin(&mut self, wire: &mut Wire, now: Timestamp) {
        if let Some(contact) = request::check(&self.registration, &wire.names).ok().filter(|_| !self.ending) {
            self.contact = contact;
        }
        self.attempts = 0;
        self.answered.clear();
        self.send(wire, now);
    }

    fn send(&mut self, wire: &mut Wire, now: Timestamp) {
        self.attempts += 1;
        self.cseq = self.cseq.saturating_add(1);
        self.may_be_bound = true;
        let draft = wire.draft(self.registration.destination);
        let Self { registration, contact, call_id, tag, answering, .. } = self;
        let expires_secs = if self.ending { 0 } else { self.expires_secs };
        let attempt =
            Attempt { registration, contact, call_id, tag, cseq: self.cseq, via: &draft.via, expires_secs };
        let bytes = wire.write(|out, config| attempt.write(out, config, answering));
        self.transaction = Some(wire.start(draft, "REGISTER", Owner::Register(self.key), bytes, now));
    }

    /// Waits neither for a response nor for a time any more.
    fn abandon(&mut self, wire: &mut Wire, now: Timestamp) {
        wire.timers.cancel(self.timer.take());
        if let Some(transaction) = self.transaction.take() {
            let (clients, mut effects) = wire.clients(now);
            clients.remove(transaction, &mut effects);
        }
    }
}

fn secs(expires: Duration) -> u32 {
    u32::try_from(expires.as_secs()).unwrap_or(u32::MAX).max(1)
}

/// Where the peer saw us (RFC 3581).
fn seen(response: &Response<'_, '_>) -> Option<SocketAddr> {
    let params = response.via.params;
    let ip = host_address(params.text("received").unwrap_or(response.via.host))?;
    let port = params.number("rport").and_then(|port| u16::try_from(port).ok());
    Some(SocketAddr::new(ip, port.or(response.via.port)?))
}
