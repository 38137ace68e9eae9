//! What a call's events and facts say on its timeline: a line for a person, and a small detail under names that stay,
//! whatever becomes of the domain's own types. Ids stand there as UUIDs; a door spells them its own way.

use crate::core::Core;
use model::call::{Call, CallEnd, EndReason};
use model::event::{CommandOutcome, EventBody};
use model::leg::ReleaseCause;
use model::recording::Recording;
use model::sound::{MediaFact, MediaFigures, RecordFact};
use model::timeline::TimelineKind;
use model::{CallId, LegId};
use serde_json::{Value, json};

/// Notes an event.
pub(super) fn event(core: &Core, call: &Call, body: &EventBody) {
    let (kind, summary, detail) = line(call, body);
    core.note(call.id, kind, summary, detail);
}

fn line(call: &Call, body: &EventBody) -> (TimelineKind, String, Value) {
    let kind = match body {
        EventBody::DigitReceived { .. } => TimelineKind::Dtmf,
        EventBody::GatherCompleted { .. } | EventBody::CommandCompleted { .. } => TimelineKind::Flow,
        EventBody::RecordingCompleted { .. } => TimelineKind::Recording,
        _ => TimelineKind::Call,
    };
    let (summary, detail) = match body {
        EventBody::Initiated => ("accepted".into(), Value::Null),
        EventBody::Ringing { early_media: false } => ("the far side rings".into(), Value::Null),
        EventBody::Ringing { early_media: true } => ("the far side rings, with sound".into(), Value::Null),
        EventBody::Answered => ("answered".into(), Value::Null),
        EventBody::ParticipantJoined { leg } => (format!("party {} joined", leg.ordinal), Value::Null),
        EventBody::ParticipantLeft { leg } => (format!("party {} left", leg.ordinal), Value::Null),
        EventBody::DigitReceived { digit, duration_ms } => {
            (format!("key {} received", digit.expose()), json!({ "durationMs": duration_ms }))
        }
        EventBody::GatherCompleted { command, keys, ended_by } => {
            let detail = json!({ "commandId": command.to_string(), "endedBy": ended_by });
            (format!("gathered \"{}\"", keys.expose()), detail)
        }
        EventBody::CommandCompleted { command, name, outcome } => {
            let (status, reason) = match outcome {
                CommandOutcome::Completed => ("completed", None),
                CommandOutcome::Skipped => ("skipped", None),
                CommandOutcome::Cancelled => ("cancelled", None),
                CommandOutcome::Failed { reason } => ("failed", Some(reason)),
            };
            let command = command.to_string();
            let detail = json!({ "commandId": command, "command": name, "status": status, "reason": reason });
            (format!("{name}: {}", outcome_words(outcome)), detail)
        }
        EventBody::RecordingCompleted { recording } => {
            (format!("recording {}", word(json!(recording.status))), recording_detail(recording))
        }
        EventBody::Ended(end) => (end_words(end), end_detail(call, end)),
    };
    (kind, summary, detail)
}

/// The reason in one word, and what signalling said where that says more.
fn end_words(end: &CallEnd) -> String {
    let reason = word(json!(end.reason));
    match (end.cause.code, end.cause.phrase.as_str()) {
        (Some(code), phrase) if code >= 300 => format!("ended: {reason} ({code} {phrase})"),
        (None, phrase) if end.reason == EndReason::Failed && !phrase.is_empty() => {
            format!("ended: {reason} ({phrase})")
        }
        _ => format!("ended: {reason}"),
    }
}

fn recording_detail(recording: &Recording) -> Value {
    let Recording { id, status, source, duration_ms, bytes, failure, .. } = recording;
    json!({
        "recordingId": id.to_string(),
        "status": status,
        "source": source,
        "durationMs": duration_ms,
        "bytes": bytes,
        "reason": failure,
    })
}

fn end_detail(call: &Call, end: &CallEnd) -> Value {
    let ReleaseCause { code, phrase, q850, retry_after_s } = &end.cause;
    json!({
        "status": call.status,
        "reason": end.reason,
        "source": end.source,
        "code": code,
        "phrase": phrase,
        "q850": q850,
        "retryAfterS": retry_after_s,
    })
}

/// A unit variant, given as JSON (`no_answer`), for a person: `no answer`.
fn word(variant: Value) -> String {
    match variant {
        Value::String(word) => word.replace('_', " "),
        _ => String::new(),
    }
}

fn outcome_words(outcome: &CommandOutcome) -> String {
    match outcome {
        CommandOutcome::Completed => "completed".into(),
        CommandOutcome::Skipped => "skipped, its conditions do not hold".into(),
        CommandOutcome::Cancelled => "cancelled".into(),
        CommandOutcome::Failed { reason } => format!("failed: {reason}"),
    }
}

/// Notes a fact about a leg's sound, if it is worth a line.
pub(super) fn media(core: &Core, leg: LegId, fact: &MediaFact) {
    let (summary, detail) = match fact {
        MediaFact::TimedOut { silent_ms } => (format!("no sound for {silent_ms} ms"), Value::Null),
        MediaFact::Figures(figures) => (figures_words(figures), json!(figures)),
        MediaFact::FirstSound => ("the first sound of the far side arrived".to_owned(), Value::Null),
        MediaFact::PlaybackFinished { played_ms, completed, .. } => {
            let how = if *completed { "to the end" } else { "and cut" };
            (format!("played {played_ms} ms {how}"), Value::Null)
        }
        MediaFact::DigitsSent { .. } => ("keys sent".to_owned(), Value::Null),
        MediaFact::DigitsFailed { reason, .. } => (format!("keys not sent: {reason}"), Value::Null),
        // A key is an event, and voice comes and goes too often.
        MediaFact::Digit { .. } | MediaFact::VoiceStarted | MediaFact::VoiceStopped => return,
    };
    core.note(leg.call, TimelineKind::Media, summary, detail);
}

fn figures_words(figures: &MediaFigures) -> String {
    let span = if figures.total { "whole call" } else { "window" };
    format!(
        "{span}: {} packets received, {} lost, {} sent, jitter {:.1} ms, MOS {:.2}",
        figures.received_packets, figures.lost_packets, figures.sent_packets, figures.jitter_ms, figures.mos
    )
}

/// Notes what became of a recording, unless its event says so.
pub(super) fn record(core: &Core, call: CallId, fact: &RecordFact) {
    if let RecordFact::Started { recording } = fact {
        let detail = json!({ "recordingId": recording.to_string() });
        core.note(call, TimelineKind::Recording, "recording started", detail);
    }
}
