//! What phones have bound (RFC 3261 §10.3), as pure state: who can be called where, until when. Whether somebody may bind
//! was decided before. Knows no socket and no message; time is an argument. Bounded for each user and in all.

use crate::endpoint::order::Hop;
use crate::endpoint::register::{BoundContact, IncomingRegister, RegisterContact, RegisterOutcome};
use crate::message::Uri;
use crate::message::uri::Scheme;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// What is kept at most, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingLimits {
    /// Contacts of one user; one more takes the place of the one refreshed longest ago.
    pub per_user_max: usize,
    /// Contacts of all users; beyond it 503.
    pub total_max: usize,
    /// Shorter registrations get 423.
    pub expires_min_secs: u32,
    /// Longer ones are shortened to this.
    pub expires_max_secs: u32,
    /// For those that ask for nothing.
    pub expires_usual_secs: u32,
}

impl Default for BindingLimits {
    fn default() -> Self {
        Self {
            per_user_max: 8,
            total_max: 100_000,
            expires_min_secs: 60,
            expires_max_secs: 3_600,
            expires_usual_secs: 3_600,
        }
    }
}

/// A contact of a user. `Debug` shows no user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Request-URI of calls to it.
    pub uri: String,
    /// Where they go: where the REGISTER came from, over the same connection.
    pub hop: Hop,
    /// Route of calls to it, in order (RFC 3327).
    pub path: Vec<String>,
    /// Preference in thousandths.
    pub q_thousandths: u16,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// When it was made or refreshed.
    pub refreshed_at: Timestamp,
    /// User-Agent of the phone.
    pub user_agent: Option<String>,
    call_id: String,
    cseq: u32,
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding(at {}, until {:?})", self.hop.address, self.expires_at)
    }
}

/// All bindings, by whatever names a user: what the caller makes of user and domain.
#[derive(Debug, Default)]
pub struct Bindings {
    limits: BindingLimits,
    users: BTreeMap<String, Vec<Binding>>,
    /// When which user's next binding ends.
    ends: BTreeSet<(Timestamp, String)>,
    total: usize,
}

