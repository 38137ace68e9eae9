//! `lyrebird calls`: lists calls, or shows one with its timeline.

use super::CommandResult;
use super::call::text;
use crate::cli::Calls;
use crate::client::Client;
use crate::terminal::{self, LiveView};
use serde_json::Value;

/// Runs the command.
pub(crate) async fn run(args: Calls) -> CommandResult {
    let client = Client::new(&args.remote)?;
    match &args.call {
        Some(id) => show(&client, id).await,
        None => list(&client, args.limit).await,
    }
}

async fn list(client: &Client, limit: u32) -> CommandResult {
    let page = client.get(&format!("/v1/calls?limit={limit}")).await?;
    for call in page.get("data").and_then(Value::as_array).into_iter().flatten() {
        let duration =
            call.get("duration").and_then(Value::as_u64).map_or("–".to_owned(), |s| format!("{s} s"));
        terminal::line(&format!(
            "{}  {}  {:<11}  {:>6}  {} → {}",
            text(call, "createdAt"),
            text(call, "id"),
            text(call, "status"),
            duration,
            text(call, "fromAddress"),
            text(call, "toAddress"),
        ));
    }
    let total = page.get("totalCount").and_then(Value::as_u64).unwrap_or_default();
    terminal::line(&format!("{total} in all"));
    Ok(())
}

async fn show(client: &Client, id: &str) -> CommandResult {
    let call = client.get(&format!("/v1/calls/{id}")).await?;
    terminal::line(&serde_json::to_string_pretty(&call)?);
    let mut view = LiveView::default();
    let mut after = 0;
    loop {
        let page = client.get(&format!("/v1/calls/{id}/timeline?after={after}&limit=500")).await?;
        let entries = page.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            after = entry.get("index").and_then(Value::as_u64).unwrap_or(after);
            view.show(entry);
        }
    }
}
