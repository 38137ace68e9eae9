//! Where an outgoing leg's call may go: one host after the other until one takes it (RFC 3263 §4.3), and where a
//! redirection may lead (RFC 3261 §8.1.3.4). Each attempt is a call of its own to the endpoint. Resolves no name.

use super::{Fate, Leg, Stage};
use model::Timestamp;
use serde_json::json;
use sip::locate::is_worth_another_place;
use sip::{CallKey, FailedBy, Failure, Hop, Order, OutgoingCall};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a host may say nothing at all while there is another one to be asked.
const UNHEARD_MAX: Duration = Duration::from_secs(4);
/// Most attempts of one call.
const ATTEMPTS_MAX: usize = 8;
/// Most redirections that one call follows.
const REDIRECTS_MAX: usize = 3;
/// The least that is left of the ringing time for another attempt.
const RINGING_MIN: Duration = Duration::from_secs(1);

/// A host that a call may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Where, and how.
    pub(crate) hop: Hop,
    /// What its certificate has to say, over TLS.
    pub(crate) name: Option<Arc<str>>,
    /// Request-URI, where it is not the call's own.
    pub(crate) uri: Option<String>,
    /// Route of the call, if any: the Path of a phone's registration.
    pub(crate) route: Vec<String>,
    /// Neighbours of one rank ring at once; none: it is tried alone.
    pub(crate) rank: Option<u16>,
}

impl Target {
    /// The call's own URI at this hop.
    pub(crate) const fn to(hop: Hop) -> Self {
        Self { hop, name: None, uri: None, route: Vec::new(), rank: None }
    }
}

/// Knows the hosts of a carrier.
pub(crate) trait Guide: Send + Sync {
    /// A host could not take a call: it is not the first choice for a while.
    fn failed(&self, hop: Hop, retry_after_s: Option<u32>, now: Timestamp);

    /// Whether a call that failed so goes on elsewhere, where there is another place.
    fn goes_on(&self, failure: &Failure) -> bool {
        is_worth_another_place(failure)
    }

    /// Where a redirection to this URI may lead; nowhere, if it is not to be followed.
    fn redirected(&self, uri: &str) -> Vec<Target>;

    /// Whether the hosts take connections, for what is too large for a datagram.
    fn takes_connections(&self) -> bool {
        true
    }
}

/// The attempts of one leg's call.
pub(crate) struct Attempts {
    /// The call as it was ordered.
    pub(crate) call: OutgoingCall,
    /// Where it goes now.
    pub(crate) target: Target,
    /// Where it may go next.
    pub(crate) rest: VecDeque<Target>,
    /// None: one attempt, and no redirection.
    pub(crate) guide: Option<Arc<dyn Guide>>,
    /// Whether anything was heard of the present attempt.
    heard: bool,
    made: usize,
    redirects: usize,
    began_at: Timestamp,
    attempt_at: Timestamp,
}

impl Attempts {
    /// The attempts of a call to these hosts, of which there is at least one.
    pub(crate) fn new(
        call: OutgoingCall,
        targets: impl IntoIterator<Item = Target>,
        guide: Option<Arc<dyn Guide>>,
    ) -> Option<Self> {
        let mut rest: VecDeque<_> = targets.into_iter().take(ATTEMPTS_MAX).collect();
        let target = rest.pop_front()?;
        let now = Timestamp::default();
        let (made, redirects) = (1, 0);
        Some(Self {
            call,
            target,
            rest,
            guide,
            heard: false,
            made,
            redirects,
            began_at: now,
            attempt_at: now,
        })
    }

    /// The call as it goes out now.
    pub(crate) fn present(&self) -> OutgoingCall {
        self.call_to(&self.target)
    }

    /// The call as it goes to this target.
    pub(super) fn call_to(&self, target: &Target) -> OutgoingCall {
        let mut call = self.call.clone();
        call.destination = target.hop;
        call.route.clone_from(&target.route);
        if let Some(uri) = &target.uri {
            call.to_uri.clone_from(uri);
        }
        call
    }

    /// Takes out the next target, if it is to ring beside the present one.
    pub(super) fn take_beside(&mut self) -> Option<Target> {
        let (rank, made) = (self.target.rank?, self.made);
        let target = self.rest.pop_front_if(|next| next.rank == Some(rank) && made < ATTEMPTS_MAX)?;
        self.made += 1;
        Some(target)
    }

    /// The next attempt, if there is another host and time left to ring it.
    fn next(&mut self, now: Timestamp) -> Option<Box<OutgoingCall>> {
        if self.made >= ATTEMPTS_MAX {
            return None;
        }
        let left = self.call.ring_timeout.checked_sub(now.since(self.began_at))?;
        if left < RINGING_MIN {
            return None;
        }
        self.target = self.rest.pop_front()?;
        self.made += 1;
        self.heard = false;
        Some(Box::new(OutgoingCall { ring_timeout: left, ..self.present() }))
    }
}

