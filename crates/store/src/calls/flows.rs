//! A call's flow and how far its commands have come, read from its setup and its events.

use crate::failure::Failure;
use crate::rows::{column, id, json, parse, uuid};
use model::CallId;
use model::call::CallSetup;
use model::event::EventBody;
use model::flow::Flow;
use ports::StoreError;
use ports::store::{CallFlow, CommandState};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};
use std::collections::BTreeMap;

/// Most calls of one look.
const CALLS_MAX: usize = 1_000;

pub(super) async fn flows(readers: &SqlitePool, calls: &[CallId]) -> Result<Vec<CallFlow>, Failure> {
    let mut found = BTreeMap::new();
    let wanted = |select: &'static str| {
        let mut query = QueryBuilder::<Sqlite>::new(select);
        let mut listed = query.separated(", ");
        for call in calls.iter().take(CALLS_MAX) {
            listed.push_bind(id(call.uuid()));
        }
        query
    };
    let mut setups = wanted("SELECT id, setup FROM calls WHERE id IN (");
    for row in setups.push(")").build().fetch_all(readers).await? {
        let setup: CallSetup = parse(column(&row, "setup")?)?;
        if let Some(flow) = setup.flow {
            let call = CallId::from_uuid(uuid(&row, "id")?);
            found.insert(call, CallFlow { call, flow, states: Vec::new() });
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut events = wanted("SELECT call, json_extract(body, '$.body') AS fact FROM events WHERE call IN (");
    events.push(
        ") AND json_extract(body, '$.body.type') IN ('command_started', 'command_completed') ORDER BY call, sequence",
    );
    for row in events.build().fetch_all(readers).await? {
        let Some(flow) = found.get_mut(&CallId::from_uuid(uuid(&row, "call")?)) else { continue };
        flow.states.extend(state(&row)?);
    }
    Ok(found.into_values().collect())
}

fn state(row: &SqliteRow) -> Result<Option<(model::CommandId, CommandState)>, StoreError> {
    Ok(match parse(column(row, "fact")?)? {
        EventBody::CommandStarted { command, .. } => Some((command, CommandState::Running)),
        EventBody::CommandCompleted { command, outcome, .. } => Some((command, CommandState::Over(outcome))),
        _ => None,
    })
}

/// Another flow takes the place of a call's.
pub(super) async fn replace(db: &mut SqliteConnection, call: CallId, flow: &Flow) -> Result<(), Failure> {
    let done = sqlx::query("UPDATE calls SET setup = json_set(setup, '$.flow', json(?)) WHERE id = ?")
        .bind(json(flow)?)
        .bind(id(call.uuid()))
        .execute(db)
        .await?;
    if done.rows_affected() == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
}
