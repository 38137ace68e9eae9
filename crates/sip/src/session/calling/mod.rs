//! A call we placed, until its final response (RFC 3261 §13.2, §9.1): forks ring, challenges are answered, CANCEL waits for
//! a provisional response and may cross with the answer.

mod early;
mod failure;
mod forks;
mod invite;

use super::access::{Access, authorization_line, headers};
use super::clock::SessionClock;
use super::leaving::Leaving;
use super::offer::TheirOffer;
use super::talking::{Beginning, OwedAck, Talking};
use super::{Next, headers_of_interest, session_description};
use crate::dialog::contact_uri;
use crate::digest::{self, Credentials};
use crate::endpoint::order::{AnswerPlace, CallKey, Hop, OrderError, OutgoingCall, Q850, Transport};
use crate::endpoint::output::{Answer, EndedBy, Event, FailedBy, Failure};
use crate::endpoint::wire::Wire;
use crate::message::validate::Response;
use crate::message::{HeaderName, scan};
use crate::transaction::{ClientId, Owner, Timer, TimerId, reason_value};
use failure::{local_failure, remote_failure};
use forks::{Forks, Place};
use invite::Invite;
use model::Timestamp;

/// Challenges answered in one call: a proxy's and a server's, and one of them again because its nonce was stale.
const CHALLENGES_MAX: usize = 3;

/// A request beyond this goes over TCP if it may (RFC 3261 §18.1.1): who knows what the path takes in one piece.
const DATAGRAM_BYTES_MAX: usize = 1_300;

