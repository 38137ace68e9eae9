//! Brings the trunks of the configuration file, and their numbers, into the store.

use crate::config::TrunkEntry;
use crate::failure::Failure;
use model::session::SessionPolicy;
use model::trunk::{PhoneNumber, Trunk, TrunkCredentials};
use model::{AppId, IdSource, NumberId, OrganizationId, Timestamp, TrunkId};
use ports::Store;

/// Makes or updates each entry's trunk, known by its name, in the first organization; assigns its numbers to that
/// organization's first app.
pub(crate) async fn trunks(store: &dyn Store, now: Timestamp, entries: &[TrunkEntry]) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let organizations = store.organizations().await?;
    let organization = organizations.first().ok_or("the data directory has no organization")?.id;
    let apps = store.apps(organization).await?;
    let app = apps.first().ok_or("the first organization has no app")?.id;
    let mut ids = IdSource::new(getrandom::u64()?);
    let existing = store.all_trunks().await?;
    for entry in entries {
        let known = existing.iter().find(|t| t.organization == organization && t.name == entry.name);
        let trunk = trunk(entry, known, organization, now, &mut ids);
        engine::check_trunk(&trunk).map_err(|fault| {
            let field = fault.param.unwrap_or_default();
            format!("trunk {:?} in the configuration: {field} {}", entry.name, fault.message)
        })?;
        if known.is_some() {
            store.update_trunk(&trunk).await?;
        } else {
            store.create_trunk(&trunk, None).await?;
        }
        numbers(store, entry, trunk.id, app, now, &mut ids).await?;
    }
    Ok(())
}

fn trunk(
    entry: &TrunkEntry,
    known: Option<&Trunk>,
    organization: OrganizationId,
    now: Timestamp,
    ids: &mut IdSource,
) -> Trunk {
    let credentials = entry.password.as_ref().filter(|_| !entry.username.is_empty());
    Trunk {
        id: known.map_or_else(|| TrunkId::generate(ids, now), |trunk| trunk.id),
        organization,
        name: entry.name.clone(),
        host: entry.host.clone(),
        port: entry.port,
        transport: entry.transport,
        register: entry.register,
        register_expires_s: entry.register_expires_s,
        redirects: entry.redirects,
        srtp: entry.srtp,
        credentials: credentials.map(|password| TrunkCredentials {
            username: entry.username.clone(),
            password: password.clone(),
        }),
        allowed_sources: entry.allowed_sources.clone(),
        codecs: entry.codecs.clone(),
        codec_preference: entry.codec_preference,
        session: SessionPolicy {
            expires_s: entry.session_expires_s,
            min_s: entry.session_min_s,
            refresher: entry.session_refresher,
        },
        calls_per_second_max: entry.calls_per_second_max,
        concurrent_calls_max: entry.concurrent_calls_max,
        created_at: known.map_or(now, |trunk| trunk.created_at),
        updated_at: now,
    }
}

async fn numbers(
    store: &dyn Store,
    entry: &TrunkEntry,
    trunk: TrunkId,
    app: AppId,
    now: Timestamp,
    ids: &mut IdSource,
) -> Result<(), Failure> {
    for number in &entry.numbers {
        match store.number(number).await? {
            Some(known) if known.trunk == trunk => {}
            Some(_) => {
                let reason =
                    "is assigned elsewhere already; take it back there, or remove it from the configuration";
                return Err(format!("trunk {}: number {} {reason}", entry.name, number.masked()).into());
            }
            None => {
                let id = NumberId::generate(ids, now);
                let assigned =
                    PhoneNumber { id, number: number.clone(), app, trunk, flow: None, created_at: now };
                store.create_number(&assigned, None).await?;
            }
        }
    }
    Ok(())
}
