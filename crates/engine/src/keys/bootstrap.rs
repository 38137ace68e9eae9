//! The first start: an organization, its app, and one key of each class.

use super::administer::mint;
use crate::fault::of_store;
use crate::resources::keep_default_channels;
use model::fault::Fault;
use model::tenant::{App, KeyClass, Organization};
use model::{AppId, IdSource, OrganizationId, Secret};
use ports::store::Bootstrap;
use ports::{Clock, Store};

/// Most calls at once of the first app.
const CONCURRENT_CALLS_MAX: u32 = 1_000;

/// What the first start made. The keys are shown once.
#[derive(Debug, Clone)]
pub struct BootstrapKeys {
    /// The organization.
    pub organization: OrganizationId,
    /// Its app.
    pub app: AppId,
    /// Administers the organization.
    pub admin_key: Secret<String>,
    /// Makes real calls.
    pub live_key: Secret<String>,
    /// Makes sandbox calls.
    pub test_key: Secret<String>,
}

/// Makes organization, app and keys in a store that has none; none if it has. `seed` makes the ids; the keys come
/// from the operating system's random source.
pub async fn bootstrap(
    store: &dyn Store,
    pepper: &Secret<[u8; 32]>,
    clock: &dyn Clock,
    seed: u64,
) -> Result<Option<BootstrapKeys>, Fault> {
    let now = clock.now();
    let mut ids = IdSource::new(seed);
    let organization = Organization {
        id: OrganizationId::generate(&mut ids, now),
        name: "Default organization".into(),
        created_at: now,
    };
    let app = App {
        id: AppId::generate(&mut ids, now),
        organization: organization.id,
        name: "Default app".into(),
        concurrent_calls_max: CONCURRENT_CALLS_MAX,
        created_at: now,
    };
    let mut mint = |class, app, name| mint(class, organization.id, app, name, pepper, &mut ids, now);
    let (admin, admin_key) = mint(KeyClass::Admin, None, "first admin key")?;
    let (live, live_key) = mint(KeyClass::Live, Some(app.id), "first live key")?;
    let (test, test_key) = mint(KeyClass::Test, Some(app.id), "first test key")?;
    let made = BootstrapKeys { organization: organization.id, app: app.id, admin_key, live_key, test_key };
    let rows = Bootstrap { organization, app, keys: vec![admin, live, test] };
    let fresh = store.bootstrap(rows).await.map_err(of_store)?;
    keep_default_channels(store, now).await.map_err(of_store)?;
    Ok(fresh.then_some(made))
}
