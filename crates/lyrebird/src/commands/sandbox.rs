//! `lyrebird sandbox`: the network of personas as a process of its own; `lyrebird sandbox call`: a persona calls the
//! app of a running server; `lyrebird sandbox personas`: whom a test key can call.

use super::CommandResult;
use super::call::{show, text};
use crate::cli::{Sandbox, SandboxAction, SandboxCall};
use crate::client::Client;
use crate::clock::SystemClock;
use crate::config::{Config, Flags};
use crate::failure::Failure;
use crate::signals::Stop;
use crate::{descriptors, logging, otel, server, terminal};
use carriers::PersonaNetwork;
use ports::Clock;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

/// Runs the command.
pub(crate) async fn run(flags: &Flags, args: Sandbox) -> CommandResult {
    match args.action {
        None => serve(Config::load(flags)?, args.addr).await,
        Some(SandboxAction::Call(args)) => call(flags, args).await,
        Some(SandboxAction::Personas { remote }) => personas(&Client::new(&remote, flags)?).await,
    }
}

async fn serve(config: Config, addr: SocketAddr) -> CommandResult {
    let exporter = logging::start(&config.log, &config.otel)?;
    descriptors::raise_limit();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let media = server::start_media(&config, clock.clone())?;
    let tts = server::start_speech(&config, std::env::temp_dir()).await;
    let network = PersonaNetwork::start(addr, media, tts, clock).await?;
    terminal::line(&format!("listening sip={}", network.local_addr()));
    terminal::line(&format!("tell the server: LYREBIRD_SANDBOX__NETWORK={}", network.local_addr()));
    Stop::listen()?.told(1).await;
    otel::finish(exporter).await;
    Ok(())
}

async fn call(flags: &Flags, args: SandboxCall) -> CommandResult {
    let client = Client::new(&args.remote, flags)?;
    let call = client.post("/v1/sandbox/calls", &order(&args)?).await?;
    let id = text(&call, "id");
    if args.answer {
        client.post(&format!("/v1/calls/{id}/commands"), &json!({ "type": "answer" })).await?;
    }
    show(&client, id, args.detach).await
}

fn order(args: &SandboxCall) -> Result<Value, Failure> {
    let mut order = Map::new();
    order.insert("to".into(), args.to.as_str().into());
    for (name, given) in [("from", &args.from), ("persona", &args.persona)] {
        if let Some(given) = given {
            order.insert(name.into(), given.as_str().into());
        }
    }
    if let Some(settings) = &args.settings {
        let settings: Value =
            serde_json::from_str(settings).map_err(|error| format!("--settings is not JSON: {error}"))?;
        order.insert("sandbox".into(), settings);
    }
    Ok(Value::Object(order))
}

async fn personas(client: &Client) -> CommandResult {
    let list = client.get("/v1/sandbox/personas").await?;
    for persona in list.get("data").and_then(Value::as_array).into_iter().flatten() {
        let [name, number, summary] = ["name", "number", "summary"].map(|field| text(persona, field));
        terminal::line(&format!("{number:<13} {name:<18} {summary}"));
    }
    Ok(())
}
