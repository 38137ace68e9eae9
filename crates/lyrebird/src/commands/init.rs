//! `lyrebird init`, and the first start of the server: an organization, an app and one key of each class.

use super::CommandResult;
use crate::cli::Init;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::server;
use crate::terminal;
use engine::BootstrapKeys;
use model::VoiceChannelId;
use model::call::Mode;
use ports::Store;
use serde_json::json;

/// Runs the command.
pub(crate) async fn run(config: &Config, args: &Init) -> CommandResult {
    let dir = DataDir::open(&config.data_dir)?;
    let (_lock, store) = server::open_store(&dir).await?;
    let Some(keys) = first_start(&dir, store.as_ref()).await? else {
        let dir = dir.root().display();
        return Err(format!(
            "{dir} is initialized already, and keys are shown only once; make another one with `lyrebird keys create`"
        )
        .into());
    };
    if args.json {
        let shown = json!({
            "organizationId": format!("org_{}", keys.organization.to_ksuid()),
            "appId": format!("app_{}", keys.app.to_ksuid()),
            "workspaceId": keys.app.uuid(),
            "channelId": VoiceChannelId::default_of(keys.app, Mode::Test).uuid(),
            "liveChannelId": VoiceChannelId::default_of(keys.app, Mode::Live).uuid(),
            "adminKey": keys.admin_key.expose(),
            "liveKey": keys.live_key.expose(),
            "testKey": keys.test_key.expose(),
        });
        terminal::line(&shown.to_string());
    } else {
        show(&keys);
    }
    Ok(())
}

/// Makes organization, app and keys if there are none yet.
pub(crate) async fn first_start(dir: &DataDir, store: &dyn Store) -> Result<Option<BootstrapKeys>, Failure> {
    let clock = SystemClock::start();
    Ok(engine::bootstrap(store, &dir.pepper()?, &clock, server::random_seed()?).await?)
}

/// Shows the keys, once.
pub(crate) fn show(keys: &BootstrapKeys) {
    terminal::heading("First start: these keys are shown only now.");
    terminal::line(&format!("  admin key  {}   trunks, numbers, apps", keys.admin_key.expose()));
    terminal::line(&format!("  live key   {}   real calls", keys.live_key.expose()));
    terminal::line(&format!("  test key   {}   sandbox calls, nothing else", keys.test_key.expose()));
    terminal::line(&format!("  app        app_{}", keys.app.to_ksuid()));
    let channel = |mode| VoiceChannelId::default_of(keys.app, mode).uuid();
    terminal::line(&format!("  workspace  {}   the app's id for clients of Bird", keys.app.uuid()));
    terminal::line(&format!("  channels   {} test, {} live", channel(Mode::Test), channel(Mode::Live)));
    terminal::line("");
}
