//! Events as this door's webhooks show them (contract §1.13). Pure.

use super::amd::AmdView;
use super::transcriptions::TranscriptionView;
use super::view::{RecordingView, channel, direction, end_reason, seconds, status};
use super::{flow, ids};
use model::call::{Call, CallEnd, CallStatus, EndReason};
use model::event::{CommandOutcome, Event, EventBody, GatherEnd};
use model::flow::Flow;
use model::flow::variable::Variables;
use model::{CallId, LegId, Timestamp};
use ports::{EventRenderer, RenderedEvent};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The events that a webhook can ask for: all of the contract's, so that its clients need no change. Those of
/// voicemail and transcription come once the server has these.
pub(crate) const EVENT_NAMES: &[&str] = &[
    "calls.initiated",
    "calls.ringing",
    "calls.answered",
    "calls.completed",
    "calls.failed",
    "calls.no_answer",
    "calls.participant.joined",
    "calls.participant.left",
    "calls.recording.completed",
    "calls.dtmf.received",
    "calls.gather.completed",
    "calls.command.started",
    "calls.command.completed",
    "calls.voicemail.received",
    "calls.amd.completed",
    "calls.transcription.completed",
];

/// This door's name in [`model::webhook::WebhookEndpoint::door`].
pub(crate) const DOOR: &str = "chirp";

/// The door's rendering of events.
pub fn renderer(public_url: String) -> Arc<dyn EventRenderer> {
    Arc::new(Renderer { public_url })
}

struct Renderer {
    public_url: String,
}

impl EventRenderer for Renderer {
    fn door(&self) -> &'static str {
        DOOR
    }

    fn question(&self, call: &Call, variables: &Variables) -> Option<String> {
        Some(flow::question::question(call, variables))
    }

    fn answer(&self, body: &[u8], variables: &Variables) -> Result<Option<Flow>, String> {
        flow::question::answer(body, variables)
    }

    fn render(&self, event: &Event) -> Option<RenderedEvent> {
        let name = name(&event.body, event.snapshot.status)?;
        let call_id = ids::call(&event.snapshot);
        let id = format!("evt_{call_id}_{}", suffix(name, event));
        let mut call = call(&event.snapshot);
        let mut data = Map::new();
        self.add_particulars(event, &mut call, &mut data);
        data.insert("call".into(), call.into());
        data.insert("app".into(), json!({ "id": ids::app(event.app) }));
        let body = json!({
            "event": name,
            "eventId": id,
            "timestamp": event.at.to_rfc3339_millis(),
            "sequence": event.sequence,
            "requestId": event.snapshot.request_id,
            "data": data,
        });
        Some(RenderedEvent { name: name.to_owned(), id, body: body.to_string(), traits: Vec::new() })
    }
}

impl Renderer {
    fn add_particulars(&self, event: &Event, call: &mut Map<String, Value>, data: &mut Map<String, Value>) {
        match &event.body {
            EventBody::Ended(end) => add_end(call, &event.snapshot, end),
            EventBody::Ringing { early_media } => {
                data.insert("earlyMedia".into(), (*early_media).into());
            }
            EventBody::ParticipantJoined { leg, conference }
            | EventBody::ParticipantLeft { leg, conference } => {
                data.insert("participant".into(), participant(event.call, *leg, conference.as_deref()));
            }
            EventBody::DigitReceived { digit, duration_ms } => {
                let dtmf = json!({ "digit": digit.expose().to_string(), "durationMs": duration_ms });
                data.insert("dtmf".into(), dtmf);
            }
            EventBody::GatherCompleted { command, keys, speech, confidence, ended_by } => {
                let mut gather = json!({
                    "commandId": format!("cmd_{}", command.to_ksuid()),
                    "keys": keys.expose(),
                    "endedBy": gather_end(*ended_by),
                });
                if let (Some(speech), Some(gather)) = (speech, gather.as_object_mut()) {
                    gather.insert("speech".to_owned(), json!(speech));
                    gather.insert("confidence".to_owned(), json!(confidence));
                }
                data.insert("gather".into(), gather);
            }
            EventBody::CommandCompleted { command, name, outcome } => {
                let (status, reason) = command_outcome(outcome);
                let command = json!({
                    "id": format!("cmd_{}", command.to_ksuid()),
                    "name": command_name(name),
                    "status": status,
                    "reason": reason,
                });
                data.insert("command".into(), command);
            }
            EventBody::RecordingCompleted { recording } => {
                let view = RecordingView::new(recording, event.snapshot.mode, &self.public_url);
                data.insert("recording".into(), json!(view));
            }
            EventBody::TranscriptionCompleted { transcription } => {
                data.insert("transcription".into(), json!(TranscriptionView::new(transcription)));
            }
            EventBody::AmdCompleted { .. } | EventBody::AmdGreetingEnded { .. } => {
                data.insert("amd".into(), json!(event.snapshot.amd.as_ref().map(AmdView::new)));
            }
            EventBody::CommandStarted { command, name } => {
                let command = json!({
                    "id": format!("cmd_{}", command.to_ksuid()),
                    "name": command_name(name),
                    "status": "ongoing",
                });
                data.insert("command".into(), command);
            }
            EventBody::Initiated | EventBody::Answered | EventBody::RecordingChanged { .. } => {}
        }
    }
}

