//! After a panic: the call's legs are let go of, its end is written from what was durable, and its recordings are
//! finished by a fresh actor.

use super::ledger::{SharedStanding, Standing, lock};
use super::road::Road;
use super::supervise::{Beginning, Launch};
use crate::core::Core;
use model::call::{CallEnd, CallSetup, CallStatus, EndReason, EndSource};
use model::event::{Event, EventBody};
use model::leg::{LegOrder, ReleaseCause};
use model::timeline::TimelineKind;
use ports::StoreError;
use ports::store::CallCommit;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// What a panicked actor leaves.
pub(super) struct Ruin {
    pub(super) setup: CallSetup,
    pub(super) fence: u64,
    pub(super) road: Road,
    pub(super) standing: SharedStanding,
}

/// Ends the call. What is still to be run: its recordings, unless this was the `last` try.
pub(super) async fn clean_up(core: &Arc<Core>, ruin: Ruin, last: bool) -> Option<Launch> {
    let mut standing = lock(&ruin.standing).clone();
    for leg in &standing.legs {
        // A leg that its carrier no longer knows is over already.
        let _ = ruin.road.order(*leg, LegOrder::HangUp);
        core.media.close(*leg);
    }
    let end = end(core, &mut standing);
    let recordings: Vec<_> = standing.recordings.values().cloned().collect();
    let release = last || recordings.is_empty();
    let mut commit = CallCommit {
        call: standing.row.id,
        fence: ruin.fence,
        events: end.into_iter().collect(),
        row: Some(standing.row.clone()),
        recordings: Vec::new(),
        handover: None,
        release,
    };
    write(core, &mut commit).await.ok()?;
    core.events_written(commit.call);
    let last_sequence = commit.events.last().map_or(standing.sequence, |event| event.sequence);
    (!release).then(|| Launch {
        call: standing.row,
        setup: ruin.setup,
        fence: ruin.fence,
        last_sequence,
        road: ruin.road,
        beginning: Beginning::Recovered(recordings),
    })
}

/// The end as an event, if the call has none yet.
fn end(core: &Core, standing: &mut Standing) -> Option<Event> {
    let row = &mut standing.row;
    if row.status.is_final() {
        return None;
    }
    let now = core.now();
    let end = CallEnd {
        reason: EndReason::Failed,
        source: EndSource::System,
        cause: ReleaseCause::local("The server failed while it ran the call."),
    };
    row.status = if row.answered_at.is_some() { CallStatus::Completed } else { CallStatus::Failed };
    row.ended_at = Some(now);
    row.end = Some(end.clone());
    core.note(row.id, TimelineKind::Call, "ended: the server failed while it ran the call", Value::Null);
    let sequence = standing.sequence.saturating_add(1);
    let body = EventBody::Ended(end);
    Some(Event { call: row.id, app: row.app, sequence, at: now, body, snapshot: row.clone() })
}

/// Writes until it is durable. The commit that was under way at the panic may have been written too; then ours
/// follows it.
async fn write(core: &Core, commit: &mut CallCommit) -> Result<(), StoreError> {
    let mut wait = Duration::from_millis(50);
    loop {
        match core.store.commit_call(commit.clone()).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Busy | StoreError::Unavailable(_)) => {
                sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
            Err(StoreError::Sequence { got, expected }) if expected > got => {
                for event in &mut commit.events {
                    event.sequence = expected;
                }
            }
            Err(error) => {
                tracing::error!(call = %commit.call, %error, "a panicked call could not be ended");
                return Err(error);
            }
        }
    }
}
