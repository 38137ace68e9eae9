//! The registrations of trunks: which there are to be, which there are, and how each stands. Time is an argument; sends
//! nothing.

use crate::agent::RegistrationNews;
use model::trunk::{RegistrationState, RegistrationStatus, Trunk};
use model::{Timestamp, TrunkId};
use sip::{Hop, RegistrationKey};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// All registrations of a carrier.
#[derive(Default)]
pub(super) struct Registrations {
    inner: Mutex<Inner>,
    /// Something ended.
    ended: Notify,
}

#[derive(Default)]
struct Inner {
    next: u64,
    kept: BTreeMap<TrunkId, Kept>,
    by_key: HashMap<RegistrationKey, TrunkId>,
    /// Those that are being taken back.
    ending: HashSet<RegistrationKey>,
}

struct Kept {
    key: RegistrationKey,
    /// As it was when it was ordered.
    trunk: Arc<Trunk>,
    status: RegistrationStatus,
    /// It was ordered as it is now; what fails after that is tried again by the endpoint.
    asked: bool,
}

/// A host of a trunk that does not serve registrations now.
#[derive(Debug)]
pub(super) struct FailedHost {
    pub(super) trunk: Arc<Trunk>,
    pub(super) hop: Hop,
    /// When it is asked again.
    pub(super) retry_after: Duration,
}

/// What has to be ordered so that there is what there is to be.
#[derive(Default)]
pub(super) struct Change {
    /// To be kept, anew or in another way.
    pub(super) register: Vec<(RegistrationKey, Arc<Trunk>)>,
    /// To be taken back.
    pub(super) unregister: Vec<RegistrationKey>,
}

impl Registrations {
    /// These trunks exist from now on.
    pub(super) fn replace(&self, trunks: &[Arc<Trunk>], now: Timestamp) -> Change {
        let mut change = Change::default();
        let mut inner = self.lock();
        let wanted: BTreeMap<TrunkId, &Arc<Trunk>> =
            trunks.iter().filter(|trunk| trunk.register).map(|trunk| (trunk.id, trunk)).collect();
        let gone: Vec<_> = inner.kept.keys().filter(|id| !wanted.contains_key(id)).copied().collect();
        for id in gone {
            if let Some(kept) = inner.kept.remove(&id) {
                inner.ending.insert(kept.key);
                change.unregister.push(kept.key);
            }
        }
        for (id, trunk) in wanted {
            if let Some(kept) = inner.kept.get_mut(&id) {
                if !is_same(&kept.trunk, trunk) {
                    (kept.status, kept.asked) = (registering(now), false);
                    change.register.push((kept.key, Arc::clone(trunk)));
                }
                kept.trunk = Arc::clone(trunk);
                continue;
            }
            let key = RegistrationKey(inner.next);
            inner.next += 1;
            inner.by_key.insert(key, id);
            let (trunk, status) = (Arc::clone(trunk), registering(now));
            inner.kept.insert(id, Kept { key, trunk: Arc::clone(&trunk), status, asked: false });
            change.register.push((key, trunk));
        }
        change
    }

    /// Something became of one; the host that failed, where another one may serve.
    pub(super) fn news(
        &self,
        key: RegistrationKey,
        news: RegistrationNews,
        now: Timestamp,
    ) -> Option<FailedHost> {
        if news == RegistrationNews::Ended {
            self.ended(key);
            return None;
        }
        let mut inner = self.lock();
        let id = *inner.by_key.get(&key)?;
        let kept = inner.kept.get_mut(&id)?;
        match news {
            RegistrationNews::Holds { expires, .. } => {
                let state = RegistrationState::Registered;
                let since = kept.since(state, now);
                let expires_at = Some(now + expires);
                kept.status = RegistrationStatus { state, since, expires_at, last_error: None };
                None
            }
            RegistrationNews::Failed { code, reason, hop, retry_after } => {
                kept.fail(format!("{code} {reason}; tried again in {} s", retry_after.as_secs()), now);
                let trunk = Arc::clone(&kept.trunk);
                matches!(code, 408 | 503).then_some(FailedHost { trunk, hop, retry_after })
            }
            RegistrationNews::Refused { why } => {
                kept.asked = false;
                kept.fail(why, now);
                None
            }
            RegistrationNews::Ended => None,
        }
    }

    /// One is over, or never was.
    pub(super) fn ended(&self, key: RegistrationKey) {
        let mut inner = self.lock();
        inner.by_key.remove(&key);
        inner.ending.remove(&key);
        self.ended.notify_waiters();
    }

