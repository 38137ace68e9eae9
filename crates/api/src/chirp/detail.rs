//! A timeline entry's detail as this door shows it: ids and commands in the door's own spelling.

use super::ids;
use super::render::command_name;
use model::call::Mode;
use model::{CommandId, RecordingId, WebhookId};
use serde_json::Value;

/// The detail with what the engine wrote as UUIDs and neutral words in this door's spelling.
pub(crate) fn spelled(mut detail: Value, mode: Mode) -> Value {
    let Some(fields) = detail.as_object_mut() else { return detail };
    for (name, value) in fields {
        let Some(text) = value.as_str() else { continue };
        let spelled = match name.as_str() {
            "commandId" => text.parse().ok().map(|id: CommandId| format!("cmd_{}", id.to_ksuid())),
            "recordingId" => text.parse().ok().map(|id: RecordingId| ids::recording(id, mode)),
            "webhook" => text.parse().ok().map(|id: WebhookId| ids::webhook(id, mode)),
            "command" => Some(command_name(text).to_owned()),
            _ => None,
        };
        if let Some(spelled) = spelled {
            *value = spelled.into();
        }
    }
    detail
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{IdSource, Timestamp};
    use serde_json::json;

    #[test]
    fn ids_stand_as_everywhere_at_this_door() {
        let mut ids = IdSource::new(1);
        let recording = RecordingId::generate(&mut ids, Timestamp::default());
        let command = CommandId::generate(&mut ids, Timestamp::default());
        let detail = json!({
            "recordingId": recording.to_string(), "commandId": command.to_string(), "command": "send_digits", "n": 1
        });
        let expected = json!({
            "recordingId": ids::recording(recording, Mode::Test),
            "commandId": format!("cmd_{}", command.to_ksuid()), "command": "send_dtmf", "n": 1
        });
        assert_eq!(spelled(detail, Mode::Test), expected);
        assert_eq!(spelled(json!(["x"]), Mode::Live), json!(["x"]));
    }
}
