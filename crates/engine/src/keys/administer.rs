//! Making, listing and revoking keys.

use super::text;
use crate::engine::Engine;
use crate::fault::of_store;
use crate::resources::admin;
use model::fault::{Fault, FaultCode};
use model::tenant::{App, KeyClass, KeyRecord, Principal};
use model::{AppId, IdSource, KeyId, OrganizationId, Secret, Timestamp};
use ports::{Clock, Store};

/// Longest name of a key, in characters.
const NAME_CHARS_MAX: usize = 128;
/// Most keys of an organization, revoked ones included.
const KEYS_MAX: usize = 1_000;

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it may do.
    pub class: KeyClass,
    /// Its app; none exactly for an admin key.
    pub app: Option<AppId>,
    /// What a person calls it, 1–128 characters.
    pub name: String,
}

/// A key that was made. Its text is shown once.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// What is stored.
    pub record: KeyRecord,
    /// The key.
    pub key: Secret<String>,
}

/// Makes a key without an engine, for the command line. `seed` makes its id only.
pub async fn create_key(
    store: &dyn Store,
    pepper: &Secret<[u8; 32]>,
    clock: &dyn Clock,
    seed: u64,
    organization: OrganizationId,
    new: NewKey,
) -> Result<CreatedKey, Fault> {
    create(store, pepper, &mut IdSource::new(seed), clock.now(), organization, new).await
}

impl Engine {
    /// Makes a key. Admin keys only.
    pub async fn create_key(&self, who: Principal, new: NewKey) -> Result<CreatedKey, Fault> {
        let organization = admin(who)?;
        let mut ids = self.core.with_ids(|ids| IdSource::new(ids.next_u64()));
        create(self.core.store.as_ref(), &self.core.pepper, &mut ids, self.core.now(), organization, new)
            .await
    }

    /// Revokes a key of the organization; it stops working at once. Admin keys only.
    pub async fn revoke_key(&self, who: Principal, key: KeyId) -> Result<(), Fault> {
        let organization = admin(who)?;
        let keys = self.core.store.keys(organization).await.map_err(of_store)?;
        if !keys.iter().any(|record| record.id == key) {
            return Err(Fault::new(FaultCode::NotFound));
        }
        self.core.store.revoke_key(key, self.core.now()).await.map_err(of_store)?;
        self.core.keys.forget();
        Ok(())
    }

    /// The organization's keys, revoked ones too, oldest first. Admin keys only.
    pub async fn keys(&self, who: Principal) -> Result<Vec<KeyRecord>, Fault> {
        self.core.store.keys(admin(who)?).await.map_err(of_store)
    }

    /// The organization's apps, oldest first. Admin keys only.
    pub async fn apps(&self, who: Principal) -> Result<Vec<App>, Fault> {
        self.core.store.apps(admin(who)?).await.map_err(of_store)
    }
}

async fn create(
    store: &dyn Store,
    pepper: &Secret<[u8; 32]>,
    ids: &mut IdSource,
    now: Timestamp,
    organization: OrganizationId,
    new: NewKey,
) -> Result<CreatedKey, Fault> {
    check_name(&new.name)?;
    check_app(store, organization, &new).await?;
    if store.keys(organization).await.map_err(of_store)?.len() >= KEYS_MAX {
        let message = format!("an organization may have at most {KEYS_MAX} keys");
        return Err(Fault::field(FaultCode::InvalidField, "name", message));
    }
    let (record, key) = mint(new.class, organization, new.app, &new.name, pepper, ids, now)?;
    store.create_key(record.clone()).await.map_err(of_store)?;
    Ok(CreatedKey { record, key })
}

fn check_name(name: &str) -> Result<(), Fault> {
    let chars = name.chars().count();
    if (1..=NAME_CHARS_MAX).contains(&chars) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("must have 1 to {NAME_CHARS_MAX} characters, none of them a control character");
    Err(Fault::field(FaultCode::InvalidField, "name", message))
}

async fn check_app(store: &dyn Store, organization: OrganizationId, new: &NewKey) -> Result<(), Fault> {
    let refuse = |message: &str| Err(Fault::field(FaultCode::InvalidField, "appId", message));
    match (new.class, new.app) {
        (KeyClass::Admin, None) => Ok(()),
        (KeyClass::Admin, Some(_)) => refuse("an admin key belongs to no app"),
        (_, None) => refuse("a live or test key needs an app"),
        (_, Some(app)) => match store.app(app).await.map_err(of_store)? {
            Some(found) if found.organization == organization => Ok(()),
            _ => refuse("there is no such app in this organization"),
        },
    }
}

/// A fresh key and its record.
pub(super) fn mint(
    class: KeyClass,
    organization: OrganizationId,
    app: Option<AppId>,
    name: &str,
    pepper: &Secret<[u8; 32]>,
    ids: &mut IdSource,
    now: Timestamp,
) -> Result<(KeyRecord, Secret<String>), Fault> {
    let key = text::fresh(class)?;
    let record = KeyRecord {
        id: KeyId::generate(ids, now),
        class,
        organization,
        app,
        name: name.to_owned(),
        prefix: text::public_prefix(key.expose()).unwrap_or_default().to_owned(),
        hash: text::hash(pepper, key.expose()),
        created_at: now,
        revoked_at: None,
    };
    Ok((record, key))
}
