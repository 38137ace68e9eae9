//! `lyrebird serve`: runs the server until it is told to stop.

use super::CommandResult;
use super::init;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::server::{self, Server};
use crate::{descriptors, logging, terminal};
use tokio::signal::unix::{SignalKind, signal};

/// Runs the command.
pub(crate) async fn run(config: Config) -> CommandResult {
    logging::start(&config.log)?;
    descriptors::raise_limit();
    let dir = DataDir::open(&config.data_dir)?;
    let (lock, store) = server::open_store(&dir).await?;
    if let Some(keys) = init::first_start(&dir, store.as_ref()).await? {
        init::show(&keys);
    }
    let server = Server::start(&config, &dir, lock, store).await?;
    announce(&config, &server);
    let stop = stop_signal()?;
    server.run(stop).await;
    Ok(())
}

/// Says where the server can be reached.
pub(crate) fn announce(config: &Config, server: &Server) {
    terminal::line(&format!("listening http={} sip={} rtp={}", server.http, server.sip, config.rtp.ports));
    terminal::line(&format!("API {}  ·  errors explained at {0}/docs/errors", server.public_url));
}

/// Over when the process is told to stop. Told a second time, it stops at once.
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            terminal::complain("stopped at once, as asked a second time; the next start ends the calls");
            std::process::exit(1);
        });
    })
}