impl Bindings {
    /// Nothing bound.
    pub fn new(limits: BindingLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Carries out what a REGISTER of this user asks, wholly or not at all (§10.3 step 7).
    pub fn register(&mut self, user: &str, register: &IncomingRegister, now: Timestamp) -> RegisterOutcome {
        self.expire(now);
        let old = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let changed = match self.changed(old, register, now) {
            Ok(changed) => changed,
            Err(outcome) => return outcome,
        };
        if self.total - old.len() + changed.len() > self.limits.total_max && changed.len() > old.len() {
            return RegisterOutcome::Refuse { code: 503, retry_after_secs: Some(60) };
        }
        let contacts = changed.iter().map(|binding| BoundContact {
            uri: binding.uri.clone(),
            expires_secs: u32::try_from(binding.expires_at.since(now).as_secs()).unwrap_or(u32::MAX),
            q_thousandths: binding.q_thousandths,
        });
        let outcome = RegisterOutcome::Accept { contacts: contacts.collect() };
        self.set(user, changed);
        outcome
    }

    /// Takes up what a user had bound in another process, as far as it still holds and there is room; nothing, if it has
    /// bound something since.
    pub fn restore(&mut self, user: &str, bindings: Vec<Binding>, now: Timestamp) {
        if self.users.contains_key(user) {
            return;
        }
        let room = self.limits.per_user_max.min(self.limits.total_max.saturating_sub(self.total));
        let holds = |binding: &Binding| binding.expires_at > now;
        self.set(user, bindings.into_iter().filter(holds).take(room).collect());
    }

    /// Where a user can be called, the most wanted first, of equals the one refreshed last.
    pub fn lookup(&self, user: &str, now: Timestamp) -> Vec<Binding> {
        let all = self.users.get(user).into_iter().flatten();
        let mut found: Vec<_> = all.filter(|binding| binding.expires_at > now).cloned().collect();
        found.sort_by_key(|binding| std::cmp::Reverse((binding.q_thousandths, binding.refreshed_at)));
        found
    }

    /// Takes out what has ended by now; gives the users who lost a contact.
    pub fn expire(&mut self, now: Timestamp) -> Vec<String> {
        let mut gone = Vec::new();
        while let Some((at, _)) = self.ends.first()
            && *at <= now
        {
            let Some((_, user)) = self.ends.pop_first() else { break };
            let kept = self.kept(&user, |binding| binding.expires_at > now);
            self.set(&user, kept);
            gone.push(user);
        }
        gone
    }

    /// When [`Self::expire`] has something to do next.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// A connection closed: what was bound over it cannot be reached. Gives the users who lost a contact.
    pub fn forget_connection(&mut self, hop: Hop) -> Vec<String> {
        if !hop.transport.is_reliable() {
            return Vec::new();
        }
        let over = |bindings: &Vec<Binding>| bindings.iter().any(|binding| binding.hop == hop);
        let users: Vec<_> =
            self.users.iter().filter(|(_, all)| over(all)).map(|(user, _)| user.clone()).collect();
        for user in &users {
            let kept = self.kept(user, |binding| binding.hop != hop);
            self.set(user, kept);
        }
        users
    }

    /// A user may register no longer; whether there was anything bound.
    pub fn forget_user(&mut self, user: &str) -> bool {
        let had = self.users.contains_key(user);
        self.set(user, Vec::new());
        had
    }

    /// How many contacts are bound.
    pub fn len(&self) -> usize {
        self.total
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    fn kept(&self, user: &str, keep: impl Fn(&Binding) -> bool) -> Vec<Binding> {
        self.users.get(user).into_iter().flatten().filter(|binding| keep(binding)).cloned().collect()
    }

    fn set(&mut self, user: &str, bindings: Vec<Binding>) {
        let end = |all: &[Binding]| all.iter().map(|binding| binding.expires_at).min();
        if let Some(old) = self.users.remove(user) {
            self.total -= old.len();
            if let Some(at) = end(&old) {
                self.ends.remove(&(at, user.to_owned()));
            }
        }
        if let Some(at) = end(&bindings) {
            self.total += bindings.len();
            self.ends.insert((at, user.to_owned()));
            self.users.insert(user.to_owned(), bindings);
        }
    }

    /// What a user has bound afterwards.
    fn changed(
        &self,
        old: &[Binding],
        register: &IncomingRegister,
        now: Timestamp,
    ) -> Result<Vec<Binding>, RegisterOutcome> {
        let mut all = old.to_vec();
        if register.star {
            if all.iter().any(|binding| binding.is_newer_than(register)) {
                return Err(OUT_OF_ORDER);
            }
            return Ok(Vec::new());
        }
        for contact in &register.contacts {
            let expires = self.expires(contact)?;
            let uri = bindable(contact)?;
            let known = all
                .iter()
                .position(|binding| Uri::parse(&binding.uri).is_ok_and(|known| known.is_same_as(&uri)));
            let replaced = known.map(|known| all.remove(known));
            // A contact that stands twice in one request is not out of order.
            if replaced.is_some_and(|replaced| old.contains(&replaced) && replaced.is_newer_than(register)) {
                return Err(OUT_OF_ORDER);
            }
            if expires > Duration::ZERO {
                all.push(Binding::new(contact, register, now + expires, now));
            }
        }
        // The one refreshed longest ago stands first, as each refreshed one goes to the end.
        all.drain(..all.len().saturating_sub(self.limits.per_user_max));
        Ok(all)
    }

    fn expires(&self, contact: &RegisterContact) -> Result<Duration, RegisterOutcome> {
        let BindingLimits { expires_min_secs, expires_max_secs, expires_usual_secs, .. } = self.limits;
        match contact.expires_secs.unwrap_or(expires_usual_secs) {
            0 => Ok(Duration::ZERO),
            secs if secs < expires_min_secs => {
                Err(RegisterOutcome::IntervalTooBrief { min_secs: expires_min_secs })
            }
            secs => Ok(Duration::from_secs(secs.min(expires_max_secs).into())),
        }
    }
}

/// A REGISTER that was overtaken by a later one (§10.3 step 7).
const OUT_OF_ORDER: RegisterOutcome = RegisterOutcome::Refuse { code: 500, retry_after_secs: None };

impl Binding {
    fn new(contact: &RegisterContact, register: &IncomingRegister, until: Timestamp, now: Timestamp) -> Self {
        Self {
            uri: contact.uri.clone(),
            hop: register.source,
            path: register.path.clone(),
            q_thousandths: contact.q_thousandths,
            expires_at: until,
            refreshed_at: now,
            user_agent: register.user_agent.clone(),
            call_id: register.call_id.clone(),
            cseq: register.cseq,
        }
    }

    /// Whether the same phone said so in a request after this one.
    fn is_newer_than(&self, register: &IncomingRegister) -> bool {
        self.call_id == register.call_id && register.cseq <= self.cseq
    }
}

/// The contact's URI, if calls can go to it.
fn bindable(contact: &RegisterContact) -> Result<Uri<'_>, RegisterOutcome> {
    let refused = RegisterOutcome::Refuse { code: 400, retry_after_secs: None };
    let uri = Uri::parse(&contact.uri).map_err(|_| refused.clone())?;
    let is_sip = matches!(uri.scheme, Scheme::Sip | Scheme::Sips);
    if is_sip && uri.headers.is_empty() && contact.uri.is_ascii() { Ok(uri) } else { Err(refused) }
}

#[cfg(test)]
mod tests;
