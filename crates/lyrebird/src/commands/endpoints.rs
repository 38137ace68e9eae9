//! `lyrebird endpoints`: phones that register at a running server.

use super::CommandResult;
use super::call::text;
use crate::cli::{Endpoints, EndpointsAction};
use crate::client::Client;
use crate::config::Flags;
use crate::terminal;
use serde_json::{Map, Value};

/// Runs the command.
pub(crate) async fn run(flags: &Flags, args: Endpoints) -> CommandResult {
    let client = Client::new(&args.remote, flags)?;
    match args.action {
        EndpointsAction::List => {
            let page = client.get("/v1/endpoints?limit=100").await?;
            for endpoint in page.get("data").and_then(Value::as_array).into_iter().flatten() {
                let [id, address, status] = ["id", "address", "status"].map(|name| text(endpoint, name));
                terminal::line(&format!("{id}  {address}  {status}"));
            }
        }
        EndpointsAction::Add { username, app } => {
            let mut body = Map::from_iter([("username".to_owned(), Value::from(username))]);
            body.extend(app.map(|app| ("appId".to_owned(), Value::from(app))));
            if let Ok(password) = std::env::var("LYREBIRD_ENDPOINT_PASSWORD") {
                body.insert("password".into(), password.into());
            }
            let made = client.post("/v1/endpoints", &Value::Object(body)).await?;
            terminal::line(&serde_json::to_string_pretty(&made)?);
        }
        EndpointsAction::Remove { id } => {
            client.delete(&format!("/v1/endpoints/{id}")).await?;
            terminal::line("removed");
        }
    }
    Ok(())
}
