//! `lyrebird sandbox`: the network of personas as a process of its own.

use super::CommandResult;
use super::serve::stop_signal;
use crate::cli::Sandbox;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::{descriptors, logging, server, terminal};
use carriers::PersonaNetwork;
use ports::Clock;
use std::sync::Arc;

/// Runs the command.
pub(crate) async fn run(config: Config, args: Sandbox) -> CommandResult {
    logging::start(&config.log)?;
    descriptors::raise_limit();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let media = server::start_media(&config, clock.clone())?;
    let tts = server::start_speech(&config, std::env::temp_dir()).await;
    let network = PersonaNetwork::start(args.addr, media, tts, clock).await?;
    terminal::line(&format!("listening sip={}", network.local_addr()));
    terminal::line(&format!("tell the server: LYREBIRD_SANDBOX__NETWORK={}", network.local_addr()));
    stop_signal()?.await;
    Ok(())
}
