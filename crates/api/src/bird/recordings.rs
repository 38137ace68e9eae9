//! Recordings of a workspace (contract §2.8): list, one, its sound, deletion, figures.

use super::Door;
use super::error::BirdError;
use super::page::{PageAsk, PageView};
use super::party::{PartyView, parties};
use super::scope::{id, workspace};
use super::time::time;
use super::view::DIRECTIONS;
use crate::http::ask::{Ask, PathId, PathIds};
use crate::http::fields::invalid;
use crate::http::file;
use crate::http::query::Query;
use crate::http::refusal::Faults;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::AudioForm;
use model::call::{Call, Direction};
use model::fault::{Fault, FaultCode};
use model::recording::{Recording, RecordingOrigin, RecordingStatus};
use model::{CallId, RecordingId, VoiceChannelId};
use ports::store::{FoundRecording, RecordingFilter, RecordingUsage};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;
use uuid::Uuid;

/// Recordings of one page, and how many where nothing is said.
const LIMITS: RangeInclusive<u32> = 1..=99;
const LIMIT: u32 = 10;
/// Longest `to` and `from`, in characters.
const ADDRESS_CHARS_MAX: usize = 100;

/// §2.8's recording.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordingView<'a> {
    id: Uuid,
    source: &'static str,
    source_id: Uuid,
    channel_id: Uuid,
    direction: &'static str,
    originator: PartyView<'a>,
    receiver: PartyView<'a>,
    status: &'static str,
    origin: &'static str,
    stereo: bool,
    format: &'static str,
    transcription: bool,
    duration: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    created_at: String,
    updated_at: String,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

impl<'a> RecordingView<'a> {
    /// The recording and what its call adds.
    pub(crate) fn new(found: &'a FoundRecording, public_url: &str) -> Self {
        Self::of(&found.recording, &found.call, public_url)
    }

    /// A recording and its call.
    pub(crate) fn of(recording: &'a Recording, call: &'a Call, public_url: &str) -> Self {
        let (originator, receiver) = parties(call);
        let there = recording.status == RecordingStatus::Completed;
        let (workspace, id) = (call.app, recording.id);
        Self {
            id: id.uuid(),
            source: "call",
            source_id: call.id.uuid(),
            channel_id: call.channel().uuid(),
            direction: direction(call.direction),
            originator,
            receiver,
            status: status(recording.status),
            origin: origin(recording.origin),
            stereo: recording.is_stereo(),
            format: recording.format.name(),
            transcription: recording.transcribe,
            duration: seconds(recording.duration_ms.unwrap_or(0).into()),
            url: there.then(|| format!("{public_url}/workspaces/{workspace}/recordings/{id}.mp3")),
            created_at: time(recording.started_at),
            updated_at: time(recording.changed_at()),
            started_at: time(recording.started_at),
            ended_at: recording.ended_at.map(time),
        }
    }
}

fn direction(direction: Direction) -> &'static str {
    DIRECTIONS.iter().find(|(_, meaning)| *meaning == direction).map_or("", |(word, _)| word)
}

/// The door's word for where a recording stands.
pub(crate) const fn status(status: RecordingStatus) -> &'static str {
    match status {
        RecordingStatus::Recording => "ongoing",
        RecordingStatus::Paused => "paused",
        RecordingStatus::Processing => "completed",
        RecordingStatus::Completed => "available",
        RecordingStatus::Failed => "failed",
    }
}

/// The door's word for who asked for it.
pub(crate) const fn origin(origin: RecordingOrigin) -> &'static str {
    match origin {
        RecordingOrigin::Message => "call-command-record",
        RecordingOrigin::Command => "call-command-record-call",
        RecordingOrigin::Creation => "create-call",
        RecordingOrigin::Bridge => "bridge-call",
    }
}

/// Whole seconds, rounded.
pub(crate) fn seconds(duration_ms: u64) -> u32 {
    u32::try_from(duration_ms.saturating_add(500) / 1_000).unwrap_or(u32::MAX)
}

