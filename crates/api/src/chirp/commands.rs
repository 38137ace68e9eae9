//! `POST /v1/calls/{callId}/commands` (contract §1.5).

use super::Door;
use super::calls::call_id;
use super::error::ChirpError;
use super::flow;
use crate::http::ask::{Ask, PathId, answer, response};
use crate::http::fields::{Fields, invalid};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::fault::{Fault, FaultCode};
use model::flow::variable::Variables;
use model::flow::{CallCommand, Playback, Record, StartRecording, WhichRecording};
use serde_json::json;

/// Longest reason of a rejection, in characters.
const REASON_CHARS_MAX: usize = 500;
/// Most digits of one command.
const DIGITS_MAX: usize = 64;

/// The command endpoint.
pub(crate) async fn create(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let id = call_id(ask.who(), &call)?;
    let mut fields = ask.fields()?;
    let kind = fields.text("type", 1..=64)?;
    let kind = fields.required("type", kind)?;
    let command = command(&kind, &mut fields)?;
    fields.finish()?;
    let render = |command, _: &CallCommand| {
        let body = json!({
            "callId": call,
            "command": kind,
            "status": "accepted",
            "commandId": format!("cmd_{}", model::CommandId::to_ksuid(command)),
        });
        response(StatusCode::OK, &body)
    };
    let request_id = Some(ask.caller.request_id.clone());
    let outcome =
        door.engine.command(ask.who(), id, command, request_id, ask.idempotency()?, &render).await?;
    Ok(answer(outcome))
}

/// A command by its name, with what it needs of the fields.
pub(crate) fn command(kind: &str, fields: &mut Fields) -> Result<CallCommand, Fault> {
    Ok(match kind {
        "answer" => CallCommand::Answer,
        "reject" => CallCommand::Reject { reason: fields.text("reason", 0..=REASON_CHARS_MAX)? },
        "ringing" => CallCommand::Ring(flow::ringing(fields)?),
        "hangup" => CallCommand::Hangup(flow::hangup(fields)?),
        "send_dtmf" => CallCommand::SendDigits { digits: digits(fields)?.into() },
        "say" => CallCommand::Say(flow::say(fields, "loop")?),
        "play_audio" => CallCommand::Playback(play(fields)?),
        "stop_audio" => CallCommand::StopAudio,
        "gather" => CallCommand::Gather(flow::gather(fields)?),
        "record" => CallCommand::Record(flow::record(fields)?),
        "bridge" => CallCommand::Bridge(Box::new(flow::bridge(fields)?)),
        "transfer" => CallCommand::Transfer(flow::transfer(fields)?),
        "join_conference" => CallCommand::JoinConference(flow::conference(fields)?),
        "leave_conference" => CallCommand::LeaveConference,
        "replace_flow" => {
            let steps = flow::take(fields, "flow", &Variables::new())?;
            CallCommand::ReplaceFlow(fields.required("flow", steps)?)
        }
        "start_recording" => {
            recording_format(fields)?;
            CallCommand::StartRecording(StartRecording {
                stereo: fields.boolean("stereo")?.unwrap_or(false),
                length_ms_max: fields.integer("lengthMsMax", 1_000..=Record::LENGTH_MS_MAX)?,
            })
        }
        "pause_recording" => CallCommand::PauseRecording(WhichRecording::default()),
        "resume_recording" => CallCommand::ResumeRecording(WhichRecording::default()),
        "stop_recording" => CallCommand::stop_recording(),
        _ => {
            let known = "answer, ringing, reject, hangup, send_dtmf, say, play_audio, stop_audio, gather, record, \
                         bridge, transfer, join_conference, leave_conference, replace_flow, start_recording, \
                         pause_recording, resume_recording, stop_recording";
            return Err(invalid("type", &format!("must be one of {known}")));
        }
    })
}

fn digits(fields: &mut Fields) -> Result<String, Fault> {
    let digits = fields.text("digits", 1..=DIGITS_MAX)?;
    let digits = fields.required("digits", digits)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit() || b"*#wW".contains(&byte)) {
        Ok(digits)
    } else {
        Err(invalid("digits", "may hold only 0-9, *, #, w (half a second) and W (one second)"))
    }
}