    /// Whether the trunk is still to be registered, in this way.
    pub(super) fn is_wanted(&self, key: RegistrationKey, trunk: &Trunk) -> bool {
        self.lock().kept.get(&trunk.id).is_some_and(|kept| kept.key == key && is_same(&kept.trunk, trunk))
    }

    /// It is ordered as it is now.
    pub(super) fn asked(&self, key: RegistrationKey) {
        let mut inner = self.lock();
        if let Some(kept) = inner.kept.values_mut().find(|kept| kept.key == key) {
            kept.asked = true;
        }
    }

    /// It could not even be asked for.
    pub(super) fn cannot(&self, key: RegistrationKey, trunk: &Trunk, why: &str, now: Timestamp) {
        if let Some(kept) = self.lock().kept.get_mut(&trunk.id)
            && kept.key == key
            && is_same(&kept.trunk, trunk)
        {
            kept.asked = false;
            kept.fail(why.to_owned(), now);
        }
    }

    /// Those that failed before they could be asked for.
    pub(super) fn unasked(&self) -> Vec<(RegistrationKey, Arc<Trunk>)> {
        let inner = self.lock();
        let unasked = |kept: &&Kept| !kept.asked && kept.status.state == RegistrationState::Failed;
        inner.kept.values().filter(unasked).map(Kept::named).collect()
    }

    /// Whoever keeps them has forgotten all: what is to be ordered again. None waits to be taken back any more.
    pub(super) fn forgotten(&self, now: Timestamp) -> Vec<(RegistrationKey, Arc<Trunk>)> {
        let mut inner = self.lock();
        let Inner { kept, by_key, ending, .. } = &mut *inner;
        ending.clear();
        by_key.retain(|key, id| kept.get(id).is_some_and(|kept| kept.key == *key));
        self.ended.notify_waiters();
        let again = |kept: &mut Kept| {
            (kept.status, kept.asked) = (registering(now), false);
            kept.named()
        };
        kept.values_mut().map(again).collect()
    }

    /// How a trunk's stands.
    pub(super) fn status(&self, trunk: TrunkId) -> Option<RegistrationStatus> {
        self.lock().kept.get(&trunk).map(|kept| kept.status.clone())
    }

    /// Waits until all that were to be taken back are.
    pub(super) async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.lock().ending.is_empty() {
                return;
            }
            ended.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn named(&self) -> (RegistrationKey, Arc<Trunk>) {
        (self.key, Arc::clone(&self.trunk))
    }

    /// Since when it stands so.
    fn since(&self, state: RegistrationState, now: Timestamp) -> Timestamp {
        if self.status.state == state { self.status.since } else { now }
    }

    fn fail(&mut self, why: String, now: Timestamp) {
        let state = RegistrationState::Failed;
        let since = self.since(state, now);
        self.status = RegistrationStatus { state, since, expires_at: None, last_error: Some(why) };
    }
}

const fn registering(now: Timestamp) -> RegistrationStatus {
    RegistrationStatus {
        state: RegistrationState::Registering,
        since: now,
        expires_at: None,
        last_error: None,
    }
}

