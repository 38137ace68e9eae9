//! What the engine counts for its operator: the names and meanings of all its figures, in one place. Labels are words
//! of ours, never an id, a number or a URL.

use crate::core::Core;
use crate::engine::Engine;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use model::call::{Call, CallEnd, Direction, Mode};
use model::fault::FaultCode;
use model::{CallId, Timestamp};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// Says what the figures mean.
pub(crate) fn describe() {
    describe_gauge!("lyrebird_calls_running", "Calls whose actor runs here.");
    describe_counter!(
        "lyrebird_calls_accepted_total",
        "Calls that were written and started, by direction and mode."
    );
    describe_counter!("lyrebird_calls_refused_total", "Calls that were refused, by the code of the refusal.");
    describe_counter!(
        "lyrebird_calls_ended_total",
        "Calls that ended, by direction, mode, reason and who ended them."
    );
    describe_histogram!("lyrebird_call_duration_seconds", "From answer to end.");
    describe_histogram!(
        "lyrebird_call_dial_seconds",
        "From the API's acceptance of a call to its carrier's."
    );
    describe_histogram!("lyrebird_call_post_dial_delay_seconds", "From dialling to the first ringing.");
    describe_histogram!("lyrebird_call_answer_seconds", "From dialling or arrival to the answer.");
    describe_counter!("lyrebird_call_commands_total", "Commands for calls, by name and outcome.");
    describe_counter!("lyrebird_call_mail_dropped_total", "Facts that found their call's mailbox full.");
    describe_counter!("lyrebird_call_panics_total", "Actors that panicked; each ended one call.");
    describe_counter!("lyrebird_leases_lost_total", "Calls that another node took.");
    describe_counter!("lyrebird_calls_taken_over_total", "Calls found without a living owner.");
    describe_counter!("lyrebird_idempotent_replays_total", "Requests answered with an earlier answer.");
    describe_gauge!("lyrebird_keys_remembered", "Keys whose owner is remembered for a moment.");
    describe_gauge!("lyrebird_timeline_lines_waiting", "Timeline lines that wait for their writer.");
    describe_gauge!("lyrebird_timeline_backlog_lines", "Timeline lines that the store has not taken yet.");
    describe_counter!("lyrebird_timeline_lines_dropped_total", "Timeline lines that were lost.");
    describe_gauge!("lyrebird_timeline_feeds", "Calls that somebody follows live.");
    describe_counter!("lyrebird_webhook_events_total", "Events that were handed to the fan-out.");
    describe_counter!(
        "lyrebird_webhook_deliveries_made_total",
        "Deliveries made of events, one for each endpoint that asked."
    );
    describe_counter!("lyrebird_webhook_deliveries_ended_total", "Deliveries that are over, by state.");
    describe_counter!("lyrebird_webhook_attempts_total", "Attempts to deliver, by outcome.");
    describe_histogram!("lyrebird_webhook_attempt_seconds", "How long an attempt took.");
    describe_gauge!("lyrebird_webhook_attempts_under_way", "Attempts being made.");
    describe_gauge!(
        "lyrebird_webhook_overdue_seconds",
        "How long the oldest due delivery has waited for its attempt."
    );
    describe_gauge!("lyrebird_webhook_failing_endpoints", "Endpoints remembered as failing.");
    describe_counter!("lyrebird_egress_requests_total", "Requests to customers' URLs, by outcome.");
    describe_gauge!("lyrebird_prompt_clips", "Decoded prompts kept.");
    describe_gauge!("lyrebird_prompt_clip_bytes", "Memory of decoded prompts.");
    describe_counter!(
        "lyrebird_prompts_total",
        "Prompts asked for, by whether they were kept, made or failed."
    );
    describe_gauge!("lyrebird_prompts_making", "Prompts being made ready.");
    describe_histogram!(
        "lyrebird_prompt_make_seconds",
        "How long it took until a prompt that was not kept was ready."
    );
    describe_gauge!("lyrebird_draining", "1 while the server takes no new calls.");
}

impl Engine {
    /// Reads levels into the metrics facade; for whoever shows them.
    pub fn sample_figures(&self) {
        let core = &self.core;
        level("lyrebird_calls_running", core.running.len());
        level("lyrebird_draining", usize::from(core.is_draining()));
        level("lyrebird_keys_remembered", core.keys.remembered());
        counter!("lyrebird_call_mail_dropped_total").absolute(core.mail_dropped.load(Ordering::Relaxed));
        core.journal.sample();
        core.prompts.sample();
    }
}

/// Sets a level that is a count.
pub(crate) fn level(name: &'static str, count: usize) {
    gauge!(name).set(count as f64);
}

/// A call was written and is started.
pub(crate) fn accepted(call: &Call) {
    let (direction, mode) = words(call);
    counter!("lyrebird_calls_accepted_total", "direction" => direction, "mode" => mode).increment(1);
}

/// A call was refused.
pub(crate) fn refused(code: FaultCode) {
    counter!("lyrebird_calls_refused_total", "code" => code.as_str()).increment(1);
}

/// A call ended.
pub(crate) fn ended(call: &Call, end: &CallEnd) {
    let (direction, mode) = words(call);
    let [reason, source] = [json!(end.reason), json!(end.source)].map(word);
    counter!("lyrebird_calls_ended_total",
        "direction" => direction, "mode" => mode, "reason" => reason, "source" => source)
    .increment(1);
    if let Some(duration) = call.duration() {
        histogram!("lyrebird_call_duration_seconds", "mode" => mode).record(duration.as_secs_f64());
    }
}

/// The call's carrier has taken it.
pub(crate) fn dialled(call: &Call, now: Timestamp) {
    let (_, mode) = words(call);
    let waited = now.since(call.created_at).as_secs_f64();
    histogram!("lyrebird_call_dial_seconds", "mode" => mode).record(waited);
}

/// It rings for the first time.
pub(crate) fn ringing(call: &Call, now: Timestamp) {
    let (direction, mode) = words(call);
    if direction == "outbound" {
        let since = call.started_at.unwrap_or(call.created_at);
        histogram!("lyrebird_call_post_dial_delay_seconds", "mode" => mode)
            .record(now.since(since).as_secs_f64());
    }
}

/// It was answered.
pub(crate) fn answered(call: &Call, now: Timestamp) {
    let (direction, mode) = words(call);
    let since = call.started_at.unwrap_or(call.created_at);
    histogram!("lyrebird_call_answer_seconds", "direction" => direction, "mode" => mode)
        .record(now.since(since).as_secs_f64());
}

/// A command had its outcome at the call.
pub(crate) fn command(name: &'static str, accepted: bool) {
    let outcome = if accepted { "accepted" } else { "refused" };
    counter!("lyrebird_call_commands_total", "command" => name, "outcome" => outcome).increment(1);
}

/// Its direction and its mode.
pub(crate) fn words(call: &Call) -> (&'static str, &'static str) {
    let direction = match call.direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    };
    let mode = match call.mode {
        Mode::Live => "live",
        Mode::Test => "test",
    };
    (direction, mode)
}

/// The word of a unit variant, as it is written everywhere.
fn word(variant: Value) -> String {
    match variant {
        Value::String(word) => word,
        _ => String::new(),
    }
}

impl Core {
    /// The actor of a call panicked.
    pub(crate) fn count_panic(call: CallId) {
        counter!("lyrebird_call_panics_total").increment(1);
        tracing::error!(%call, "a call's actor panicked; the call is ended");
    }
}