/// Reason of a CANCEL to those who ring when another one has answered (RFC 3326 §2).
const COMPLETED_ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Why an unanswered call is being cancelled.
enum Ending {
    Ordered(Option<Q850>),
    /// The callee answered another call of ours.
    Elsewhere,
    RingTimeout,
    /// Another call took its place.
    Replaced,
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
    /// Where the INVITE goes if TCP, which it takes for its size, does not reach there.
    over_udp: Option<Hop>,
    cseq: u32,
    credentials: Option<Credentials>,
    authorizations: Vec<Authorization>,
    challenges: usize,
    /// A provisional response came to the last INVITE: it may be cancelled.
    heard: bool,
    /// The INVITE was sent again with a longer session interval.
    lengthened: bool,
    clock: SessionClock,
    forks: Forks,
    /// The callee's offer in an early dialog that waits for the application.
    theirs: Option<(u16, TheirOffer)>,
    /// The session description we sent last.
    local_sdp: Vec<u8>,
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
        let mut invite = Invite::new(call, &wire.names, &mut wire.tokens)?;
        let cseq = 1;
        let mut draft = wire.draft(invite.hop);
        let clock = SessionClock::new(call.session_timers.unwrap_or(wire.config.session_timers));
        let mut bytes = wire.write(|out, config| invite.write(out, config, &draft.via, cseq, &clock, &[]));
        let is_large = bytes.len() > DATAGRAM_BYTES_MAX && invite.hop.transport == Transport::Udp;
        let over_udp = Some(invite.hop).filter(|_| is_large && call.large_over_tcp);
        if let Some(udp) = over_udp {
            invite.go_by(Hop::tcp(udp.address), &wire.names);
            draft = wire.draft(invite.hop);
            bytes = wire.write(|out, config| invite.write(out, config, &draft.via, cseq, &clock, &[]));
        }
        if bytes.len() > wire.config.limits.message_bytes_max {
            return Err(OrderError::TooLarge);
        }
        let transaction = wire.start(draft, "INVITE", Owner::Invite(key), bytes, now);
        let ring_timeout = Some(wire.set(now + call.ring_timeout, Timer::RingTimeout(key)));
        Ok(Self {
            key,
            invite,
            transaction,
            over_udp,
            cseq,
            credentials: call.credentials.clone(),
            authorizations: Vec::new(),
            challenges: 0,
            heard: false,
            lengthened: false,
            clock,
            forks: Forks::default(),
            theirs: None,
            local_sdp: call.sdp.clone(),
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
            422 if self.lengthen(response, wire, now) => Next::Stay,
            _ => self.on_failure(response, wire, now),
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
        let fork = self.forks.number(&self.invite.caller_side(self.cseq), response);
        let place = self.forks.place(response);
        // A body that is no session description does not matter here.
        let sdp = session_description(response.message).unwrap_or_default();
        let (sdp, wanted) = match place {
            Place::OutOfOrder => return,
            Place::Plain => (sdp, None),
            Place::Next(rseq) => self.acknowledge_provisional(fork, rseq, sdp, wire, now),
        };
        let (key, code, reason) = (self.key, response.code, scan::unfold(response.reason));
        let reliable = place != Place::Plain;
        wire.event(Event::Provisional { key, code, reason, fork, sdp, reliable });
        if let Some(wanted) = wanted {
            wire.event(wanted);
        }
    }

    fn on_answer(&mut self, response: &Response<'_, '_>, wire: &mut Wire, now: Timestamp) -> Next {
        let (key, message) = (self.key, response.message);
        let fork = self.forks.number(&self.invite.caller_side(self.cseq), response);
        let is_agreed = self.forks.get(fork).is_some_and(|fork| fork.is_agreed);
        let dialog = self.forks.confirm(&self.invite.caller_side(self.cseq), response);
        let (cseq, lines) = (response.cseq.number, self.authorization_lines());
        if self.ending.is_some() {
            wire.acknowledge(self.transaction, &dialog, cseq, &lines, &[], now);
            self.finish_ending(true, wire, now);
            return Next::Leave(Box::new(Leaving::start(key, dialog, self.access(), None, wire, now)));
        }
        self.stop_timers(wire);
        let mut sdp = session_description(message).unwrap_or_default();
        let offer = if self.invite.sdp.is_empty() && !is_agreed { sdp.take() } else { None };
        if offer.is_none() {
            wire.acknowledge(self.transaction, &dialog, cseq, &lines, &[], now);
        }
        let answer = Answer {
            code: response.code,
            fork,
            sdp,
            user_agent: message.text_lossy(HeaderName::UserAgent).or(message.text_lossy(HeaderName::Server)),
            contact: contact_uri(message).map(str::to_owned),
            headers: headers_of_interest(message),
        };
        wire.event(Event::Answered { key, answer: Box::new(answer) });
        let owed = offer.map(|sdp| {
            wire.event(Event::AnswerWanted { key, place: AnswerPlace::Ack, sdp });
            OwedAck::new(key, self.transaction, cseq, lines, wire, now)
        });
        let mut clock = std::mem::take(&mut self.clock);
        clock.start_as_uac(message, key, wire, now);
        let local_sdp = std::mem::take(&mut self.local_sdp);
        let beginning = Beginning { dialog, clock, access: self.access(), local_sdp, placed: true };
        let theirs = self.theirs_of(fork, wire, now);
        Next::Talk(Box::new(Talking::new(key, beginning).with_rest(owed, theirs, None, None)))
    }

    /// The offer that the early dialog that answered still waits with; one of another is refused.
    fn theirs_of(&mut self, answered: u16, wire: &mut Wire, now: Timestamp) -> Option<TheirOffer> {
        let (fork, offer) = self.theirs.take()?;
        if fork != answered {
            offer.refuse(481, wire, now);
            return None;
        }
        Some(offer)
    }

    /// The credentials, for what is challenged within the dialog.
    fn access(&self) -> Option<Box<Access>> {
        let credentials = self.credentials.clone().filter(|_| !self.authorizations.is_empty())?;
        let realms = self.authorizations.iter().map(|authorization| {
            (authorization.header == HeaderName::ProxyAuthorization, authorization.realm.clone())
        });
        Some(Box::new(Access::new(credentials, self.invite.hop, realms.collect())))
    }

    fn on_failure(&mut self, response: &Response<'_, '_>, wire: &mut Wire, now: Timestamp) -> Next {
        if self.ending.is_some() {
            self.finish_ending(false, wire, now);
        } else {
            let reason = scan::unfold(response.reason);
            self.fail(remote_failure(response.message, response.code, reason), wire, now);
        }
        Next::Gone
    }

    /// Sends the INVITE again with the session interval the peer asks for, once (RFC 4028 §7.3).
    fn lengthen(&mut self, response: &Response<'_, '_>, wire: &mut Wire, now: Timestamp) -> bool {
        if self.lengthened || self.ending.is_some() || !self.clock.lengthen(response.message) {
            return false;
        }
        self.lengthened = true;
        self.send_again(wire, now);
        true
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
        let (asks, answers) = headers(response.code == 407);
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
        let line = authorization_line(answers, &value);
        if let Some(index) = known {
            self.authorizations.remove(index);
        }
        let realm = challenge.realm;
        self.authorizations.push(Authorization { header: answers, realm, line });
        self.challenges += 1;
        self.send_again(wire, now);
        true
    }

    fn send_again(&mut self, wire: &mut Wire, now: Timestamp) {
        self.cseq += 1;
        self.heard = false;
        self.forks.clear();
        let lines = self.authorization_lines();
        let draft = wire.draft(self.invite.hop);
        let bytes = wire.write(|out, config| {
            self.invite.write(out, config, &draft.via, self.cseq, &self.clock, &lines);
        });
        self.transaction = wire.start(draft, "INVITE", Owner::Invite(self.key), bytes, now);
    }

    fn authorization_lines(&self) -> Vec<u8> {
        self.authorizations.iter().flat_map(|authorization| authorization.line.iter().copied()).collect()
    }

    /// The application hangs up.
    pub(crate) fn cancel(&mut self, q850: Option<Q850>, wire: &mut Wire, now: Timestamp) {
        self.end(Ending::Ordered(q850), wire, now);
    }

    /// The callee answered at another place.
    pub(crate) fn answered_elsewhere(&mut self, wire: &mut Wire, now: Timestamp) {
        self.end(Ending::Elsewhere, wire, now);
    }

    /// Another call of ours, that names this one, was answered (RFC 3891 §3).
    pub(crate) fn replace(&mut self, wire: &mut Wire, now: Timestamp) {
        self.end(Ending::Replaced, wire, now);
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
            Event::Canceled { key: self.key, by: self.canceled_by(), q850: None, crossed_answer: false }
        });
    }

    fn canceled_by(&self) -> EndedBy {
        match self.ending {
            Some(Ending::Replaced) => EndedBy::Replaced,
            _ => EndedBy::Local,
        }
    }

    fn send_cancel(&mut self, wire: &mut Wire, now: Timestamp) {
        if self.cancel_give_up.is_some() {
            return;
        }
        let reason = match &self.ending {
            Some(Ending::Ordered(q850)) => q850.as_ref().map(reason_value),
            Some(Ending::Elsewhere) => Some(COMPLETED_ELSEWHERE.to_owned()),
            _ => None,
        };
        let (clients, mut effects) = wire.clients(now);
        clients.cancel(self.transaction, reason.as_deref(), &mut effects);
        let give_up = now + wire.patience();
        self.cancel_give_up = Some(wire.set(give_up, Timer::CancelGiveUp(self.key)));
    }

    /// The INVITE we cancelled never got a final response.
    pub(crate) fn on_cancel_give_up(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        let (clients, mut effects) = wire.clients(now);
        clients.remove(self.transaction, &mut effects);
        self.finish_ending(false, wire, now);
        Next::Gone
    }

    /// The INVITE got no response, or could not be delivered.
    pub(crate) fn on_silence(&mut self, by: FailedBy, wire: &mut Wire, now: Timestamp) -> Next {
        let over_udp = self.over_udp.take().filter(|_| by == FailedBy::Transport && self.ending.is_none());
        if let Some(udp) = over_udp {
            self.invite.go_by(udp, &wire.names);
            self.send_again(wire, now);
            return Next::Stay;
        }
        if self.ending.is_some() {
            self.finish_ending(false, wire, now);
        } else {
            let (code, reason) = match by {
                FailedBy::Transport => (503, "Transport Failure"),
                _ => (408, "No Response"),
            };
            self.fail(local_failure(code, reason, by), wire, now);
        }
        Next::Gone
    }

    fn finish_ending(&mut self, crossed_answer: bool, wire: &mut Wire, now: Timestamp) {
        if let Some(Ending::RingTimeout) = self.ending.as_ref().filter(|_| !self.told) {
            return self.fail(local_failure(408, "Ring Timeout", FailedBy::RingTimeout), wire, now);
        }
        self.refuse_their_offer(wire, now);
        self.stop_timers(wire);
        if !self.told {
            let by = self.canceled_by();
            wire.event(Event::Canceled { key: self.key, by, q850: None, crossed_answer });
        }
    }

    fn fail(&mut self, failure: Failure, wire: &mut Wire, now: Timestamp) {
        self.refuse_their_offer(wire, now);
        self.stop_timers(wire);
        wire.event(Event::Failed { key: self.key, failure: Box::new(failure) });
    }

    fn refuse_their_offer(&mut self, wire: &mut Wire, now: Timestamp) {
        if let Some((_, offer)) = self.theirs.take() {
            offer.refuse(487, wire, now);
        }
    }

    fn stop_timers(&mut self, wire: &mut Wire) {
        wire.timers.cancel(self.ring_timeout.take());
        wire.timers.cancel(self.cancel_give_up.take());
    }
}
