//! Reads the configuration again when the process is told to (SIGHUP). What can be changed while calls run is; the rest is
//! named in the log and waits for a restart. A configuration that cannot be read changes nothing.

use crate::config::{Config, Flags};
use crate::failure::Failure;
use crate::server::Reloadable;
use crate::{logging, provision, service_manager};
use engine::{AllowedHosts, EgressConfig};
use figment::value::{Dict, Value};
use std::collections::BTreeSet;
use tokio::signal::unix::Signal;

/// Settings that take effect at once (the content of certificate files does, too), by their paths or the beginnings of these.
const LIVE: [&str; 8] = [
    "log.level",
    "limits.",
    "egress.",
    "trunks",
    "sandbox.personas",
    "calls.at_once_max",
    "sip.source_share_percent",
    "shutdown.drain_ms",
];

/// Until the process ends.
pub(crate) async fn run(mut hang_ups: Signal, flags: Flags, parts: Reloadable) {
    let mut known = Config::values(&flags).unwrap_or_default();
    while hang_ups.recv().await.is_some() {
        service_manager::reloading();
        match again(&flags, &parts, &known).await {
            Ok(values) => known = values,
            Err(error) => tracing::error!("the configuration stays as it was: {error}"),
        }
        service_manager::ready();
    }
}

async fn again(flags: &Flags, parts: &Reloadable, known: &Dict) -> Result<Dict, Failure> {
    let config = Config::load(flags)?;
    let values = Config::values(flags)?;
    // Everything that can be refused is tried before anything is changed.
    let filter = logging::filter(&config.log)?;
    let egress = EgressConfig { allowed_hosts: config.egress.allowed_hosts.clone() };
    let allowed = AllowedHosts::read(&egress)?;
    let personas = config.sandbox.directory()?;
    // Certificates that cannot be read leave those in use that were read before.
    parts.trunks.reload()?;
    provision::trunks(parts.store.as_ref(), parts.clock.now(), &config.trunks).await?;
    parts.engine.refresh_trunks().await?;
    parts.egress.allow(allowed);
    parts.engine.set_personas(personas);
    parts.limits.set(config.limits.requests_per_minute, config.limits.webhook_requests_per_minute);
    parts.live_limits.set(&config);
    logging::change(filter)?;
    let changed = changed(known, &values);
    let (live, waiting): (Vec<_>, Vec<_>) =
        changed.into_iter().partition(|path| LIVE.iter().any(|live| path.starts_with(live)));
    tracing::info!(changed = live.join(", "), "the configuration was read again");
    if !waiting.is_empty() {
        tracing::warn!(settings = waiting.join(", "), "these settings need a restart");
    }
    Ok(values)
}

/// Paths of settings that differ.
fn changed(before: &Dict, after: &Dict) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    compare("", before, after, &mut paths);
    paths
}

fn compare(path: &str, before: &Dict, after: &Dict, paths: &mut BTreeSet<String>) {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (before.get(name), after.get(name)) {
            (Some(Value::Dict(_, before)), Some(Value::Dict(_, after))) => {
                compare(&path, before, after, paths)
            }
            (before, after) if before == after => {}
            _ => {
                paths.insert(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use figment::Figment;
    use figment::providers::{Format, Toml};

    #[test]
    fn changes_are_named_by_their_paths() {
        let values = |text: &str| Figment::from(Toml::string(text)).extract::<Dict>().unwrap_or_default();
        let before = values("a = 1\n[b]\nc = 2\nd = [1]\n[e]\nf = 1");
        let after = values("a = 1\n[b]\nc = 3\nd = [1, 2]");
        let paths: Vec<_> = changed(&before, &after).into_iter().collect();
        assert_eq!(paths, ["b.c", "b.d", "e"]);
        assert!(changed(&before, &before).is_empty());
    }
}
