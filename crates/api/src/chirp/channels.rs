//! `/v1/channels`: voice channels, each with its number and what it does with calls that come in. Our addition to the
//! contract; app keys, each in its own mode.

use super::calls::app_scope;
use super::error::ChirpError;
use super::view::ListView;
use super::{Door, flow, ids};
use crate::http::ask::{Ask, PathId, answer, response};
use crate::http::fields::{Fields, invalid};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{NewVoiceChannel, VoiceChannelChange};
use model::VoiceChannelId;
use model::call::Mode;
use model::fault::Fault;
use model::flow::variable::Variables;
use model::tenant::Principal;
use model::voice_channel::VoiceChannel;
use serde_json::{Value, json};

/// Longest URL, in characters.
const URL_CHARS_MAX: usize = 2_048;

/// `POST /v1/channels`.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let mut fields = ask.fields()?;
    let name = fields.text("name", 1..=VoiceChannel::NAME_MAX)?;
    let new = NewVoiceChannel {
        name: fields.required("name", name)?,
        number: fields.text("number", 1..=32)?,
        flow: flow::take(&mut fields, "flow", &Variables::new())?,
        answer_url: fields.text("answerUrl", 1..=URL_CHARS_MAX)?,
    };
    fields.finish()?;
    let render = |channel: &VoiceChannel| response(StatusCode::CREATED, &view(channel));
    Ok(answer(door.engine.create_voice_channel(ask.who(), new, ask.idempotency()?, &render).await?))
}

/// `GET /v1/channels`.
pub(crate) async fn list(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let mut query = ask.query()?;
    let page = query.page()?;
    query.finish()?;
    let channels = door.engine.voice_channels(ask.who(), page).await?;
    let data = channels.items.iter().map(view).collect();
    Ok(Json(ListView { data, total_count: channels.total }).into_response())
}

/// `GET /v1/channels/{channelId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(channel): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let channel = door.engine.voice_channel(ask.who(), ids::parse_voice_channel(&channel)?).await?;
    Ok(Json(view(&channel)).into_response())
}

/// `PATCH /v1/channels/{channelId}`.
pub(crate) async fn update(
    State(door): State<Door>,
    PathId(channel): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let id = ids::parse_voice_channel(&channel)?;
    let mut fields = ask.fields()?;
    let cleared = ["number", "flow", "answerUrl"].map(|name| fields.is_null(name));
    let [no_number, no_flow, no_url] = cleared;
    let change = VoiceChannelChange {
        name: fields.text("name", 1..=VoiceChannel::NAME_MAX)?,
        number: changed(no_number, fields.text("number", 1..=32)?),
        flow: changed(no_flow, flow::take(&mut fields, "flow", &Variables::new())?),
        answer_url: changed(no_url, fields.text("answerUrl", 1..=URL_CHARS_MAX)?),
    };
    fields.finish()?;
    Ok(Json(view(&door.engine.update_voice_channel(ask.who(), id, change).await?)).into_response())
}

/// `DELETE /v1/channels/{channelId}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathId(channel): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    door.engine.delete_voice_channel(ask.who(), ids::parse_voice_channel(&channel)?).await?;
    Ok(Json(json!({ "message": "channel removed" })).into_response())
}

/// What a field of a change says: nothing, `null`, or a value.
#[allow(clippy::option_option, reason = "three things can be said of a field that may be empty")]
fn changed<T>(cleared: bool, given: Option<T>) -> Option<Option<T>> {
    match (cleared, given) {
        (true, given) => Some(given),
        (false, Some(given)) => Some(Some(given)),
        (false, None) => None,
    }
}

/// The channel that a field names.
pub(super) fn take(
    fields: &mut Fields,
    name: &'static str,
    who: Principal,
) -> Result<Option<VoiceChannelId>, Fault> {
    let path = fields.path(name);
    let Some(text) = fields.text(name, 1..=64)? else { return Ok(None) };
    app_scope(who)?;
    ids::parse_voice_channel(&text).map(Some).map_err(|_| invalid(&path, "is no id of a channel"))
}

fn view(channel: &VoiceChannel) -> Value {
    let mode = match channel.mode {
        Mode::Live => "live",
        Mode::Test => "test",
    };
    json!({
        "id": ids::voice_channel(channel.id),
        "appId": ids::app(channel.app),
        "mode": mode,
        "name": channel.name,
        "number": channel.number.as_ref().map(model::E164::as_str),
        "hasFlow": channel.flow.is_some(),
        "answerUrl": channel.answer_url,
        "isDefault": channel.is_default(),
        "createdAt": channel.created_at.to_rfc3339_millis(),
    })
}
