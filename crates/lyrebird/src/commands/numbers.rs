//! `lyrebird numbers`: phone numbers of a running server.

use super::CommandResult;
use super::call::text;
use crate::cli::{Numbers, NumbersAction};
use crate::client::Client;
use crate::config::Flags;
use crate::terminal;
use serde_json::{Value, json};

/// Runs the command.
pub(crate) async fn run(flags: &Flags, args: Numbers) -> CommandResult {
    let client = Client::new(&args.remote, flags)?;
    match args.action {
        NumbersAction::List => {
            let page = client.get("/v1/numbers?limit=100").await?;
            for number in page.get("data").and_then(Value::as_array).into_iter().flatten() {
                let [id, e164, app, trunk] =
                    ["id", "number", "appId", "trunkId"].map(|name| text(number, name));
                terminal::line(&format!("{id}  {e164}  {app}  {trunk}"));
            }
        }
        NumbersAction::Add { number, app, trunk } => {
            let body = json!({ "number": number, "appId": app, "trunkId": trunk });
            terminal::line(&serde_json::to_string_pretty(&client.post("/v1/numbers", &body).await?)?);
        }
        NumbersAction::Remove { id } => {
            client.delete(&format!("/v1/numbers/{id}")).await?;
            terminal::line("removed");
        }
    }
    Ok(())
}
