//! `lyrebird demo`: the server with a call through all of it, shown live: it speaks, gathers keys, branches on
//! them, records and hangs up; a webhook receiver of its own shows that events arrive.

use super::call::{follow, text};
use super::{CommandResult, init, keys, serve};
use crate::cli::Remote;
use crate::client::Client;
use crate::config::Flags;
use crate::config::{Config, LogFormat};
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::server::{self, Server};
use crate::signals::Stop;
use crate::{descriptors, logging, otel, terminal};
use axum::routing::post;
use axum::{Json, Router};
use model::tenant::KeyClass;
use ports::Store;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use tokio::net::TcpListener;

/// The request that is shown and sent: to the persona that presses keys when a prompt falls silent.
const ORDER: &str = include_str!("demo.json");
/// What the demonstration's own webhook receiver asks for.
const EVENTS: [&str; 4] =
    ["calls.answered", "calls.gather.completed", "calls.recording.completed", "calls.completed"];

/// Runs the command.
pub(crate) async fn run(mut config: Config) -> CommandResult {
    config.log.format = LogFormat::Text;
    if config.log.level == "info" {
        config.log.level = "warn".into();
    }
    let exporter = logging::start(&config.log, &config.otel)?;
    descriptors::raise_limit();
    free_ports_if_taken(&mut config).await;
    let receiver = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let receiver_addr = receiver.local_addr()?;
    config.egress.allowed_hosts.push(receiver_addr.to_string());
    let dir = DataDir::open(&config.data_dir)?;
    let (lock, store) = server::open_store(&dir).await?;
    let key = test_key(&dir, store.as_ref()).await?;
    let server = Server::start(&config, &dir, lock, store).await?;
    serve::announce(&config, &server);
    let url = format!("http://{}", server.http);
    let stop = Stop::listen()?;
    let running = tokio::spawn(server.run(stop));
    let client = Client::new(&Remote { url: Some(url.clone()), key: Some(key.clone()) }, &Flags::default())?;
    tokio::spawn(receive_events(receiver, client.clone()));
    terminal::heading("\nThe request:");
    terminal::line(&curl(&url, &key));
    show_call(&client, &key, receiver_addr, &dir).await?;
    terminal::line("");
    terminal::line("The server keeps running; stop it with Ctrl-C.");
    running.await?;
    otel::finish(exporter).await;
    Ok(())
}

/// The first start's test key, or on a later one a new key, since the old ones cannot be shown again.
async fn test_key(dir: &DataDir, store: &dyn Store) -> Result<String, Failure> {
    if let Some(keys) = init::first_start(dir, store).await? {
        init::show(&keys);
        return Ok(keys.test_key.expose().clone());
    }
    keys::make(dir, store, KeyClass::Test, "lyrebird demo".into()).await
}

async fn show_call(client: &Client, key: &str, receiver: SocketAddr, dir: &DataDir) -> CommandResult {
    let webhook = json!({ "url": format!("http://{receiver}/events"), "events": EVENTS });
    let webhook = client.post("/v1/webhooks", &webhook).await?;
    terminal::heading("\nThe call, live:");
    let call = client.post("/v1/calls", &serde_json::from_str(ORDER)?).await?;
    let id = text(&call, "id").to_owned();
    let ended = follow(client, &id).await?;
    terminal::heading(&format!("\nThe call is {} ({}).", text(&ended, "status"), text(&ended, "endReason")));
    let recordings = client.get(&format!("/v1/calls/{id}/recordings")).await?;
    for recording in recordings.get("data").and_then(Value::as_array).into_iter().flatten() {
        let file = recording_file(dir, text(recording, "id"));
        terminal::line(&format!("Its recording:  {file}"));
        let header = format!("-H 'Authorization: Bearer {key}'");
        terminal::line(&format!("  as download:  curl {header} -OJ {}", text(recording, "fileUrl")));
    }
    client.delete(&format!("/v1/webhooks/{}", text(&webhook, "id"))).await?;
    Ok(())
}

/// The app behind the demonstration: takes the call's webhooks, and records both sides as soon as it is answered.
async fn receive_events(receiver: TcpListener, client: Client) {
    let take = move |Json(event): Json<Value>| {
        let client = client.clone();
        async move {
            if text(&event, "event") == "calls.answered" {
                let id = event.pointer("/data/call/id").and_then(Value::as_str).unwrap_or_default();
                let path = format!("/v1/calls/{id}/commands");
                if let Err(error) = client.post(&path, &json!({ "type": "start_recording" })).await {
                    terminal::complain(&format!("the recording could not be started: {error}"));
                }
            }
        }
    };
    let _ = axum::serve(receiver, Router::new().fallback(post(take))).await;
}

fn curl(url: &str, key: &str) -> String {
    let body = ORDER.trim_end();
    format!(
        "curl {url}/v1/calls \\\n  -H 'Authorization: Bearer {key}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'"
    )
}

fn recording_file(dir: &DataDir, id: &str) -> String {
    let ksuid = id.trim_start_matches("call_rec_").trim_start_matches("test_");
    let uuid = model::RecordingId::from_ksuid(ksuid).map(|id| id.to_string()).unwrap_or_default();
    dir.blobs().join("recordings").join(format!("{uuid}.wav")).display().to_string()
}

/// A demonstration runs beside whatever holds the usual ports.
async fn free_ports_if_taken(config: &mut Config) {
    if TcpListener::bind(config.http.addr).await.is_err() {
        terminal::line(&format!("{} is taken, so the API takes a free port.", config.http.addr));
        config.http.addr.set_port(0);
    }
    if UdpSocket::bind(config.sip.addr).is_err() {
        terminal::line(&format!("{} is taken, so SIP takes a free port.", config.sip.addr));
        config.sip.addr.set_port(0);
    }
}
