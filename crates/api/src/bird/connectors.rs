//! `POST /workspaces/{workspaceId}/connectors`: a voice channel is installed (contract §2.11).

use super::Door;
use super::error::BirdError;
use super::scope::workspace;
use super::time::time;
use crate::http::ask::{Ask, PathId, answer, response};
use crate::http::fields::{Fields, invalid};
use crate::http::refusal::{Faults, Refusal};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::NewVoiceChannel;
use model::voice_channel::VoiceChannel;
use serde_json::{Map, Value, json};

/// The templates that make a voice channel.
const TEMPLATES: &[(&str, ())] = &[("voice", ()), ("voice-messagebird:1", ())];
/// Longest name of the number in `arguments`.
const NUMBER_CHARS_MAX: usize = 32;

/// Makes the channel.
pub(crate) async fn create(
    State(door): State<Door>,
    PathId(workspace_id): PathId,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace(ask.who(), &workspace_id)?;
    let new = read(ask.fields()?)?;
    let render = |channel: &VoiceChannel| response(StatusCode::CREATED, &view(channel));
    Ok(answer(door.engine.create_voice_channel(ask.who(), new, ask.idempotency()?, &render).await?))
}

fn read(mut fields: Fields) -> Result<NewVoiceChannel, Refusal> {
    let mut faults = Faults::default();
    let name = fields.text("name", 1..=VoiceChannel::NAME_MAX);
    let name = faults.need("name", name).unwrap_or_default();
    faults.keep(fields.choice("connectorTemplateRef", TEMPLATES));
    let arguments = faults.keep(fields.object("arguments")).unwrap_or_default();
    let number = number(&arguments, &mut faults);
    for ignored in ["securityArguments", "channelConversationalStatusEnabled", "invitationToken"] {
        // Taken, because clients send them; there is nothing here that they could mean.
        fields.take(ignored);
    }
    faults.extend(fields.unknown());
    faults.check()?;
    Ok(NewVoiceChannel { name, number, flow: None, answer_url: None })
}

/// The number that the channel calls from, under any of the names that it goes by.
fn number(arguments: &Map<String, Value>, faults: &mut Faults) -> Option<String> {
    let found = ["phoneNumber", "number", "identifier"]
        .into_iter()
        .find_map(|name| arguments.get(name).filter(|value| !value.is_null()).map(|value| (name, value)));
    let (name, value) = found?;
    let text = value.as_str().filter(|text| (1..=NUMBER_CHARS_MAX).contains(&text.chars().count()));
    if text.is_none() {
        faults.push(invalid(&format!("arguments.{name}"), "must be a phone number"));
    }
    text.map(str::to_owned)
}

fn view(channel: &VoiceChannel) -> Value {
    let number = channel.number.as_ref().map(model::E164::as_str);
    let mut arguments = Map::new();
    if let Some(number) = number {
        arguments.insert("phoneNumber".into(), number.into());
    }
    json!({
        "id": channel.id.uuid(),
        "workspaceId": channel.app.uuid(),
        "name": channel.name,
        "connectorTemplateRef": "voice",
        "arguments": arguments,
        "channel": { "channelId": channel.id.uuid(), "active": true },
        "createdAt": time(channel.created_at),
        "updatedAt": time(channel.created_at),
    })
}