fn play(fields: &mut Fields) -> Result<Playback, Fault> {
    let url = fields.text("url", 1..=2_048)?;
    let urls = fields.texts("urls", 1..=Playback::MEDIA_MAX, 1..=2_048)?;
    let media = match (url, urls) {
        (Some(url), None) => vec![url],
        (None, Some(urls)) => urls,
        (None, None) => {
            return Err(Fault::field(FaultCode::MissingField, "url", "url or urls is required"));
        }
        (Some(_), Some(_)) => return Err(invalid("urls", "must not be given together with url")),
    };
    let times = fields.integer("loop", 1..=Playback::TIMES_MAX)?.unwrap_or(1);
    Ok(Playback { media, times, gap_ms: 0 })
}

fn recording_format(fields: &mut Fields) -> Result<(), Fault> {
    const FORMATS: &[(&str, bool)] = &[("wav", true), ("mp4", false), ("ogg", false), ("webm", false)];
    match fields.choice("format", FORMATS)? {
        Some(false) => Err(invalid("format", "is not available yet; leave it out or use wav")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn check(body: &Value, expected: Result<&str, &str>) {
        let Value::Object(map) = body.clone() else { panic!("an object") };
        let mut fields = Fields::of_body(map);
        let kind = fields.text("type", 1..=64).unwrap().unwrap();
        let got = command(&kind, &mut fields).and_then(|command| fields.finish().map(|()| command.name()));
        let got = got.map_err(|fault| fault.param.unwrap_or_default());
        assert_eq!(got.as_deref().map_err(String::as_str), expected, "{body}");
    }

    #[test]
    fn commands() {
        check(&json!({"type": "hangup"}), Ok("hangup"));
        check(&json!({"type": "hangup", "cause": "busy"}), Ok("hangup"));
        check(&json!({"type": "hangup", "cause": "bored"}), Err("cause"));
        check(&json!({"type": "ringing", "earlyMedia": true}), Ok("ringing"));
        check(&json!({"type": "gather", "keysMax": 1, "input": "both"}), Ok("gather"));
        check(&json!({"type": "record", "beep": true}), Ok("record"));
        check(&json!({"type": "bridge", "to": "+4930123456"}), Ok("bridge"));
        check(&json!({"type": "transfer", "to": "+4930123456", "mode": "blind"}), Ok("transfer"));
        check(&json!({"type": "join_conference", "name": "team"}), Ok("join_conference"));
        check(&json!({"type": "leave_conference"}), Ok("leave_conference"));
        check(&json!({"type": "replace_flow", "flow": [{"command": "hangup"}]}), Ok("replace_flow"));
        check(&json!({"type": "replace_flow"}), Err("flow"));
        check(
            &json!({"type": "replace_flow", "flow": [{"command": "goto", "label": "x"}]}),
            Err("flow[0].label"),
        );
        check(&json!({"type": "pause_recording"}), Ok("pause_recording"));
        check(&json!({"type": "start_recording", "stereo": true, "lengthMsMax": 999}), Err("lengthMsMax"));
        check(&json!({"type": "answer", "x": 1}), Err("x"));
        check(&json!({"type": "hold"}), Err("type"));
        check(&json!({"type": "reject", "reason": "no"}), Ok("reject"));
        check(&json!({"type": "reject", "reason": "n".repeat(501)}), Err("reason"));
        check(&json!({"type": "send_dtmf", "digits": "12w#W*"}), Ok("send_digits"));
        check(&json!({"type": "send_dtmf", "digits": "12a"}), Err("digits"));
        check(&json!({"type": "send_dtmf"}), Err("digits"));
        check(&json!({"type": "say", "text": "hi", "loop": 2}), Ok("say"));
        check(&json!({"type": "say", "text": ""}), Err("text"));
        check(&json!({"type": "play_audio", "url": "a.wav"}), Ok("play_audio"));
        check(&json!({"type": "play_audio", "url": "a.wav", "urls": ["b.wav"]}), Err("urls"));
        check(&json!({"type": "play_audio", "urls": []}), Err("urls"));
        check(&json!({"type": "play_audio", "url": "a.wav", "loop": 101}), Err("loop"));
        check(&json!({"type": "start_recording", "format": "wav"}), Ok("start_recording"));
        check(&json!({"type": "start_recording", "format": "mp4"}), Err("format"));
        check(&json!({"type": "start_recording", "format": "mp9"}), Err("format"));
    }
}
