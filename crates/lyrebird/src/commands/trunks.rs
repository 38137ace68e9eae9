//! `lyrebird trunks`: SIP trunks of a running server.

use super::CommandResult;
use super::call::text;
use crate::cli::{Trunks, TrunksAction};
use crate::client::Client;
use crate::config::Flags;
use crate::terminal;
use serde_json::{Value, json};

/// Where the password is read from, so that it stands in no process list.
const PASSWORD_VARIABLE: &str = "LYREBIRD_TRUNK_PASSWORD";

/// Runs the command.
pub(crate) async fn run(flags: &Flags, args: Trunks) -> CommandResult {
    let client = Client::new(&args.remote, flags)?;
    match args.action {
        TrunksAction::List => {
            let page = client.get("/v1/trunks?limit=100").await?;
            for trunk in page.get("data").and_then(Value::as_array).into_iter().flatten() {
                terminal::line(&line(trunk));
            }
        }
        TrunksAction::Add { name, host, port, transport, register, username, allowed_sources } => {
            let mut trunk = json!({
                "name": name,
                "host": host,
                "port": port,
                "transport": transport,
                "register": register,
                "allowedSources": allowed_sources,
            });
            if let (Some(username), Some(fields)) = (username, trunk.as_object_mut()) {
                let password = std::env::var(PASSWORD_VARIABLE)
                    .map_err(|_| format!("set {PASSWORD_VARIABLE} to the password of {username}"))?;
                fields.insert("username".into(), username.into());
                fields.insert("password".into(), password.into());
            }
            terminal::line(&serde_json::to_string_pretty(&client.post("/v1/trunks", &trunk).await?)?);
        }
        TrunksAction::Remove { id } => {
            client.delete(&format!("/v1/trunks/{id}")).await?;
            terminal::line("removed");
        }
    }
    Ok(())
}

/// A trunk for a person: id, name, where it is, and how its registration stands.
fn line(trunk: &Value) -> String {
    let port = trunk.get("port").and_then(Value::as_u64).map(|port| format!(":{port}")).unwrap_or_default();
    let registration = trunk.get("registration").and_then(|registration| registration.get("state"));
    let registration = registration.and_then(Value::as_str).map(|state| format!("  {state}"));
    format!(
        "{}  {}  {}{port} ({}){}",
        text(trunk, "id"),
        text(trunk, "name"),
        text(trunk, "host"),
        text(trunk, "transport"),
        registration.unwrap_or_default()
    )
}
