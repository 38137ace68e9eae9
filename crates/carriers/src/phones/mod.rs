//! Phones that register at this server: who they are, where they are, whether a call is theirs. Pure but for its
//! lock; knows no socket and no call.

mod guesses;
mod kept;
mod places;

use crate::agent::budget::place;
use crate::leg::attempts::Target;
use guesses::{Guess, Guesses};
use model::endpoint::PhoneEndpoint;
use model::{EndpointId, Timestamp};
use places::Places;
use ports::carrier::PhoneRegistration;
use sip::digest::{Algorithm, Authenticator, Protected, Secret, Verdict};
use sip::message::Uri;
use sip::registrar::{Binding, BindingLimits, Bindings};
use sip::{Hop, IncomingCall, IncomingRegister, RegisterOutcome, Rejection};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Phones come again within ten minutes: so long one that moved is sought in vain.
const LIMITS: BindingLimits = BindingLimits {
    per_user_max: 8,
    total_max: 100_000,
    expires_min_secs: 60,
    expires_max_secs: 600,
    expires_usual_secs: 600,
};

/// By which hashes phones may prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhoneDigest {
    /// MD5: the one that every phone knows.
    #[default]
    Md5,
    /// SHA-256 (RFC 8760).
    Sha256,
    /// Both, SHA-256 first.
    Both,
}

impl PhoneDigest {
    const fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Md5 => &[Algorithm::Md5],
            Self::Sha256 => &[Algorithm::Sha256],
            Self::Both => &[Algorithm::Sha256, Algorithm::Md5],
        }
    }
}

/// All phones.
pub(crate) struct Phones {
    /// Whether there are any: asked for every stranger's message.
    any: AtomicBool,
    state: Mutex<State>,
}

struct State {
    by_name: HashMap<String, Arc<PhoneEndpoint>>,
    bindings: Bindings,
    places: Places,
    authenticator: Authenticator,
    guesses: Guesses,
    /// What was kept of phones that are not admitted yet.
    kept: HashMap<EndpointId, Vec<Binding>>,
    /// Names whose places have changed since they were kept; no more than there are phones.
    changed: BTreeSet<String>,
}

