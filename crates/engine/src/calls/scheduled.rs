//! Scheduled calls: started when they are due, after a restart too, and ended where they are withdrawn before. A call
//! waits in the store and nowhere else.

use crate::actor::{self, Beginning, Launch};
use crate::core::Core;
use crate::fault::{of_store, saying};
use crate::figures;
use model::Timestamp;
use model::call::{Call, CallEnd, CallStatus, EndReason, EndSource};
use model::event::{Event, EventBody};
use model::fault::{Fault, FaultCode};
use model::leg::ReleaseCause;
use model::timeline::TimelineKind;
use ports::StoreError;
use ports::store::{ClaimedCall, StartDue};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The longest sleep: another process may have changed what is due.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The wait after a look that failed, or found calls for which their app has no room.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long a call waits for room in its app before it ends as failed.
const ROOM_WITHIN: Duration = Duration::from_secs(60);
/// Calls started in one transaction.
const AT_ONCE: u32 = 64;
/// Event 1 says that the call was accepted.
const SECOND: u32 = 2;

/// Until the engine stops: starts calls when they are due.
pub(crate) async fn keep(core: Arc<Core>) {
    let mut stopping = core.stopping();
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = core.due_wake.notified() => {}
            () = sleep(wait) => {}
        }
        wait = look(&core).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "scheduled calls could not be looked for");
            AGAIN_AFTER
        });
    }
}

/// Starts what is due; how long to wait for what comes next.
async fn look(core: &Arc<Core>) -> Result<Duration, StoreError> {
    if core.is_draining() {
        return Ok(LOOK_EVERY);
    }
    let now = core.now();
    let ask = StartDue { node: core.node, now, until: now + core.config.lease, limit: AT_ONCE };
    let due = core.store.start_due(ask).await?;
    for call in due.started {
        start(core, call);
    }
    let crowded = !due.crowded.is_empty();
    for call in due.crowded {
        if now.since(call.scheduled_for.unwrap_or(now)) > ROOM_WITHIN {
            let phrase = "The app had as many calls at once as it may.";
            end(core, call, CallStatus::Failed, (EndReason::Failed, EndSource::System), phrase).await?;
        }
    }
    let next = core.store.next_due_call().await?.map_or(LOOK_EVERY, |at| at.since(core.now()));
    Ok(if crowded { next.max(AGAIN_AFTER) } else { next }.min(LOOK_EVERY))
}

/// One that comes too late, because no server ran, ends as lost: the machine decides.
fn start(core: &Arc<Core>, claimed: ClaimedCall) {
    let ClaimedCall { mut call, setup, fence, last_sequence, .. } = claimed;
    call.status = CallStatus::Initiated;
    core.note(call.id, TimelineKind::Call, "the scheduled time has come", Value::Null);
    figures::accepted(&call);
    let road = actor::road(core, &call);
    let beginning = Beginning::Recovered(Vec::new());
    actor::launch(core, Launch { call, setup, fence, last_sequence, road, beginning });
}

impl Core {
    /// Ends a call that waits for its time; whether it was still waiting.
    pub(super) async fn withdraw_scheduled(&self, call: Call) -> Result<bool, Fault> {
        let by = (EndReason::Canceled, EndSource::Api);
        end(self, call, CallStatus::Canceled, by, "Withdrawn before its time.").await.map_err(of_store)
    }
}

/// What every other command to a call that waits is told.
pub(super) fn not_started() -> Fault {
    saying(FaultCode::InvalidCallState, "The call waits for its time. It can only be ended until then.")
}

async fn end(
    core: &Core,
    mut row: Call,
    status: CallStatus,
    (reason, source): (EndReason, EndSource),
    phrase: &str,
) -> Result<bool, StoreError> {
    let at: Timestamp = core.now();
    let end = CallEnd { reason, source, cause: ReleaseCause::local(phrase) };
    row.status = status;
    row.ended_at = Some(at);
    row.end = Some(end.clone());
    let event = Event {
        call: row.id,
        app: row.app,
        sequence: SECOND,
        at,
        body: EventBody::Ended(end),
        snapshot: row.clone(),
    };
    let ended = core.store.end_due(&row, &event).await?;
    if ended {
        core.note(row.id, TimelineKind::Call, phrase, Value::Null);
        core.events_written(row.id);
    }
    Ok(ended)
}
