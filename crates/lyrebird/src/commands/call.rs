//! `lyrebird call`: places a call on a running server and follows it live.

use super::CommandResult;
use crate::cli::Call;
use crate::client::{Client, ClientError};
use crate::config::Flags;
use crate::failure::Failure;
use crate::terminal::{self, LiveView};
use serde_json::{Map, Value, json};

/// How long one long poll waits.
const WAIT_MS: u32 = 5_000;
/// The same after a line about the call itself: its row follows at once.
const WAIT_AFTER_NEWS_MS: u32 = 100;
/// Entries of one page of the timeline.
const PAGE: u32 = 500;
/// How long a long poll waits for what comes after the end.
const WAIT_AFTER_END_MS: u32 = 500;
/// Long polls after the call's end, for what still comes: recordings, webhooks.
const POLLS_AFTER_END_MAX: u32 = 8;

/// Runs the command.
pub(crate) async fn run(flags: &Flags, args: Call) -> CommandResult {
    let client = Client::new(&args.remote, flags)?;
    let order = order(&args)?;
    let call = client.post("/v1/calls", &order).await?;
    show(&client, text(&call, "id"), args.detach).await
}

/// Follows a call that was just made to its end, or prints its id alone.
pub(crate) async fn show(client: &Client, id: &str, detach: bool) -> CommandResult {
    if detach {
        terminal::line(id);
        return Ok(());
    }
    terminal::heading(&format!("Call {id}"));
    let ended = follow(client, id).await?;
    Ok(report(client, &ended).await?)
}

fn order(args: &Call) -> Result<Value, Failure> {
    let mut order = Map::new();
    order.insert("from".into(), args.from.as_str().into());
    order.insert("to".into(), args.to.as_str().into());
    if let Some(metadata) = &args.metadata {
        order.insert(
            "metadata".into(),
            serde_json::from_str(metadata).map_err(|error| format!("--metadata is not JSON: {error}"))?,
        );
    }
    let flow = match (&args.flow, &args.say) {
        (Some(file), _) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("the flow {} cannot be read: {error}", file.display()))?;
            Some(serde_json::from_str(&text).map_err(|error| format!("the flow is not JSON: {error}"))?)
        }
        (None, Some(words)) => Some(json!([{"command": "say", "text": words}, {"command": "hangup"}])),
        (None, None) => None,
    };
    if let Some(flow) = flow {
        order.insert("flow".into(), flow);
    }
    Ok(Value::Object(order))
}

/// Prints the call's timeline as it grows, until the call and its recordings are over. Returns the ended call.
pub(crate) async fn follow(client: &Client, id: &str) -> Result<Value, ClientError> {
    let mut view = LiveView::default();
    let mut after = 0;
    let mut polls_after_end = 0;
    let mut wait_ms = WAIT_MS;
    loop {
        let call = client.get(&format!("/v1/calls/{id}")).await?;
        let ended = call.get("endedAt").is_some_and(|at| !at.is_null());
        if ended {
            wait_ms = WAIT_AFTER_END_MS;
        }
        let path = format!("/v1/calls/{id}/timeline?after={after}&limit={PAGE}&waitMs={wait_ms}");
        let page = client.get(&path).await?;
        let entries = page.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let news = entries.last().is_some_and(|entry| text(entry, "kind") == "call");
        wait_ms = if news { WAIT_AFTER_NEWS_MS } else { WAIT_MS };
        for entry in entries {
            after = entry.get("index").and_then(Value::as_u64).unwrap_or(after);
            view.show(entry);
        }
        if ended {
            polls_after_end += 1;
            let settled = entries.is_empty() && recordings_settled(client, id).await?;
            if settled || polls_after_end > POLLS_AFTER_END_MAX {
                return Ok(call);
            }
        }
    }
}

async fn recordings_settled(client: &Client, id: &str) -> Result<bool, ClientError> {
    let list = client.get(&format!("/v1/calls/{id}/recordings")).await?;
    let recordings = list.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(recordings.iter().all(|r| matches!(text(r, "status"), "completed" | "failed")))
}

/// Prints how an ended call went, and its recordings.
pub(crate) async fn report(client: &Client, call: &Value) -> Result<(), ClientError> {
    let seconds = call.get("duration").and_then(Value::as_u64);
    let duration = seconds.map(|s| format!(", {s} s")).unwrap_or_default();
    terminal::heading(&format!("{} ({}{duration})", text(call, "status"), text(call, "endReason")));
    let list = client.get(&format!("/v1/calls/{}/recordings", text(call, "id"))).await?;
    for recording in list.get("data").and_then(Value::as_array).into_iter().flatten() {
        terminal::line(&format!("recording: {}", text(recording, "fileUrl")));
        terminal::line("  (fetch it with the key: curl -H \"Authorization: Bearer $LYREBIRD_KEY\" -OJ …)");
    }
    Ok(())
}

/// A text of an answer, or nothing.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
