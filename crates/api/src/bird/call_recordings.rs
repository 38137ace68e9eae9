//! Recordings of a live call (contract §2.6): begun, paused, resumed and ended by commands, and shown while they run.

use super::Door;
use super::commands::{CallPath, CommandView, name};
use super::error::BirdError;
use super::options::{self, Options};
use super::page::{PageAsk, PageView};
use super::recordings::{not_found, origin, seconds, status};
use super::scope::{call_of, id, workspace_and_channel};
use super::time::time;
use crate::http::ask::{Ask, PathIds, answer, response};
use crate::http::refusal::Faults;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::call::Call;
use model::flow::{CallCommand, Record, StartRecording, WhichRecording};
use model::recording::{Recording, RecordingEnd};
use model::tenant::Principal;
use model::{CallId, CommandId, Timestamp};
use serde::Serialize;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// Recordings of one page, and how many where nothing is said.
const LIMITS: RangeInclusive<u32> = 1..=1_000;
const LIMIT: u32 = 25;
/// The path of one recording of a call.
type RecordingPath = PathIds<(String, String, String, String)>;

/// §2.6's CallRecording. A time that has not come is the zero time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallRecordingView {
    id: Uuid,
    call_id: Uuid,
    channel_id: Uuid,
    status: &'static str,
    origin: &'static str,
    duration: u32,
    stereo: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_cause: Option<&'static str>,
    created_at: String,
    updated_at: String,
    started_at: String,
    ended_at: String,
}

impl CallRecordingView {
    fn new(recording: &Recording, call: &Call) -> Self {
        Self {
            id: recording.id.uuid(),
            call_id: call.id.uuid(),
            channel_id: call.channel().uuid(),
            status: status(recording.status),
            origin: origin(recording.origin),
            duration: seconds(recording.duration_ms.unwrap_or(0).into()),
            stereo: recording.is_stereo(),
            end_cause: recording.ended_by.map(end_cause),
            created_at: time(recording.started_at),
            updated_at: time(recording.changed_at()),
            started_at: time(recording.started_at),
            ended_at: recording.ended_at.map_or_else(zero_time, time),
        }
    }
}

fn zero_time() -> String {
    "0001-01-01T00:00:00Z".to_owned()
}

const fn end_cause(end: RecordingEnd) -> &'static str {
    match end {
        RecordingEnd::Command => "command",
        RecordingEnd::EndKey => "end-key",
        RecordingEnd::Silence => "silence",
        RecordingEnd::LengthMax => "max-length",
        RecordingEnd::Interrupted => "interrupted",
        RecordingEnd::CallEnded => "hangup",
        RecordingEnd::Failed => "failed",
        RecordingEnd::NodeLost => "node-lost",
    }
}

/// The answer to a command that begins one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BegunView {
    command: CommandView,
    recording_id: Uuid,
}

/// `POST …/{callId}/record`: keeps what the far side says, until a key, silence or the length ends it.
pub(crate) async fn record(
    State(door): State<Door>,
    path: CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    let mut faults = Faults::default();
    let command = Options::of_body(ask.fields()?).record(&mut faults).map(CallCommand::Record);
    begin(&door, path, &ask, command, faults).await
}

/// `POST …/{callId}/recordings`: records both sides.
pub(crate) async fn start(State(door): State<Door>, path: CallPath, ask: Ask) -> Result<Response, BirdError> {
    let mut faults = Faults::default();
    let mut fields = ask.fields()?;
    let seconds = faults.keep(fields.integer("maxLength", 1..=Record::LENGTH_MS_MAX / 1_000));
    let stereo = faults.keep(fields.boolean("stereo")).unwrap_or(false);
    faults.extend(fields.unknown());
    let length_ms_max = seconds.map(|seconds| seconds * 1_000);
    let command = CallCommand::StartRecording(StartRecording { stereo, length_ms_max });
    begin(&door, path, &ask, Some(command), faults).await
}

/// The recording bears the id of the command that begins it.
async fn begin(
    door: &Door,
    PathIds((workspace, channel, call)): CallPath,
    ask: &Ask,
    command: Option<CallCommand>,
    faults: Faults,
) -> Result<Response, BirdError> {
    let call = call_of_channel(door, ask.who(), [&workspace, &channel, &call]).await?.id;
    faults.check()?;
    let command = command.ok_or_else(options::unread)?;
    let shown = name(command.name());
    let render = move |id: CommandId, _: &CallCommand| {
        let begun = BegunView { command: CommandView::accepted(id, call, shown), recording_id: id.uuid() };
        response(StatusCode::ACCEPTED, &begun)
    };
    give(door, ask, call, command, &render).await
}