impl Leg {
    /// The endpoint's name of the present attempt.
    pub(crate) const fn call(&self) -> CallKey {
        self.call
    }

    /// What the host of this address has to prove over TLS: the carrier's name, wherever its hosts are.
    pub(crate) fn peer_name_at(&self, address: IpAddr) -> Option<Arc<str>> {
        let attempts = self.attempts.as_ref()?;
        let is_there = |target: &&Target| target.hop.address.ip() == address;
        let known = std::iter::once(&attempts.target).chain(&attempts.rest).find(is_there);
        known.unwrap_or(&attempts.target).name.clone()
    }

    /// The endpoint has taken the call: an end is owed from now on.
    pub(crate) fn placed(&mut self, now: Timestamp) {
        if let Some(attempts) = &mut self.attempts {
            attempts.began_at = now;
            attempts.attempt_at = now;
        }
        if let Some(body) = &mut self.body {
            body.report.open();
        }
    }

    /// The present attempt is this call of the endpoint.
    pub(crate) fn attempts(&mut self, call: CallKey, now: Timestamp) {
        self.call = call;
        self.round = call;
        self.early = Vec::new();
        if let Some(attempts) = &mut self.attempts {
            attempts.attempt_at = now;
        }
    }

    /// Until when something has to be heard of the present attempt, if there is another host to be asked.
    pub(crate) fn patience_until(&self) -> Option<Timestamp> {
        let attempts = self.attempts.as_ref()?;
        (!attempts.rest.is_empty()).then(|| attempts.attempt_at + UNHEARD_MAX)
    }

    /// The time for the present attempt is over.
    pub(crate) fn unheard(&mut self, now: Timestamp, orders: &mut Vec<Order>) -> Fate {
        let Some(attempts) = self.attempts.as_mut().filter(|attempts| !attempts.heard) else {
            return Fate::Lives;
        };
        if self.stage != Stage::Dialling {
            return Fate::Lives;
        }
        let hop = attempts.target.hop;
        if let Some(guide) = &attempts.guide {
            guide.failed(hop, None, now);
        }
        match attempts.next(now) {
            None => Fate::Lives,
            Some(call) => {
                // Should that host awake after all, it hears that nobody waits any more.
                orders.extend(self.calls().map(|key| Order::HangUp { key, q850: None }));
                self.beside = Vec::new();
                self.tell_next(hop, "it says nothing", now);
                Fate::Again(call)
            }
        }
    }

    /// Something was heard of the present attempt.
    pub(super) const fn heard(&mut self) {
        if let Some(attempts) = &mut self.attempts {
            attempts.heard = true;
        }
    }

    /// The present attempt failed: the call goes on elsewhere, or is over.
    pub(super) fn attempt_failed(&mut self, failure: &Failure, now: Timestamp) -> Option<Fate> {
        let attempts = self.attempts.as_mut()?;
        if self.stage != Stage::Dialling {
            return None;
        }
        let (hop, guide) = (attempts.target.hop, attempts.guide.clone()?);
        let why = if guide.goes_on(failure) {
            guide.failed(hop, failure.retry_after_secs, now);
            format!("{} {}", failure.code, failure.reason)
        } else if failure.by == FailedBy::Remote && (300..400).contains(&failure.code) {
            self.redirect(&failure.contacts, guide.as_ref(), now)?
        } else {
            return None;
        };
        let call = self.attempts.as_mut()?.next(now)?;
        self.tell_next(hop, &why, now);
        Some(Fate::Again(call))
    }

    /// Makes the contacts of a redirection the next hosts; none if none of them may be followed.
    fn redirect(&mut self, contacts: &[String], guide: &dyn Guide, now: Timestamp) -> Option<String> {
        let attempts = self.attempts.as_mut()?;
        let targets: VecDeque<_> =
            contacts.iter().flat_map(|uri| guide.redirected(uri)).take(ATTEMPTS_MAX).collect();
        if targets.is_empty() || attempts.redirects >= REDIRECTS_MAX {
            let why = if targets.is_empty() { "leads where calls may not go" } else { "is one too many" };
            let summary = format!("Redirection not followed: it {why}");
            self.story.signalling(&summary, json!({ "contacts": contacts.len() }), now);
            return None;
        }
        attempts.redirects += 1;
        attempts.rest = targets;
        Some("it redirects".to_owned())
    }

    fn tell_next(&mut self, from: Hop, why: &str, now: Timestamp) {
        let Some(attempts) = &self.attempts else { return };
        let (to, number) = (attempts.target.hop, attempts.made);
        let detail = json!({
            "from": from.address.to_string(),
            "to": to.address.to_string(),
            "transport": to.transport.via_word(),
            "reason": why,
        });
        let summary = format!("Attempt {number}: {} after {} ({why})", to.address, from.address);
        self.story.signalling(&summary, detail, now);
    }
}
