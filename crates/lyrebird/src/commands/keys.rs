//! `lyrebird keys`: makes, lists and revokes keys in the data directory itself, so that a lost key is no lockout.

use super::CommandResult;
use crate::cli::{KeyClassArg, Keys, KeysAction};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::server;
use crate::terminal;
use engine::NewKey;
use model::tenant::{App, KeyClass, KeyRecord, Organization};
use model::{KeyId, Timestamp};
use ports::store::KeyStore as _;
use ports::{Clock, Store};
use store::SqliteStore;

/// Runs the command.
pub(crate) async fn run(config: &Config, args: Keys) -> CommandResult {
    let dir = DataDir::open(&config.data_dir)?;
    // A server may be running on the directory: keys are rows of their own, so both get along.
    let store = SqliteStore::open(dir.root()).await?;
    let (organization, _) = owner(&store).await?;
    match args.action {
        KeysAction::List => {
            for key in store.keys(organization.id).await? {
                terminal::line(&row(&key));
            }
        }
        KeysAction::Create { class, name } => {
            terminal::line(&make(&dir, &store, class_of(class), name).await?);
        }
        KeysAction::Revoke { id } => {
            let id = KeyId::from_ksuid(id.trim_start_matches("key_app_")).map_err(|_| "no such key")?;
            store.revoke_key(id, SystemClock::start().now()).await?;
            terminal::line("revoked");
        }
    }
    Ok(())
}

/// Makes a key of the first organization and its first app.
pub(crate) async fn make(
    dir: &DataDir,
    store: &dyn Store,
    class: KeyClass,
    name: String,
) -> Result<String, Failure> {
    let (organization, app) = owner(store).await?;
    let app = (class != KeyClass::Admin).then_some(app.id);
    let key = NewKey { class, app, name };
    let seed = server::random_seed()?;
    let made =
        engine::create_key(store, &dir.pepper()?, &SystemClock::start(), seed, organization.id, key).await?;
    Ok(made.key.into_exposed())
}

async fn owner(store: &dyn Store) -> Result<(Organization, App), Failure> {
    const EMPTY: &str = "the data directory is empty; run `lyrebird init` first";
    let organization = store.organizations().await?.into_iter().next().ok_or(EMPTY)?;
    let app = store.apps(organization.id).await?.into_iter().next().ok_or(EMPTY)?;
    Ok((organization, app))
}

const fn class_of(class: KeyClassArg) -> KeyClass {
    match class {
        KeyClassArg::Admin => KeyClass::Admin,
        KeyClassArg::Live => KeyClass::Live,
        KeyClassArg::Test => KeyClass::Test,
    }
}

fn row(key: &KeyRecord) -> String {
    let class = match key.class {
        KeyClass::Admin => "admin",
        KeyClass::Live => "live",
        KeyClass::Test => "test",
    };
    let revoked =
        key.revoked_at.map(|at| format!("  revoked {}", at.to_rfc3339_millis())).unwrap_or_default();
    let created = Timestamp::to_rfc3339_millis(key.created_at);
    format!("key_app_{}  {class:<5}  {}…  {created}  {}{revoked}", key.id.to_ksuid(), key.prefix, key.name)
}
