//! Events as this door's webhooks show them (contract §2.12), and its own signature of a delivery (§2.15). Pure.

use super::DOOR;
use super::commands;
use super::recordings::RecordingView;
use super::transcriptions::TranscriptionView;
use super::view::{CallView, amd};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Secret;
use model::call::{Call, Direction};
use model::event::{CommandOutcome, Event, EventBody, GatherEnd};
use ports::{EventRenderer, RenderedEvent, Signing};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// The service that calls belong to.
pub(crate) const SERVICE: &str = "channels";

/// The events that can be subscribed to.
pub(crate) const EVENTS: [&str; 6] = [
    "voice.inbound",
    "voice.outbound",
    "voice.command",
    "voice.recording",
    "voice.transcription",
    "voice.amd",
];

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

    fn render(&self, event: &Event) -> Option<RenderedEvent> {
        let call = &event.snapshot;
        let (name, payload) = self.show(call, &event.body)?;
        let status = super::view::status(call).to_owned();
        let body = json!({ "service": SERVICE, "event": name, "payload": payload });
        Some(RenderedEvent {
            name: name.to_owned(),
            id: id(event).to_string(),
            body: body.to_string(),
            traits: vec![("channelId", call.channel().to_string()), ("status", status)],
        })
    }

    /// `base64(HMAC-SHA-256(key, timestamp "\n" URL "\n" SHA-256(body)))`, the digest being its 32 raw octets.
    fn sign(&self, request: &Signing<'_>) -> Vec<(&'static str, Secret<String>)> {
        let timestamp = request.at.as_secs().to_string();
        let mut text = format!("{timestamp}\n{}\n", request.url).into_bytes();
        text.extend(Sha256::digest(request.body.as_bytes()));
        let signature = STANDARD.encode((request.hmac_sha256)(&text));
        [
            ("messagebird-signature", signature),
            ("messagebird-request-timestamp", timestamp),
            ("messagebird-request-id", request.message_id.to_owned()),
        ]
        .map(|(name, value)| (name, Secret::new(value)))
        .into()
    }
}

impl Renderer {
    /// The event's name here and its payload; none where this door has no word for it.
    fn show(&self, call: &Call, body: &EventBody) -> Option<(&'static str, Value)> {
        let way = match call.direction {
            Direction::Inbound => "voice.inbound",
            Direction::Outbound => "voice.outbound",
        };
        match body {
            EventBody::Initiated | EventBody::Ringing { .. } | EventBody::Answered | EventBody::Ended(_) => {
                Some((way, json!(CallView::new(call))))
            }
            EventBody::CommandStarted { command, name } => {
                Some(("voice.command", command_view(call, command.uuid(), name, "ongoing")))
            }
            // Its result said so before.
            EventBody::CommandCompleted { name, outcome: CommandOutcome::Completed, .. }
                if name == "gather" =>
            {
                None
            }
            EventBody::CommandCompleted { command, name, outcome } => {
                let mut shown = command_view(call, command.uuid(), name, commands::outcome(outcome));
                if let (CommandOutcome::Failed { reason }, Some(fields)) = (outcome, shown.as_object_mut()) {
                    fields.insert("reason".into(), reason.as_str().into());
                }
                Some(("voice.command", shown))
            }
            EventBody::GatherCompleted { ended_by: GatherEnd::Interrupted, .. } => None,
            EventBody::GatherCompleted { command, keys, speech, confidence, .. } => {
                let mut shown = command_view(call, command.uuid(), "gather", "completed");
                let mut result = json!({ "keys": keys.expose() });
                if let (Some(speech), Some(fields)) = (speech, result.as_object_mut()) {
                    fields.insert("speech".into(), speech.expose().as_str().into());
                    fields.extend(confidence.map(|sure| ("confidence".to_owned(), json!(sure))));
                }
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert("result".into(), result);
                }
                Some(("voice.command", shown))
            }
            EventBody::TranscriptionCompleted { transcription } => {
                Some(("voice.transcription", json!(TranscriptionView::new(transcription))))
            }
            EventBody::RecordingCompleted { recording } => {
                let view = RecordingView::of(recording, call, &self.public_url);
                Some(("voice.recording", json!(view)))
            }
            EventBody::AmdCompleted { outcome } if outcome.is_announced_later() => None,
            EventBody::AmdCompleted { .. } | EventBody::AmdGreetingEnded { .. } => {
                let outcome = call.amd.as_ref()?;
                Some(("voice.amd", json!({ "callId": call.id.uuid(), "amdResult": amd(outcome) })))
            }
            _ => None,
        }
    }
}

