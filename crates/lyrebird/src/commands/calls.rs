//! `lyrebird calls`: lists calls, or shows one: its timeline, live if asked, explained, drawn, captured.

use super::CommandResult;
use super::call::{follow, report, text};
use crate::cli::Calls;
use crate::client::Client;
use crate::config::Flags;
use crate::terminal::{self, LiveView};
use serde_json::Value;
use std::path::Path;

/// Runs the command.
pub(crate) async fn run(flags: &Flags, args: Calls) -> CommandResult {
    let client = Client::new(&args.remote, flags)?;
    let Some(id) = &args.call else { return list(&client, args.limit).await };
    if args.follow {
        let ended = follow(&client, id).await?;
        return Ok(report(&client, &ended).await?);
    }
    if args.explain {
        let words = client.get_as(&format!("/v1/calls/{id}/explain"), "text/plain").await?;
        terminal::line(String::from_utf8_lossy(&words).trim_end());
        return Ok(());
    }
    let faces = [(&args.ladder, "ladder.svg"), (&args.capture, "capture.pcap")];
    if let Some((file, face)) = faces.into_iter().find_map(|(file, face)| Some((file.as_ref()?, face))) {
        return save(&client, &format!("/v1/calls/{id}/{face}"), file).await;
    }
    show(&client, id).await
}

async fn save(client: &Client, path: &str, file: &Path) -> CommandResult {
    let bytes = client.get_as(path, "*/*").await?;
    std::fs::write(file, &bytes).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    terminal::line(&format!("{} ({} bytes)", file.display(), bytes.len()));
    Ok(())
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