/// Whether a change leaves the registration as it is.
fn is_same(old: &Trunk, new: &Trunk) -> bool {
    old.host == new.host
        && old.port == new.port
        && old.transport == new.transport
        && old.credentials == new.credentials
        && old.register_expires_s == new.register_expires_s
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::trunk::{RedirectPolicy, TransferPolicy, TrunkTransport};
    use model::{IdSource, OrganizationId};

    fn trunk(seed: u64, register: bool) -> Trunk {
        let mut ids = IdSource::new(seed);
        let now = Timestamp::from_millis(1);
        Trunk {
            id: TrunkId::generate(&mut ids, now),
            organization: OrganizationId::generate(&mut ids, now),
            name: "t".into(),
            host: "h.example".into(),
            port: None,
            transport: TrunkTransport::Auto,
            register,
            register_expires_s: 600,
            redirects: RedirectPolicy::Refuse,
            transfers: TransferPolicy::Refuse,
            srtp: model::srtp::SrtpPolicy::Off,
            credentials: None,
            allowed_sources: Vec::new(),
            codecs: Trunk::CODECS.to_vec(),
            codec_preference: Default::default(),
            session: Default::default(),
            calls_per_second_max: 1,
            concurrent_calls_max: 1,
            filed: false,
            created_at: now,
            updated_at: now,
        }
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    #[test]
    fn what_is_there_follows_what_is_to_be_there() {
        let all = Registrations::default();
        let (one, two) = (Arc::new(trunk(1, true)), Arc::new(trunk(2, false)));
        let counts = |change: Change| (change.register.len(), change.unregister.len());
        assert_eq!(counts(all.replace(&[one.clone(), two.clone()], at(1))), (1, 0));
        assert_eq!(counts(all.replace(&[one.clone(), two.clone()], at(1))), (0, 0));
        let moved = Arc::new(Trunk { host: "other.example".into(), ..(*one).clone() });
        assert_eq!(counts(all.replace(&[moved, two.clone()], at(1))), (1, 0));
        assert_eq!(counts(all.replace(&[two], at(1))), (0, 1));
        assert_eq!(all.status(one.id), None);
    }

    #[test]
    fn a_status_keeps_its_time_until_it_changes() {
        let all = Registrations::default();
        let one = Arc::new(trunk(1, true));
        let key = all.replace(std::slice::from_ref(&one), at(1)).register[0].0;
        let state = || all.status(one.id).map(|status| (status.state, status.since));
        assert_eq!(state(), Some((RegistrationState::Registering, at(1))));
        let holds = RegistrationNews::Holds { expires: Duration::from_secs(60), seen: None };
        assert!(all.news(key, holds.clone(), at(2)).is_none());
        assert!(all.news(key, holds, at(50)).is_none());
        assert_eq!(state(), Some((RegistrationState::Registered, at(2))));
        assert_eq!(all.status(one.id).unwrap().expires_at, Some(at(110)));
        let failed = |code| RegistrationNews::Failed {
            code,
            reason: "No".into(),
            hop: Hop::udp("192.0.2.1:5060".parse().unwrap()),
            retry_after: Duration::from_secs(30),
        };
        assert!(all.news(key, failed(403), at(60)).is_none());
        assert!(all.news(key, failed(503), at(70)).is_some());
        assert_eq!(state(), Some((RegistrationState::Failed, at(60))));
    }

    #[test]
    fn only_what_could_not_be_asked_for_is_asked_for_again() {
        let all = Registrations::default();
        let one = Arc::new(trunk(1, true));
        let key = all.replace(std::slice::from_ref(&one), at(1)).register[0].0;
        let check = |expected: usize, what: &str| assert_eq!(all.unasked().len(), expected, "{what}");
        check(0, "on its way");
        all.cannot(key, &one, "no such host", at(2));
        check(1, "not found");
        all.asked(key);
        check(0, "ordered");
        let hop = Hop::udp("192.0.2.1:5060".parse().unwrap());
        let retry_after = Duration::from_secs(30);
        all.news(key, RegistrationNews::Failed { code: 403, reason: "No".into(), hop, retry_after }, at(3));
        check(0, "refused by the registrar");
        all.news(key, RegistrationNews::Refused { why: "full".into() }, at(4));
        check(1, "refused by the endpoint");
        let moved = Arc::new(Trunk { host: "other.example".into(), ..(*one).clone() });
        all.replace(&[Arc::clone(&moved)], at(5));
        assert!(!all.is_wanted(key, &one) && all.is_wanted(key, &moved));
        all.cannot(key, &one, "no such host", at(6));
        check(0, "the old host counts no more");
    }

    #[test]
    fn what_was_forgotten_is_ordered_again_and_nothing_waits_for_an_end() {
        let all = Registrations::default();
        let (one, two) = (Arc::new(trunk(1, true)), Arc::new(trunk(2, true)));
        let ordered = all.replace(&[Arc::clone(&one), two], at(1)).register;
        ordered.iter().for_each(|(key, _)| all.asked(*key));
        let holds = RegistrationNews::Holds { expires: Duration::from_secs(60), seen: None };
        all.news(ordered[0].0, holds, at(2));
        all.replace(std::slice::from_ref(&one), at(3));
        assert_eq!(all.lock().ending.len(), 1);
        let again: Vec<_> = all.forgotten(at(4)).into_iter().map(|(key, trunk)| (key, trunk.id)).collect();
        assert_eq!(again, [(all.lock().kept[&one.id].key, one.id)]);
        assert_eq!(all.status(one.id).map(|status| status.state), Some(RegistrationState::Registering));
        assert!(all.lock().ending.is_empty() && all.lock().by_key.len() == 1);
    }

    #[test]
    fn an_end_is_counted_once() {
        let all = Registrations::default();
        let keys: Vec<_> = all
            .replace(&[Arc::new(trunk(1, true)), Arc::new(trunk(2, true))], at(1))
            .register
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        all.replace(&[], at(2));
        for expected in [1, 1, 0] {
            all.news(keys[usize::from(expected == 0)], RegistrationNews::Ended, at(3));
            assert_eq!(all.lock().ending.len(), expected);
        }
    }
}
