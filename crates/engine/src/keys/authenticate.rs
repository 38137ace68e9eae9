//! Who shows this key? The answer is kept for a moment, so that a busy client costs one look into the store.

use super::text;
use crate::core::Core;
use crate::fault::of_store;
use model::Timestamp;
use model::call::Mode;
use model::fault::{Fault, FaultCode};
use model::tenant::{KeyClass, KeyRecord, Principal, Scope};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Most keys kept.
const KEPT_MAX: usize = 1_024;
/// How long an answer is kept; so long may a key live on that another process revoked.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Recognises keys.
#[derive(Default)]
pub(crate) struct Authenticator {
    /// By SHA-256 of the key's text.
    kept: Mutex<HashMap<[u8; 32], (Principal, Timestamp)>>,
}

impl Authenticator {
    /// Forgets every answer: a key was revoked.
    pub(super) fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many answers are kept.
    pub(crate) fn remembered(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn kept(&self, digest: &[u8; 32], now: Timestamp) -> Option<Principal> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(digest).filter(|(_, until)| now < *until).map(|(principal, _)| *principal)
    }

    fn keep(&self, digest: [u8; 32], principal: Principal, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (_, until)| now < *until);
        }
        if kept.len() < KEPT_MAX {
            kept.insert(digest, (principal, now + KEPT_FOR));
        }
    }
}

impl Core {
    /// Whom the presented key speaks for.
    pub(crate) async fn authenticate(&self, presented: &str) -> Result<Principal, Fault> {
        if presented.is_empty() {
            return Err(Fault::new(FaultCode::MissingKey));
        }
        let invalid = || Fault::new(FaultCode::InvalidKey);
        let prefix = text::public_prefix(presented).ok_or_else(invalid)?;
        let digest: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let now = self.now();
        if let Some(principal) = self.keys.kept(&digest, now) {
            return Ok(principal);
        }
        let records = self.store.keys_by_prefix(prefix).await.map_err(of_store)?;
        let mut found = None;
        for record in &records {
            if text::matches(&self.pepper, presented, &record.hash) {
                found = Some(record);
            }
        }
        let principal = found.and_then(principal).ok_or_else(invalid)?;
        self.keys.keep(digest, principal, now);
        Ok(principal)
    }
}

/// What the key's record says; none for one that was revoked or names no app where it should.
fn principal(record: &KeyRecord) -> Option<Principal> {
    if record.revoked_at.is_some() {
        return None;
    }
    let scope = match record.class {
        KeyClass::Admin => Scope::Organization,
        KeyClass::Live => Scope::App(record.app?, Mode::Live),
        KeyClass::Test => Scope::App(record.app?, Mode::Test),
    };
    Some(Principal { key: record.id, organization: record.organization, scope })
}
