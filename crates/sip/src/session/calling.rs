//! A call we placed, until its final response (RFC 3261 §13.2, §9.1): forks ring, challenges are answered, CANCEL waits for
//! a provisional response and may cross with the answer.

use super::invite::Invite;
use super::talking::{self, Talking};
use super::{Next, headers_of_interest, session_description};
use crate::dialog::{Dialog, contact_uri};
use crate::digest::{self, Credentials};
use crate::endpoint::order::{CallKey, Hop, OrderError, OutgoingCall, Q850};
use crate::endpoint::output::{Answer, EndedBy, Event, FailedBy, Failure};
use crate::endpoint::wire::Wire;
use crate::message::fields::{parse_q850, parse_retry_after};
use crate::message::validate::Response;
use crate::message::{HeaderName, Message, NameAddr, scan};
use crate::transaction::{ClientId, Owner, Timer, TimerId};
use model::Timestamp;

/// Early dialogs told apart.
const FORKS_MAX: usize = 16;
/// Challenges answered in one call: a proxy's and a server's, and one of them again because its nonce was stale.
const CHALLENGES_MAX: usize = 3;
/// Contacts of a redirection.
const CONTACTS_MAX: usize = 8;

/// Why an unanswered call is being cancelled.
enum Ending {
    Ordered(Option<Q850>),
    RingTimeout,
}

/// The credentials for one realm.
struct Authorization {
    header: HeaderName,
    realm: String,
    line: Vec<u8>,
}

/// A call we placed and that is not answered.
pub(crate) struct Calling {
    key: CallKey,
    invite: Invite,
    transaction: ClientId,
    cseq: u32,
    credentials: Option<Credentials>,
    authorizations: Vec<Authorization>,
    challenges: usize,
    /// A provisional response came to the last INVITE: it may be cancelled.
    heard: bool,
    /// Remote tags of the early dialogs.
    forks: Vec<String>,
    ending: Option<Ending>,
    /// The application knows the end; what still comes is between the transaction and the peer.
    told: bool,
    ring_timeout: Option<TimerId>,
    cancel_give_up: Option<TimerId>,
}

