//! Brings the trunks of the configuration file, and their numbers, into the store, and takes out those that it made
//! and names no longer. What the API made is never taken out.

use crate::config::TrunkEntry;
use crate::failure::Failure;
use model::session::SessionPolicy;
use model::trunk::{PhoneNumber, Trunk, TrunkCredentials};
use model::{AppId, IdSource, NumberId, OrganizationId, Timestamp, TrunkId};
use ports::store::PageRequest;
use ports::{Store, StoreError};

/// Numbers read at once.
const PAGE: u32 = 100;

/// Makes or updates each entry's trunk, known by its name, in the first organization; assigns its numbers to that
/// organization's first app. Then trunks and numbers that stood in the file and do no more are taken out.
pub(crate) async fn trunks(store: &dyn Store, now: Timestamp, entries: &[TrunkEntry]) -> Result<(), Failure> {
    let organizations = store.organizations().await?;
    let Some(organization) = organizations.first().map(|organization| organization.id) else {
        return if entries.is_empty() {
            Ok(())
        } else {
            Err("the data directory has no organization".into())
        };
    };
    let existing = store.all_trunks().await?;
    let mut ids = IdSource::new(getrandom::u64()?);
    let mut wanted = Vec::new();
    for entry in entries {
        let known = existing.iter().find(|t| t.organization == organization && t.name == entry.name);
        let trunk = trunk(entry, known, organization, now, &mut ids);
        engine::check_trunk(&trunk).map_err(|fault| {
            let field = fault.param.unwrap_or_default();
            format!("trunk {:?} in the configuration: {field} {}", entry.name, fault.message)
        })?;
        wanted.push((entry, trunk, known.is_some()));
    }
    take_out_numbers(store, organization, entries, &existing).await?;
    take_out_trunks(store, organization, entries, &existing).await?;
    if wanted.is_empty() {
        return Ok(());
    }
    let apps = store.apps(organization).await?;
    let app = apps.first().ok_or("the first organization has no app")?.id;
    for (entry, trunk, is_known) in wanted {
        if is_known {
            store.update_trunk(&trunk).await?;
        } else {
            store.create_trunk(&trunk, None).await?;
        }
        numbers(store, entry, trunk.id, app, now, &mut ids).await?;
    }
    Ok(())
}

/// The file's numbers that no entry of their trunk names.
async fn take_out_numbers(
    store: &dyn Store,
    organization: OrganizationId,
    entries: &[TrunkEntry],
    trunks: &[Trunk],
) -> Result<(), Failure> {
    let is_named = |number: &PhoneNumber| {
        let trunk = trunks.iter().find(|trunk| trunk.id == number.trunk);
        let mut entries = entries.iter().filter(|entry| trunk.is_some_and(|trunk| trunk.name == entry.name));
        entries.any(|entry| entry.numbers.contains(&number.number))
    };
    let mut gone = Vec::new();
    let mut offset = 0;
    loop {
        let page = store.numbers(organization, None, PageRequest { limit: PAGE, offset }).await?;
        let read = u32::try_from(page.items.len()).unwrap_or(PAGE);
        gone.extend(page.items.into_iter().filter(|number| number.filed && !is_named(number)));
        if read < PAGE {
            break;
        }
        offset += read;
    }
    for number in &gone {
        store.delete_number(organization, number.id).await?;
    }
    if !gone.is_empty() {
        tracing::info!(numbers = gone.len(), "the configuration names these numbers no longer");
    }
    Ok(())
}

/// The file's trunks that it does not name. One on which numbers of the API live stays.
async fn take_out_trunks(
    store: &dyn Store,
    organization: OrganizationId,
    entries: &[TrunkEntry],
    trunks: &[Trunk],
) -> Result<(), Failure> {
    let filed = trunks.iter().filter(|trunk| trunk.filed && trunk.organization == organization);
    for trunk in filed.filter(|trunk| entries.iter().all(|entry| entry.name != trunk.name)) {
        match store.delete_trunk(organization, trunk.id).await {
            Ok(()) => tracing::info!(trunk = %trunk.name, "the configuration names this trunk no longer"),
            Err(StoreError::Conflict(_)) => tracing::warn!(
                trunk = %trunk.name,
                "the configuration names this trunk no longer; it stays, because numbers were assigned to it by the API"
            ),
            Err(error) => return Err(error.into()),
        }
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
        transfers: entry.transfers,
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
        filed: known.is_none_or(|trunk| trunk.filed),
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
                let number = number.clone();
                let assigned =
                    PhoneNumber { id, number, app, trunk, flow: None, filed: true, created_at: now };
                store.create_number(&assigned, None).await?;
            }
        }
    }
    Ok(())
}