/// `GET /workspaces/{workspaceId}/recordings`.
pub(crate) async fn list(
    State(door): State<Door>,
    PathId(workspace_id): PathId,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace(ask.who(), &workspace_id)?;
    let mut faults = Faults::default();
    let mut query = ask.query()?;
    let page = PageAsk::take(&mut query, LIMITS, LIMIT, &mut faults);
    let channel: Option<VoiceChannelId> = named(&mut query, "channelId", &mut faults);
    let filter = RecordingFilter {
        id: named(&mut query, "id", &mut faults),
        call: named(&mut query, "sourceId", &mut faults),
        voice_channel: channel.map(VoiceChannelId::uuid),
        direction: faults.keep(query.choice("direction", DIRECTIONS)),
        from: address(&mut query, "from", &mut faults),
        to: address(&mut query, "to", &mut faults),
        started_after: faults.keep(query.time("startAt")),
        started_before: faults.keep(query.time("endAt")),
    };
    faults.of(query.finish());
    faults.check()?;
    let (found, next) = door.engine.find_recordings(ask.who(), &filter, page.after, page.limit).await?;
    let results = found.iter().map(|found| RecordingView::new(found, &door.public_url)).collect();
    Ok(Json(PageView::new(results, next)).into_response())
}

fn named<T: FromStr>(query: &mut Query, name: &str, faults: &mut Faults) -> Option<T> {
    let text = faults.keep(query.text(name))?;
    faults.of(id(&text).map_err(|_: Fault| invalid(name, "must be a UUID")))
}

/// A plus sign that was not escaped arrives as a space.
fn address(query: &mut Query, name: &str, faults: &mut Faults) -> Option<String> {
    let text = faults.keep(query.text(name))?;
    if !(1..=ADDRESS_CHARS_MAX).contains(&text.chars().count()) {
        faults.push(invalid(name, &format!("must be 1 to {ADDRESS_CHARS_MAX} characters long")));
    }
    Some(text.strip_prefix(' ').map_or_else(|| text.clone(), |digits| format!("+{digits}")))
}

/// `GET /workspaces/{workspaceId}/recordings/{recordingId}`, and with `.mp3` or `.wav` its sound.
pub(crate) async fn get(
    State(door): State<Door>,
    PathIds((workspace_id, name)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace(ask.who(), &workspace_id)?;
    ask.query()?.finish()?;
    let forms = [(".mp3", AudioForm::Mp3, "audio/mpeg"), (".wav", AudioForm::Kept, "audio/wav")];
    for (ending, form, media_type) in forms {
        if let Some(bare) = name.strip_suffix(ending) {
            let (_, path) = door.engine.recording_file(ask.who(), id(bare)?, form).await?;
            return Ok(file::file(&path, &name, media_type, &ask).await?);
        }
    }
    let found = door.engine.found_recording(ask.who(), id(&name)?).await?;
    Ok(Json(RecordingView::new(&found, &door.public_url)).into_response())
}

/// `DELETE /workspaces/{workspaceId}/recordings/{recordingId}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathIds((workspace_id, recording)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace(ask.who(), &workspace_id)?;
    let recording: RecordingId = id(&recording)?;
    door.engine.delete_recording(ask.who(), recording).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /workspaces/{workspaceId}/recording-metrics`. All of them fit into one page.
pub(crate) async fn metrics(
    State(door): State<Door>,
    PathId(workspace_id): PathId,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace(ask.who(), &workspace_id)?;
    let mut faults = Faults::default();
    let mut query = ask.query()?;
    PageAsk::take(&mut query, LIMITS, LIMIT, &mut faults);
    let call: Option<CallId> = named(&mut query, "sourceId", &mut faults);
    faults.of(query.finish());
    faults.check()?;
    let usage = door.engine.recording_usage(ask.who(), call).await?;
    Ok(Json(UsageView::new(usage)).into_response())
}

/// What was recorded: how many, seconds, bytes by day.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageView {
    counter: u64,
    duration: u32,
    daily_storage_usage: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

impl UsageView {
    fn new(usage: RecordingUsage) -> Self {
        Self {
            counter: usage.count,
            duration: seconds(usage.duration_ms),
            daily_storage_usage: usage.days.into_iter().collect(),
            updated_at: usage.changed_at.map(time),
        }
    }
}

/// What is no recording of the call is not found, whosever it is.
pub(crate) fn not_found() -> Fault {
    Fault::new(FaultCode::NotFound)
}