impl Phones {
    /// No phones yet; challenges are proved by `secret`, drawn anew.
    pub(crate) fn new(secret: [u8; 32], digest: PhoneDigest) -> Self {
        let state = State {
            by_name: HashMap::new(),
            bindings: Bindings::new(LIMITS),
            places: Places::default(),
            authenticator: Authenticator::new(PhoneEndpoint::REALM, secret).offering(digest.algorithms()),
            guesses: Guesses::default(),
            kept: HashMap::new(),
            changed: BTreeSet::new(),
        };
        Self { any: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// The phones that there are from now on; what others had bound is forgotten.
    pub(crate) fn admit(&self, phones: Vec<Arc<PhoneEndpoint>>, now: Timestamp) {
        let mut state = self.lock();
        self.any.store(!phones.is_empty(), Ordering::Release);
        let named = phones.into_iter().map(|phone| (phone.username.clone(), phone)).collect();
        let before = std::mem::replace(&mut state.by_name, named);
        for (name, phone) in before {
            // A phone that was made anew under an old name has other secrets.
            if state.by_name.get(&name).is_none_or(|now| now.id != phone.id) {
                state.bindings.forget_user(&name);
                state.places.set(&name, HashSet::new());
                state.changed.remove(&name);
            }
        }
        state.restore(now);
        state.show();
    }

    /// Whether strangers may register.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Whether a phone is registered from there now.
    pub(crate) fn are_at(&self, source: IpAddr, now: Timestamp) -> bool {
        self.any() && self.now(now).places.are_at(source)
    }

    /// The connection of this hop is over: who registered over it is there no more.
    pub(crate) fn closed(&self, hop: Hop, now: Timestamp) {
        let mut state = self.lock();
        // Most connections are nobody's.
        if state.places.are_at(hop.address.ip()) {
            let left = state.bindings.forget_connection(hop);
            state.moved(&left, now);
        }
    }

    /// The answer to a REGISTER. Whether a name is known cannot be told from it.
    pub(crate) fn register(&self, register: &IncomingRegister, now: Timestamp) -> RegisterOutcome {
        let mut state = self.now(now);
        let name = register.user.to_lowercase();
        let request = Protected { method: "REGISTER", uri: &register.request_uri, body: &register.body };
        let from = register.source.address.ip();
        let mut is_denied = false;
        let outcome = match state.prove(&name, from, &register.authorizations, request, now) {
            Ok(_) => {
                let outcome = state.bindings.register(&name, register, now);
                state.place(&name, now);
                if matches!(outcome, RegisterOutcome::Accept { .. }) {
                    state.changed.insert(name);
                }
                outcome
            }
            Err(Refused::Asked(challenges)) => RegisterOutcome::Challenge { challenges },
            Err(Refused::Denied) => {
                is_denied = true;
                RegisterOutcome::Refuse { code: 403, retry_after_secs: None }
            }
        };
        let word = if is_denied { "denied" } else { word(&outcome) };
        metrics::counter!("lyrebird_sip_register_requests_total", "outcome" => word).increment(1);
        state.show();
        outcome
    }

    /// The phone that calls: none if the call is no phone's, else proved to be its own, or how it is refused. A call from
    /// where a trunk may call from is a phone's only if one is registered there under that name, or if it calls itself a
    /// phone of this server.
    pub(crate) fn caller(
        &self,
        call: &IncomingCall,
        is_trunks: bool,
        now: Timestamp,
    ) -> Option<Result<Arc<PhoneEndpoint>, Rejection>> {
        if !self.any() {
            return None;
        }
        let mut state = self.now(now);
        let name = call.from_user.to_lowercase();
        let source = call.source.address.ip().to_canonical();
        let here = state.bindings.lookup(&name, now);
        let is_here = here.iter().any(|binding| binding.hop.address.ip().to_canonical() == source);
        if is_trunks && !is_here && !(state.by_name.contains_key(&name) && is_of_this_server(call)) {
            return None;
        }
        let body = call.sdp.as_deref().unwrap_or_default();
        let request = Protected { method: "INVITE", uri: &call.request_uri, body };
        Some(state.prove(&name, source, &call.authorizations, request, now).map_err(
            |refused| match refused {
                Refused::Asked(challenges) => {
                    let header = |value| ("WWW-Authenticate".to_owned(), value);
                    let extra_headers = challenges.into_iter().map(header).collect();
                    Rejection { extra_headers, ..Rejection::with_code(401) }
                }
                Refused::Denied => Rejection::with_code(403),
            },
        ))
    }

    /// Where a call to a phone goes, in this order.
    pub(crate) fn targets(&self, phone: &PhoneEndpoint, now: Timestamp) -> Vec<Target> {
        let target = |binding: Binding| Target {
            uri: Some(binding.uri),
            route: binding.path,
            rank: Some(binding.q_thousandths),
            ..Target::to(binding.hop)
        };
        self.bindings(phone, now).into_iter().map(target).collect()
    }

    /// Where a phone is registered.
    pub(crate) fn registrations(&self, phone: &PhoneEndpoint, now: Timestamp) -> Vec<PhoneRegistration> {
        let registration = |binding: Binding| PhoneRegistration {
            transport: binding.hop.transport.parameter(),
            source: binding.hop.address,
            user_agent: binding.user_agent,
            registered_at: binding.refreshed_at,
            expires_at: binding.expires_at,
        };
        self.bindings(phone, now).into_iter().map(registration).collect()
    }

    fn bindings(&self, phone: &PhoneEndpoint, now: Timestamp) -> Vec<Binding> {
        let state = self.lock();
        // Another phone may have taken the name since.
        let is_it = state.by_name.get(&phone.username).is_some_and(|known| known.id == phone.id);
        if is_it { state.bindings.lookup(&phone.username, now) } else { Vec::new() }
    }

    /// What holds now: what has run out is taken away first.
    fn now(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.bindings.deadline().is_some_and(|deadline| deadline <= now) {
            let left = state.bindings.expire(now);
            state.moved(&left, now);
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the caller names itself by the server that it calls, as phones do and carriers do not.
fn is_of_this_server(call: &IncomingCall) -> bool {
    let host = |uri: &str| Uri::parse(uri).map(|uri| uri.host.to_ascii_lowercase()).ok();
    host(&call.from_uri).is_some_and(|own| host(&call.request_uri) == Some(own))
}

/// Why nobody comes in.
enum Refused {
    /// Who it is has to be proved, by one of these challenges.
    Asked(Vec<String>),
    /// The proof is wrong.
    Denied,
}

impl State {
    /// Whether a request proves to be this phone's.
    fn prove(
        &mut self,
        name: &str,
        from: IpAddr,
        authorizations: &[String],
        request: Protected<'_>,
        now: Timestamp,
    ) -> Result<Arc<PhoneEndpoint>, Refused> {
        let claim = self.authenticator.claim(authorizations.iter().map(String::as_str));
        let Some(claim) = claim else {
            return Err(Refused::Asked(self.authenticator.challenges(false, now)));
        };
        let guess = Guess::new(name, place(from));
        if self.guesses.must_wait(&guess, now) {
            return Err(Refused::Denied);
        }
        // A phone speaks for itself alone.
        let phone = self.by_name.get(name).filter(|phone| phone.username == claim.username).cloned();
        let secret = phone.as_ref().map(|phone| Secret::Hashes {
            md5: phone.secrets.md5.expose(),
            sha256: phone.secrets.sha256.expose(),
        });
        match (self.authenticator.check(&claim, secret, request, now), phone) {
            (Verdict::Granted, Some(phone)) => {
                self.guesses.forget(&guess);
                Ok(phone)
            }
            (Verdict::Granted | Verdict::Denied, _) => {
                self.guesses.was_wrong(guess, now);
                Err(Refused::Denied)
            }
            (Verdict::Stale, _) => Err(Refused::Asked(self.authenticator.challenges(true, now))),
            (Verdict::Unknown, _) => Err(Refused::Asked(self.authenticator.challenges(false, now))),
        }
    }

    /// These phones are no longer where they were.
    fn moved(&mut self, names: &[String], now: Timestamp) {
        names.iter().for_each(|name| self.place(name, now));
        self.changed.extend(names.iter().cloned());
        self.show();
    }

    fn show(&self) {
        metrics::gauge!("lyrebird_sip_registered_contacts").set(self.bindings.len() as f64);
    }

    /// Where a phone is now.
    fn place(&mut self, name: &str, now: Timestamp) {
        let bindings = self.bindings.lookup(name, now);
        self.places
            .set(name, bindings.iter().map(|binding| binding.hop.address.ip().to_canonical()).collect());
    }
}

const fn word(outcome: &RegisterOutcome) -> &'static str {
    match outcome {
        RegisterOutcome::Challenge { .. } => "challenged",
        RegisterOutcome::Accept { .. } => "accepted",
        RegisterOutcome::IntervalTooBrief { .. } => "too_brief",
        RegisterOutcome::Refuse { .. } => "refused",
    }
}

#[cfg(test)]
mod tests;