fn command_view(call: &Call, id: Uuid, name: &str, status: &str) -> Value {
    json!({ "id": id, "callId": call.id.uuid(), "command": commands::name(name), "status": status })
}

/// The delivery's id: made of the call and the event's number, so that it is the same in every attempt.
fn id(event: &Event) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(event.call.uuid().as_bytes());
    hash.update(event.sequence.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let first = digest.first_chunk::<16>().copied().unwrap_or_default();
    uuid::Builder::from_random_bytes(first).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::call::Mode;
    use model::{AppId, CallId, CommandId, IdSource, Pii, Timestamp};

    fn event(body: EventBody) -> Event {
        let at = Timestamp::from_millis(1_777_713_247_120);
        let mut ids = IdSource::new(1);
        let (id, app) = (CallId::generate(&mut ids, at), AppId::generate(&mut ids, at));
        let (from, to) = (Pii::new("+3197058016631".to_owned()), Pii::new("+351910648517".to_owned()));
        let snapshot = Call::new(id, app, Mode::Test, Direction::Outbound, from, to, at);
        Event { call: id, app, sequence: 3, at, body, snapshot }
    }

    fn command() -> CommandId {
        CommandId::generate(&mut IdSource::new(2), Timestamp::default())
    }

    fn check(body: EventBody, name: &str, pointer: &str, expected: &Value) {
        let event = event(body);
        let rendered = renderer("http://x".into()).render(&event).unwrap();
        let shown: Value = serde_json::from_str(&rendered.body).unwrap();
        assert_eq!((shown["service"].as_str(), shown["event"].as_str()), (Some(SERVICE), Some(name)));
        assert_eq!(rendered.name, name);
        assert_eq!(shown.pointer(pointer), Some(expected), "{shown}");
        assert!(EVENTS.contains(&name));
        assert_eq!(rendered.id, renderer("http://x".into()).render(&event).unwrap().id);
    }

    #[test]
    fn calls_are_shown_whole_and_commands_with_their_status() {
        check(
            EventBody::Ringing { early_media: false },
            "voice.outbound",
            "/payload/to",
            &json!("+351910648517"),
        );
        let started = EventBody::CommandStarted { command: command(), name: "play_audio".into() };
        check(started, "voice.command", "/payload/command", &json!("playback"));
        let outcome = CommandOutcome::Failed { reason: "no".into() };
        let failed = EventBody::CommandCompleted { command: command(), name: "say".into(), outcome };
        check(failed, "voice.command", "/payload/reason", &json!("no"));
        let gathered = EventBody::GatherCompleted {
            command: command(),
            keys: Pii::new("12".into()),
            speech: None,
            confidence: None,
            ended_by: GatherEnd::EndKey,
        };
        check(gathered, "voice.command", "/payload/result", &json!({ "keys": "12" }));
    }

    #[test]
    fn what_was_said_already_is_not_said_again() {
        let outcome = CommandOutcome::Completed;
        let over = EventBody::CommandCompleted { command: command(), name: "gather".into(), outcome };
        assert_eq!(renderer("http://x".into()).render(&event(over)), None);
    }

    #[test]
    fn filters_can_ask_for_channel_and_status() {
        let rendered = renderer("http://x".into()).render(&event(EventBody::Initiated)).unwrap();
        let keys: Vec<&str> = rendered.traits.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["channelId", "status"]);
    }
}
