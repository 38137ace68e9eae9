//! `lyrebird numbers`: phone numbers of a running server.

use super::CommandResult;
use super::call::text;
use super::simulate::read;
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
        NumbersAction::Add { number, app, trunk, flow } => {
            let flow = flow.as_deref().map(read).transpose()?;
            let body = json!({ "number": number, "appId": app, "trunkId": trunk, "flow": flow });
            terminal::line(&serde_json::to_string_pretty(&client.post("/v1/numbers", &body).await?)?);
        }
        NumbersAction::Flow { id, flow } => {
            let body = json!({ "flow": flow.as_deref().map(read).transpose()? });
            let number = client.put(&format!("/v1/numbers/{id}"), &body).await?;
            terminal::line(&serde_json::to_string_pretty(&number)?);
        }
        NumbersAction::Remove { id } => {
            client.delete(&format!("/v1/numbers/{id}")).await?;
            terminal::line("removed");
        }
    }
    Ok(())
}
