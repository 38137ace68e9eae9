//! The registrations of trunks: which there are to be, which there are, and how each stands. Time is an argument; sends
//! nothing.

use crate::agent::RegistrationNews;
use model::trunk::{RegistrationState, RegistrationStatus, Trunk};
use model::{Timestamp, TrunkId};
use sip::RegistrationKey;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    ending: usize,
}

struct Kept {
    key: RegistrationKey,
    /// As it was when it was ordered.
    trunk: Arc<Trunk>,
    status: RegistrationStatus,
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
                inner.ending += 1;
                change.unregister.push(kept.key);
            }
        }
        for (id, trunk) in wanted {
            if let Some(kept) = inner.kept.get_mut(&id) {
                if !is_same(&kept.trunk, trunk) {
                    kept.status = asked(now);
                    change.register.push((kept.key, Arc::clone(trunk)));
                }
                kept.trunk = Arc::clone(trunk);
                continue;
            }
            let key = RegistrationKey(inner.next);
            inner.next += 1;
            inner.by_key.insert(key, id);
            inner.kept.insert(id, Kept { key, trunk: Arc::clone(trunk), status: asked(now) });
            change.register.push((key, Arc::clone(trunk)));
        }
        change
    }

    /// Something became of one; the trunk whose registration failed.
    pub(super) fn news(
        &self,
        key: RegistrationKey,
        news: RegistrationNews,
        now: Timestamp,
    ) -> Option<Arc<Trunk>> {
        let mut inner = self.lock();
        if news == RegistrationNews::Ended {
            inner.by_key.remove(&key);
            inner.ending = inner.ending.saturating_sub(1);
            self.ended.notify_waiters();
            return None;
        }
        let id = *inner.by_key.get(&key)?;
        let kept = inner.kept.get_mut(&id)?;
        let since = |state| if kept.status.state == state { kept.status.since } else { now };
        match news {
            RegistrationNews::Holds { expires, .. } => {
                let state = RegistrationState::Registered;
                let (since, expires_at) = (since(state), Some(now + expires));
                kept.status = RegistrationStatus { state, since, expires_at, last_error: None };
                None
            }
            RegistrationNews::Failed { code, reason, retry_after } => {
                let state = RegistrationState::Failed;
                let since = since(state);
                let error = format!("{code} {reason}; tried again in {} s", retry_after.as_secs());
                kept.status = RegistrationStatus { state, since, expires_at: None, last_error: Some(error) };
                matches!(code, 408 | 503).then(|| Arc::clone(&kept.trunk))
            }
            RegistrationNews::Ended => None,
        }
    }

    /// It could not even be asked for.
    pub(super) fn cannot(&self, trunk: TrunkId, why: &str, now: Timestamp) {
        if let Some(kept) = self.lock().kept.get_mut(&trunk) {
            let state = RegistrationState::Failed;
            let since = if kept.status.state == state { kept.status.since } else { now };
            kept.status =
                RegistrationStatus { state, since, expires_at: None, last_error: Some(why.to_owned()) };
        }
    }

    /// Those that could not be asked for, or do not hold because their host does not answer.
    pub(super) fn failed(&self) -> Vec<(RegistrationKey, Arc<Trunk>)> {
        let inner = self.lock();
        let failed = inner.kept.values().filter(|kept| kept.status.state == RegistrationState::Failed);
        failed.map(|kept| (kept.key, Arc::clone(&kept.trunk))).collect()
    }

    /// How a trunk's stands.
    pub(super) fn status(&self, trunk: TrunkId) -> Option<RegistrationStatus> {
        self.lock().kept.get(&trunk).map(|kept| kept.status.clone())
    }

    /// The key of a trunk's.
    pub(super) fn key(&self, trunk: TrunkId) -> Option<RegistrationKey> {
        self.lock().kept.get(&trunk).map(|kept| kept.key)
    }

    /// Waits until all that were to be taken back are.
    pub(super) async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.lock().ending == 0 {
                return;
            }
            ended.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn asked(now: Timestamp) -> RegistrationStatus {
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
    use model::trunk::{RedirectPolicy, TrunkTransport};
    use model::{IdSource, OrganizationId};
    use std::time::Duration;

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
            srtp: model::srtp::SrtpPolicy::Off,
            credentials: None,
            allowed_sources: Vec::new(),
            codecs: Trunk::CODECS.to_vec(),
            calls_per_second_max: 1,
            concurrent_calls_max: 1,
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
            retry_after: Duration::from_secs(30),
        };
        assert!(all.news(key, failed(403), at(60)).is_none());
        assert!(all.news(key, failed(503), at(70)).is_some());
        assert_eq!(state(), Some((RegistrationState::Failed, at(60))));
    }
}
