//! `lyrebird serve`: runs the server until it is told to stop.

use super::CommandResult;
use super::init;
use crate::config::{Config, Flags};
use crate::data_dir::DataDir;
use crate::server::{self, Server};
use crate::signals::{self, Stop};
use crate::{descriptors, logging, otel, reload, service_manager, terminal};

/// Runs the command.
pub(crate) async fn run(flags: Flags) -> CommandResult {
    let config = Config::load(&flags)?;
    let exporter = logging::start(&config.log, &config.otel)?;
    descriptors::raise_limit();
    let dir = DataDir::open(&config.data_dir)?;
    let (lock, store) = server::open_store(&dir).await?;
    if let Some(keys) = init::first_start(&dir, store.as_ref()).await? {
        init::show(&keys);
    }
    let server = Server::start(&config, &dir, lock, store).await?;
    announce(&config, &server);
    let stop = Stop::listen()?;
    let readiness = server.readiness.clone();
    tokio::spawn(reload::run(signals::hang_ups()?, flags, server.reloadable()));
    service_manager::ready();
    tokio::spawn(service_manager::keep_alive(move || readiness.lives()));
    server.run(stop).await;
    otel::finish(exporter).await;
    Ok(())
}

/// Says where the server can be reached.
pub(crate) fn announce(config: &Config, server: &Server) {
    terminal::line(&format!("listening http={} sip={} rtp={}", server.http, server.sip, config.rtp.ports));
    terminal::line(&format!("API {}  ·  errors explained at {0}/docs/errors", server.public_url));
}
