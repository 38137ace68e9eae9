//! Commands to a live call (contract §2.6), and how this door shows a command, a step of a flow included.

use super::Door;
use super::error::BirdError;
use super::options::{self, Options};
use super::scope::{call_of, workspace_and_channel};
use crate::http::ask::{Ask, PathIds, answer, response};
use crate::http::refusal::Faults;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::event::CommandOutcome;
use model::flow::{CallCommand, Condition, Flow, Hangup, Operator, Ringing, Step};
use model::{CallId, CommandId};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// CommandResponse.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandView {
    id: Uuid,
    call_id: Uuid,
    command: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_flow_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<ConditionView>,
}

#[derive(Serialize)]
struct ConditionView {
    variable: String,
    operator: &'static str,
    value: String,
}

impl CommandView {
    /// A command that was just accepted.
    pub(crate) const fn accepted(id: CommandId, call: CallId, command: &'static str) -> Self {
        Self {
            id: id.uuid(),
            call_id: call.uuid(),
            command,
            status: "accepted",
            call_flow_id: None,
            conditions: Vec::new(),
        }
    }

    /// A step of a flow.
    pub(crate) fn of_step(call: CallId, flow: Uuid, step: &Step, status: &'static str) -> Self {
        Self {
            id: step.id.uuid(),
            call_id: call.uuid(),
            command: name(step.command.name()),
            status,
            call_flow_id: Some(flow),
            conditions: step.conditions.iter().map(ConditionView::new).collect(),
        }
    }
}

impl ConditionView {
    fn new(condition: &Condition) -> Self {
        let operator = match condition.operator {
            Operator::Eq => "eq",
            Operator::Ne => "ne",
            Operator::Contains => "contains",
        };
        Self { variable: condition.variable.name().to_owned(), operator, value: condition.value.clone() }
    }
}

/// A command's name at this door.
pub(crate) fn name(neutral: &str) -> &str {
    match neutral {
        "play_audio" => "playback",
        "start_recording" => "recordings",
        _ => neutral,
    }
}

/// How a command went.
pub(crate) const fn outcome(outcome: &CommandOutcome) -> &'static str {
    match outcome {
        CommandOutcome::Completed => "completed",
        CommandOutcome::Skipped => "skipped",
        CommandOutcome::Cancelled => "cancelled",
        CommandOutcome::Failed { .. } => "failed",
    }
}

/// A flow's id: made of its first step's, which is the call's own; none of a flow without steps.
pub(crate) fn flow_id(flow: &Flow) -> Option<Uuid> {
    let first = flow.steps.first()?;
    let mut hash = Sha256::new();
    hash.update(b"flow");
    hash.update(first.id.uuid().as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let id = digest.first_chunk::<16>()?;
    Some(uuid::Builder::from_random_bytes(*id).into_uuid())
}

/// The three ids of a call's path.
pub(crate) type CallPath = PathIds<(String, String, String)>;

/// A command without options.
async fn bare(door: Door, path: CallPath, ask: Ask, command: CallCommand) -> Result<Response, BirdError> {
    give(door, path, ask, |options, faults| {
        faults.extend(options.take_unknown());
        Some(command)
    })
    .await
}

/// Gives a command that its options describe.
async fn give(
    door: Door,
    PathIds((workspace, channel, call)): CallPath,
    ask: Ask,
    read: impl FnOnce(Options, &mut Faults) -> Option<CallCommand> + Send,
) -> Result<Response, BirdError> {
    workspace_and_channel(&door, ask.who(), &workspace, &channel).await?;
    let call = call_of(&door, ask.who(), &channel, &call).await?.id;
    let mut faults = Faults::default();
    let command = read(Options::of_body(ask.fields()?), &mut faults);
    faults.check()?;
    let command = command.ok_or_else(options::unread)?;
    let shown = name(command.name());
    let render = move |id: CommandId, _: &CallCommand| {
        response(StatusCode::ACCEPTED, &CommandView::accepted(id, call, shown))
    };
    let request_id = Some(ask.caller.request_id.clone());
    Ok(answer(door.engine.command(ask.who(), call, command, request_id, ask.idempotency()?, &render).await?))
}

/// `POST …/{callId}/answer`.
pub(crate) async fn accept(
    State(door): State<Door>,
    path: CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    bare(door, path, ask, CallCommand::Answer).await
}

/// `POST …/{callId}/ringing`.
pub(crate) async fn ring(State(door): State<Door>, path: CallPath, ask: Ask) -> Result<Response, BirdError> {
    bare(door, path, ask, CallCommand::Ring(Ringing::default())).await
}

/// `POST …/{callId}/hangup`.
pub(crate) async fn hang_up(
    State(door): State<Door>,
    path: CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    give(door, path, ask, |options, faults| options.hangup(faults).map(CallCommand::Hangup)).await
}

/// `POST …/{callId}/playback`.
pub(crate) async fn play(State(door): State<Door>, path: CallPath, ask: Ask) -> Result<Response, BirdError> {
    give(door, path, ask, |options, faults| options.playback(faults).map(CallCommand::Playback)).await
}

/// `POST …/{callId}/say`.
pub(crate) async fn say(State(door): State<Door>, path: CallPath, ask: Ask) -> Result<Response, BirdError> {
    give(door, path, ask, |options, faults| options.say(faults).map(CallCommand::Say)).await
}

/// `POST …/{callId}/gather`.
pub(crate) async fn gather(
    State(door): State<Door>,
    path: CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    give(door, path, ask, |options, faults| options.gather(faults).map(CallCommand::Gather)).await
}

/// The order that ends a call, as `PATCH` gives it.
pub(crate) const fn end() -> CallCommand {
    CallCommand::Hangup(Hangup { cause: None })
}