/// None: this door has no word for it, or another event tells it.
const fn name(body: &EventBody, status: CallStatus) -> Option<&'static str> {
    Some(match body {
        // The contract knows only the ends of recordings.
        EventBody::RecordingChanged { .. } => return None,
        EventBody::CommandStarted { .. } => "calls.command.started",
        // Who answered is told once, when the app asked to be told.
        EventBody::AmdCompleted { outcome } if outcome.is_announced_later() => return None,
        EventBody::Initiated => "calls.initiated",
        EventBody::Ringing { .. } => "calls.ringing",
        EventBody::Answered => "calls.answered",
        EventBody::ParticipantJoined { .. } => "calls.participant.joined",
        EventBody::ParticipantLeft { .. } => "calls.participant.left",
        EventBody::DigitReceived { .. } => "calls.dtmf.received",
        EventBody::GatherCompleted { .. } => "calls.gather.completed",
        EventBody::CommandCompleted { .. } => "calls.command.completed",
        EventBody::RecordingCompleted { .. } => "calls.recording.completed",
        EventBody::TranscriptionCompleted { .. } => "calls.transcription.completed",
        EventBody::AmdCompleted { .. } | EventBody::AmdGreetingEnded { .. } => "calls.amd.completed",
        EventBody::Ended(_) => match status {
            CallStatus::Completed => "calls.completed",
            CallStatus::NoAnswer => "calls.no_answer",
            _ => "calls.failed",
        },
    })
}

/// The event's name without its family; with its number where a call can have several of the kind.
fn suffix(name: &str, event: &Event) -> String {
    let short = name.strip_prefix("calls.").unwrap_or(name).replace('.', "_");
    match event.body {
        EventBody::Initiated | EventBody::Answered | EventBody::Ended(_) => short,
        _ => format!("{short}_{}", event.sequence),
    }
}

fn call(call: &Call) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("id".into(), ids::call(call).into());
    fields.insert("direction".into(), direction(call.direction).into());
    fields.insert("from".into(), call.from.expose().as_str().into());
    fields.insert("to".into(), call.to.expose().as_str().into());
    fields.insert("fromChannel".into(), channel(call.from_channel).into());
    fields.insert("toChannel".into(), channel(call.to_channel).into());
    fields.insert("metadata".into(), Value::Object(call.metadata.clone()));
    fields
}

/// What an answered call that was hung up is said to have ended with, where no response was exchanged and the side that
/// hung up named no cause: Q.850's own words for it.
const NORMAL_PHRASE: &str = "Normal Clearing";
const NORMAL_Q850: u8 = 16;