impl Calling {
    /// Sends the INVITE.
    pub(crate) fn start(
        key: CallKey,
        call: &OutgoingCall,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Result<Self, OrderError> {
        let invite = Invite::new(call, &wire.names, &mut wire.tokens)?;
        let cseq = 1;
        let draft = wire.draft(invite.hop);
        let bytes = wire.write(|out, config| invite.write(out, config, &draft.via, cseq, &[]));
        if bytes.len() > wire.config.limits.message_bytes_max {
            return Err(OrderError::TooLarge);
        }
        let transaction = wire.start(draft, "INVITE", Owner::Invite(key), bytes, now);
        let ring_timeout = Some(wire.set(now + call.ring_timeout, Timer::RingTimeout(key)));
        Ok(Self {
            key,
            invite,
            transaction,
            cseq,
            credentials: call.credentials.clone(),
            authorizations: Vec::new(),
            challenges: 0,
            heard: false,
            forks: Vec::new(),
            ending: None,
            told: false,
            ring_timeout,
            cancel_give_up: None,
        })
    }

    pub(crate) fn local_tag(&self) -> &str {
        &self.invite.local_tag
    }

    /// Whether this is the INVITE that counts; an earlier one was refused for its credentials.
    pub(crate) fn waits_for(&self, transaction: ClientId) -> bool {
        self.transaction == transaction
    }

    /// A response to the INVITE.
    pub(crate) fn on_response(
        &mut self,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Next {
        match response.code {
            100..=199 => {
                self.on_provisional(response, wire, now);
                Next::Stay
            }
            200..=299 => self.on_answer(response, wire, now),
            401 | 407 if self.authorize(response, source, wire, now) => Next::Stay,
            _ => self.on_failure(response, wire),
        }
    }

    fn on_provisional(&mut self, response: &Response<'_, '_>, wire: &mut Wire, now: Timestamp) {
        let first = !self.heard;
        self.heard = true;
        if self.ending.is_some() {
            self.send_cancel(wire, now);
            return;
        }
        if response.code == 100 {
            if first {
                wire.event(Event::Trying { key: self.key });
            }
            return;
        }
        let fork = self.fork(response.to.tag());
        // A body that is no session description does not matter here.
        let sdp = session_description(response.message).unwrap_or_default();
        let reason = scan::unfold(response.reason);
        wire.event(Event::Provisional {
            key: self.key,
            code: response.code,
            reason,
            fork,
            sdp,
            reliable: false,
        });
    }

    /// The number of an early dialog; beyond the limit all count as the last one.
    fn fork(&mut self, tag: Option<&str>) -> u16 {
        let tag = tag.unwrap_or_default();
        let index = self.forks.iter().position(|known| known == tag).unwrap_or_else(|| {
            if self.forks.len() < FORKS_MAX {
                self.forks.push(tag.to_owned());
            }
            self.forks.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    fn on_answer(&mut self, response: &Response<'_, '_>, wire: &mut Wire, now: Timestamp) -> Next {
        let mut dialog = Dialog::of_caller(&self.invite.caller_side(self.cseq), response);
        wire.acknowledge(self.transaction, &dialog, response, &self.authorization_lines(), now);
        if self.ending.is_some() {
            talking::send_bye(&mut dialog, self.key, None, wire, now);
            self.finish_ending(true, wire);
            return Next::Gone;
        }
        self.stop_timers(wire);
        let message = response.message;
        let answer = Answer {
            code: response.code,
            fork: self.fork(response.to.tag()),
            sdp: session_description(message).unwrap_or_default(),
            user_agent: message.text_lossy(HeaderName::UserAgent).or(message.text_lossy(HeaderName::Server)),
            contact: contact_uri(message).map(str::to_owned),
            headers: headers_of_interest(message),
        };
        wire.event(Event::Answered { key: self.key, answer: Box::new(answer) });
        Next::Talk(Box::new(Talking::new(self.key, dialog)))
    }

    fn on_failure(&mut self, response: &Response<'_, '_>, wire: &mut Wire) -> Next {
        if self.ending.is_some() {
            self.finish_ending(false, wire);
        } else {
            let reason = scan::unfold(response.reason);
            self.fail(failure(response.message, response.code, reason), wire);
        }
        Next::Gone
    }

    /// Sends the INVITE again with credentials. Only a challenge from where the INVITE went is answered, before anybody
    /// rang: a later one comes from a callee who may only pretend to be the trunk. A realm that refuses our answer is
    /// answered again only if it calls the nonce stale.
    fn authorize(
        &mut self,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) -> bool {
        let from_trunk = source.address.ip() == self.invite.hop.address.ip() && self.forks.is_empty();
        let Some(credentials) = self.credentials.as_ref().filter(|_| from_trunk && self.ending.is_none())
        else {
            return false;
        };
        let (asks, answers) = match response.code {
            401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            _ => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
        };
        let Some(challenge) = digest::strongest(response.message.values(asks), credentials) else {
            return false;
        };
        let known =
            self.authorizations.iter().position(|old| old.header == answers && old.realm == challenge.realm);
        if self.challenges == CHALLENGES_MAX || (known.is_some() && !challenge.stale) {
            return false;
        }
        let cnonce = wire.tokens.tag();
        let value = digest::answer(&challenge, credentials, self.invite.protected(), &cnonce, 1);
        let line = format!("{}: {}\r\n", answers.as_str(), value.replace(|c: char| c.is_control(), " "));
        if let Some(index) = known {
            self.authorizations.remove(index);
        }
        let realm = challenge.realm;
        self.authorizations.push(Authorization { header: answers, realm, line: line.into_bytes() });
        self.challenges += 1;
        self.send_again(wire, now);
        true
    }

    fn send_again(&mut self, wire: &mut Wire, now: Timestamp) {
        self.cseq += 1;
        self.heard = false;
        let lines = self.authorization_lines();
        let draft = wire.draft(self.invite.hop);
        let bytes = wire.write(|out, config| self.invite.write(out, config, &draft.via, self.cseq, &lines));
        self.transaction = wire.start(draft, "INVITE", Owner::Invite(self.key), bytes, now);
    }

    fn authorization_lines(&self) -> Vec<u8> {
        self.authorizations.iter().flat_map(|authorization| authorization.line.iter().copied()).collect()
    }

    /// The application hangs up.
    pub(crate) fn cancel(&mut self, q850: Option<Q850>, wire: &mut Wire, now: Timestamp) {
        self.end(Ending::Ordered(q850), wire, now);
    }

    /// Nobody answered in time.
    pub(crate) fn on_ring_timeout(&mut self, wire: &mut Wire, now: Timestamp) {
        self.end(Ending::RingTimeout, wire, now);
    }

    /// A CANCEL may go only after a provisional response (§9.1). Until then it waits, but the application does not: a
    /// peer that says nothing has nobody who could be talked to.
    fn end(&mut self, ending: Ending, wire: &mut Wire, now: Timestamp) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(ending);
        wire.timers.cancel(self.ring_timeout.take());
        if self.heard {
            self.send_cancel(wire, now);
        } else {
            self.tell_early(wire);
        }
    }

    fn tell_early(&mut self, wire: &mut Wire) {
        self.told = true;
        wire.event(if let Some(Ending::RingTimeout) = self.ending {
            let failure = local_failure(408, "No Response", FailedBy::NoResponse);
            Event::Failed { key: self.key, failure: Box::new(failure) }
        } else {
            Event::Canceled { key: self.key, by: EndedBy::Local, q850: None, crossed_answer: false }
        });
    }

    fn send_cancel(&mut self, wire: &mut Wire, now: Timestamp) {
        if self.cancel_give_up.is_some() {
            return;
        }
        let q850 = match &self.ending {
            Some(Ending::Ordered(q850)) => q850.clone(),
            _ => None,
        };
        let (clients, mut effects) = wire.clients(now);
        clients.cancel(self.transaction, q850.as_ref(), &mut effects);
        let give_up = now + wire.patience();
        self.cancel_give_up = Some(wire.set(give_up, Timer::CancelGiveUp(self.key)));
    }

    /// The INVITE we cancelled never got a final response.
    pub(crate) fn on_cancel_give_up(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        let (clients, mut effects) = wire.clients(now);
        clients.remove(self.transaction, &mut effects);
        self.finish_ending(false, wire);
        Next::Gone
    }

    /// The INVITE got no response, or could not be delivered.
    pub(crate) fn on_silence(&mut self, by: FailedBy, wire: &mut Wire) -> Next {
        if self.ending.is_some() {
            self.finish_ending(false, wire);
        } else {
            let (code, reason) = match by {
                FailedBy::Transport => (503, "Transport Failure"),
                _ => (408, "No Response"),
            };
            self.fail(local_failure(code, reason, by), wire);
        }
        Next::Gone
    }

    fn finish_ending(&mut self, crossed_answer: bool, wire: &mut Wire) {
        if self.told {
            return self.stop_timers(wire);
        }
        if let Some(Ending::RingTimeout) = self.ending {
            return self.fail(local_failure(408, "Ring Timeout", FailedBy::RingTimeout), wire);
        }
        self.stop_timers(wire);
        wire.event(Event::Canceled { key: self.key, by: EndedBy::Local, q850: None, crossed_answer });
    }

    fn fail(&mut self, failure: Failure, wire: &mut Wire) {
        self.stop_timers(wire);
        wire.event(Event::Failed { key: self.key, failure: Box::new(failure) });
    }

    fn stop_timers(&mut self, wire: &mut Wire) {
        wire.timers.cancel(self.ring_timeout.take());
        wire.timers.cancel(self.cancel_give_up.take());
    }
}

fn local_failure(code: u16, reason: &str, by: FailedBy) -> Failure {
    let (q850, retry_after_secs, contacts) = (None, None, Vec::new());
    Failure { code, reason: reason.to_owned(), q850, retry_after_secs, contacts, by }
}

fn failure(message: &Message<'_>, code: u16, reason: String) -> Failure {
    let contacts = message.elements(HeaderName::Contact).filter_map(NameAddr::parse);
    let contacts = contacts.take(CONTACTS_MAX).map(|contact| contact.uri_text.to_owned());
    Failure {
        code,
        reason,
        q850: message.elements(HeaderName::Reason).find_map(parse_q850),
        retry_after_secs: message.value(HeaderName::RetryAfter).and_then(parse_retry_after),
        contacts: if code < 400 { contacts.collect() } else { Vec::new() },
        by: FailedBy::Remote,
    }
}
