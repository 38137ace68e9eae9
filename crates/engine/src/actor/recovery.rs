//! Calls whose owner is gone: found at start and whenever a lease runs out, and taken over. Also keeps our own
//! leases alive.

use super::recorder;
use super::road::Road;
use super::supervise::{Beginning, Launch, launch};
use crate::calls::bury_condemned;
use crate::core::Core;
use crate::losses::Losses;
use crate::phones::phone_name;
use model::RecordingId;
use model::call::{Call, Mode};
use model::timeline::TimelineKind;
use ports::store::{Claim, ClaimedCall};
use ports::{Route, StoreError};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// Most calls claimed at once.
const CLAIM_MAX: u32 = 256;
/// How often expired idempotency keys are forgotten, in rounds of the lease task.
const FORGET_EVERY_ROUNDS: u32 = 60;

/// Takes over every call that is nobody's, and finishes or sweeps the spools that were left.
pub(crate) async fn recover(core: &Arc<Core>) -> Result<(), StoreError> {
    let recordings = claim_all(core, core.config.single_node).await?;
    if core.config.single_node {
        match recorder::sweep(core, &recordings).await {
            Ok(left) if left.is_empty() => {}
            Ok(left) => {
                tokio::spawn(recorder::salvage(core.clone(), left));
            }
            Err(error) => tracing::warn!(%error, "the spool directory could not be swept"),
        }
        bury_condemned(core).await?;
    }
    Ok(())
}

/// Until the engine stops: prolongs our leases, takes over calls of dead nodes, reads the trunks that another
/// process may have changed, forgets old idempotency keys.
pub(crate) async fn keep_leases(core: Arc<Core>) {
    let mut stopping = core.stopping();
    let mut round = 0u32;
    let mut losses = Losses::default();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = sleep(core.config.lease / 3) => {}
        }
        round = round.wrapping_add(1);
        if let Err(error) = keep(&core, round).await {
            tracing::warn!(%error, "leases could not be kept");
        }
        if let Some(facts) = losses.fresh(core.mail_dropped.load(Ordering::Relaxed)) {
            tracing::warn!(facts, "facts found their calls' mailboxes full");
        }
    }
}

async fn keep(core: &Arc<Core>, round: u32) -> Result<(), StoreError> {
    core.store.renew_leases(core.node, core.now() + core.config.lease).await?;
    core.trunks.refresh(core.store.as_ref()).await?;
    core.phones.refresh(core.store.as_ref(), &core.trunks).await?;
    if !core.is_draining() {
        claim_all(core, false).await?;
    }
    if round.is_multiple_of(FORGET_EVERY_ROUNDS) {
        core.store.forget_expired(core.now()).await?;
    }
    Ok(())
}

/// Claims until nothing is left; returns the recordings that are being finished.
async fn claim_all(core: &Arc<Core>, regardless_of_lease: bool) -> Result<BTreeSet<RecordingId>, StoreError> {
    let mut recordings = BTreeSet::new();
    loop {
        let now = core.now();
        let claim = Claim {
            node: core.node,
            now,
            until: now + core.config.lease,
            limit: CLAIM_MAX,
            regardless_of_lease,
        };
        let claimed = core.store.claim_calls(claim).await?;
        let full = claimed.len() >= usize::try_from(CLAIM_MAX).unwrap_or(usize::MAX);
        for call in claimed {
            recordings.extend(call.recordings.iter().map(|recording| recording.id));
            take_over(core, call);
        }
        if !full {
            return Ok(recordings);
        }
        // Calls that were taken over end at once; let them, before more come.
        sleep(Duration::from_millis(1)).await;
    }
}

fn take_over(core: &Arc<Core>, claimed: ClaimedCall) {
    let ClaimedCall { call, setup, fence, last_sequence, recordings, handover } = claimed;
    metrics::counter!("lyrebird_calls_taken_over_total").increment(1);
    core.note(call.id, TimelineKind::Call, "taken over from a node that is gone", Value::Null);
    let road = road(core, &call);
    if let Some(handover) = handover.filter(|_| !call.status.is_final()) {
        // Nobody is there any more who could go on talking.
        road.release(handover);
    }
    let beginning = Beginning::Recovered(recordings);
    launch(core, Launch { call, setup, fence, last_sequence, road, beginning });
}

/// How a call that was written before reaches the outside now.
pub(crate) fn road(core: &Core, call: &Call) -> Road {
    match (call.mode, core.trunks.live()) {
        (Mode::Live, Some(live)) => {
            let trunk = || call.trunk.and_then(|trunk| core.trunks.get(trunk)).map(Route::Trunk);
            let phone = || core.phones.named(phone_name(call.to.expose())?).map(Route::Phone);
            Road::Live { carrier: live.clone(), route: trunk().or_else(phone) }
        }
        (Mode::Live, None) => Road::Nowhere,
        (Mode::Test, _) => core.sandbox_road(call),
    }
}