fn add_end(fields: &mut Map<String, Value>, call: &Call, end: &CallEnd) {
    let time = |at: Option<Timestamp>| Value::from(at.map(Timestamp::to_rfc3339_millis));
    fields.insert("status".into(), status(call.status).into());
    fields.insert("duration".into(), seconds(call).into());
    fields.insert("endReason".into(), end_reason(end.reason).into());
    fields.insert("startedAt".into(), time(call.started_at));
    fields.insert("answeredAt".into(), time(call.answered_at));
    fields.insert("endedAt".into(), time(call.ended_at));
    fields.insert("sipCode".into(), end.cause.code.into());
    let normal = end.reason == EndReason::Hangup && end.cause.code.is_none();
    let phrase = if normal { NORMAL_PHRASE } else { end.cause.phrase.as_str() };
    let q850 = end.cause.q850.or(normal.then_some(NORMAL_Q850));
    fields.insert("sipReason".into(), phrase.into());
    fields.insert("q850Cause".into(), q850.into());
}

/// A command by the name under which this door takes it.
pub(super) fn command_name(name: &str) -> &str {
    if name == "send_digits" { "send_dtmf" } else { name }
}

/// A party of this call, or the whole of another call that it is connected with.
fn participant(call: CallId, leg: LegId, conference: Option<&str>) -> Value {
    let id = match leg.call == call {
        true => format!("leg_{}", leg.ordinal),
        false => format!("call_{}", leg.call.to_ksuid()),
    };
    match conference {
        Some(name) => json!({ "id": id, "conference": name }),
        None => json!({ "id": id }),
    }
}

const fn gather_end(end: GatherEnd) -> &'static str {
    match end {
        GatherEnd::EndKey => "end_key",
        GatherEnd::KeysMax => "keys_max",
        GatherEnd::Speech => "speech",
        GatherEnd::Timeout => "timeout",
        GatherEnd::Interrupted => "interrupted",
    }
}

fn command_outcome(outcome: &CommandOutcome) -> (&'static str, Option<&str>) {
    match outcome {
        CommandOutcome::Completed => ("completed", None),
        CommandOutcome::Skipped => ("skipped", None),
        CommandOutcome::Cancelled => ("cancelled", None),
        CommandOutcome::Failed { reason } => ("failed", Some(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::call::{Direction, EndSource, Mode};
    use model::leg::ReleaseCause;
    use model::{AppId, IdSource, Pii};

    fn ended_call() -> Call {
        let at = Timestamp::from_millis(1_777_713_247_120);
        let mut ids = IdSource::new(1);
        let (id, app) = (CallId::generate(&mut ids, at), AppId::generate(&mut ids, at));
        let (from, to) = (Pii::new("+4915100000001".into()), Pii::new("+15005550000".into()));
        Call {
            status: CallStatus::Completed,
            started_at: Some(at),
            answered_at: Some(at),
            ended_at: Some(at + std::time::Duration::from_millis(2_600)),
            ..Call::new(id, app, Mode::Test, Direction::Outbound, from, to, at)
        }
    }

    #[test]
    fn an_ended_call_says_how() {
        let call = ended_call();
        let end = CallEnd {
            reason: EndReason::Hangup,
            source: EndSource::Callee,
            cause: ReleaseCause::local("The far side hung up"),
        };
        let event = Event {
            call: call.id,
            app: call.app,
            sequence: 9,
            at: call.created_at,
            body: EventBody::Ended(end),
            snapshot: call,
        };
        let rendered = renderer("http://x".into()).render(&event).unwrap();
        let body: Value = serde_json::from_str(&rendered.body).unwrap();
        assert_eq!(rendered.name, "calls.completed");
        assert!(rendered.id.starts_with("evt_call_test_") && rendered.id.ends_with("_completed"));
        assert_eq!(body["sequence"], 9);
        assert_eq!(body["timestamp"], "2026-05-02T09:14:07.120Z");
        assert_eq!(body["data"]["call"]["duration"], 3);
        let ended = &body["data"]["call"];
        assert_eq!(ended["endReason"], "hangup");
        assert_eq!((&ended["sipReason"], &ended["q850Cause"]), (&json!("Normal Clearing"), &json!(16)));
        assert!(EVENT_NAMES.contains(&rendered.name.as_str()));
    }
}