async fn give(
    door: &Door,
    ask: &Ask,
    call: CallId,
    command: CallCommand,
    render: &(dyn Fn(CommandId, &CallCommand) -> ports::store::StoredResponse + Send + Sync),
) -> Result<Response, BirdError> {
    let request_id = Some(ask.caller.request_id.clone());
    Ok(answer(door.engine.command(ask.who(), call, command, request_id, ask.idempotency()?, render).await?))
}

async fn call_of_channel(
    door: &Door,
    who: Principal,
    [workspace, channel, call]: [&str; 3],
) -> Result<Call, BirdError> {
    workspace_and_channel(door, who, workspace, channel).await?;
    Ok(call_of(door, who, channel, call).await?)
}

/// `GET …/{callId}/recordings`: those that run, while the call does.
pub(crate) async fn list(
    State(door): State<Door>,
    PathIds((workspace, channel, call)): CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    let call = call_of_channel(&door, ask.who(), [&workspace, &channel, &call]).await?;
    let mut faults = Faults::default();
    let mut query = ask.query()?;
    let page = PageAsk::take(&mut query, LIMITS, LIMIT, &mut faults);
    faults.of(query.finish());
    faults.check()?;
    let recordings = door.engine.recordings(ask.who(), call.id).await?;
    let running = recordings.iter().filter(|recording| recording.status.is_live());
    let after = |at: Timestamp, id: Uuid| page.after.is_none_or(|place| (at, id) > (place.at, place.id));
    let mut left: Vec<_> =
        running.filter(|recording| after(recording.started_at, recording.id.uuid())).collect();
    if call.status.is_final() {
        left.clear();
    }
    let more = left.len() > page.limit as usize;
    left.truncate(page.limit as usize);
    let last = left.last().filter(|_| more);
    let next = last.map(|last| ports::store::Place { at: last.started_at, id: last.id.uuid() });
    let results = left.iter().map(|recording| CallRecordingView::new(recording, &call)).collect();
    Ok(Json(PageView::new(results, next)).into_response())
}

/// `GET …/{callId}/recordings/{recordingId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathIds((workspace, channel, call, recording)): RecordingPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    let call = call_of_channel(&door, ask.who(), [&workspace, &channel, &call]).await?;
    ask.query()?.finish()?;
    let recording = recording_of(&door, ask.who(), &call, &recording).await?;
    Ok(Json(CallRecordingView::new(&recording, &call)).into_response())
}

async fn recording_of(
    door: &Door,
    who: Principal,
    call: &Call,
    recording: &str,
) -> Result<Recording, BirdError> {
    let recording = door.engine.recording(who, id(recording)?).await?;
    if recording.call == call.id { Ok(recording) } else { Err(not_found().into()) }
}

/// A command to one recording.
type Turn = fn(WhichRecording) -> CallCommand;

/// The statuses that a recording can be given, and the commands that do it.
const TURNS: &[(&str, Turn)] = &[
    ("paused", CallCommand::PauseRecording),
    ("ongoing", CallCommand::ResumeRecording),
    ("completed", CallCommand::StopRecording),
];

/// `PATCH …/{callId}/recordings/{recordingId}`.
pub(crate) async fn update(
    State(door): State<Door>,
    PathIds((workspace, channel, call, recording)): RecordingPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    let call = call_of_channel(&door, ask.who(), [&workspace, &channel, &call]).await?;
    let recording = recording_of(&door, ask.who(), &call, &recording).await?;
    let mut fields = ask.fields()?;
    let mut faults = Faults::default();
    let turn = faults.need("status", fields.choice("status", TURNS));
    faults.extend(fields.unknown());
    faults.check()?;
    let turn = turn.ok_or_else(options::unread)?;
    let which = WhichRecording { recording: Some(recording.id) };
    let command = turn(which);
    let shown = TURNS.iter().find(|(_, turn)| turn(which).name() == command.name());
    let mut view = CallRecordingView::new(&recording, &call);
    view.status = shown.map_or(view.status, |(word, _)| word);
    let body = response(StatusCode::ACCEPTED, &view);
    let render = move |_: CommandId, _: &CallCommand| body.clone();
    give(&door, &ask, call.id, command, &render).await
}
