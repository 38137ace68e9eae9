//! Starts actors and sees to it that a panic ends its own call in order, and nothing else.

use super::ledger::{SharedStanding, Standing, lock};
use super::mailbox::{Mail, Mailbox};
use super::road::Road;
use super::run::Actor;
use super::{aftermath, ties};
use crate::core::Core;
use crate::figures;
use crate::panics::caught;
use model::call::{Call, CallSetup};
use model::recording::Recording;
use ports::carrier::IncomingRef;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tracing::Instrument;

/// A call to be run.
pub(crate) struct Launch {
    /// Its row.
    pub(crate) call: Call,
    /// What the machine needs.
    pub(crate) setup: CallSetup,
    /// The fencing number of our lease.
    pub(crate) fence: u64,
    /// The number of its last event.
    pub(crate) last_sequence: u32,
    /// How it reaches the outside.
    pub(crate) road: Road,
    /// How it begins here.
    pub(crate) beginning: Beginning,
}

/// How a call begins in its actor.
pub(crate) enum Beginning {
    /// It was placed: dial.
    Dial,
    /// It arrived: adopt the leg.
    Arrived(IncomingRef),
    /// It was found after its node died, with its recordings that are not final.
    Recovered(Vec<Recording>),
}

/// A mailbox's address and its other end.
pub(super) type Ends = (Mailbox, mpsc::Receiver<Mail>);

/// Starts a call's actor.
pub(crate) fn launch(core: &Arc<Core>, launch: Launch) {
    let ends = Mailbox::new(core);
    let request = launch.call.request_id.as_deref();
    let (direction, mode) = figures::words(&launch.call);
    let end = tracing::field::Empty;
    let span = tracing::info_span!(parent: None, "call", id = %launch.call.id, request, direction, mode, end);
    span.follows_from(tracing::Span::current());
    if core.running.insert(launch.call.id, ends.0.clone()) {
        tokio::spawn(supervise(core.clone(), launch, ends).instrument(span));
    } else {
        tokio::spawn(relieve(core.clone(), launch, ends).instrument(span));
    }
}

/// Starts an actor for a call that runs here under an older claim: another node had it in between, so the older
/// actor can never write again and lets go first.
async fn relieve(core: Arc<Core>, launch: Launch, ends: Ends) {
    let call = launch.call.id;
    while !core.running.insert(call, ends.0.clone()) {
        if let Some(older) = core.running.get(call) {
            older.lose().await;
        }
        core.running.gone(call).await;
    }
    Box::pin(supervise(core, launch, ends)).await;
}

async fn supervise(core: Arc<Core>, launch: Launch, mut ends: Ends) {
    let call = launch.call.id;
    let mut next = Some(launch);
    let mut panics = 0;
    let mut last = None;
    while let Some(launch) = next.take() {
        let standing = standing(&launch);
        last = Some(standing.clone());
        let (setup, fence, road) = (launch.setup.clone(), launch.fence, launch.road.clone());
        let (core_of_actor, standing_of_actor) = (core.clone(), standing.clone());
        let run = async move { Actor::new(core_of_actor, launch, ends, standing_of_actor).run().await };
        if caught(run).await.is_some() {
            break;
        }
        panics += 1;
        Core::count_panic(call);
        let hopeless = panics > 1;
        let parted = standing.clone();
        next = aftermath::clean_up(&core, aftermath::Ruin { setup, fence, road, standing }, hopeless).await;
        ties::tell_parent_of_end(&core, &lock(&parted).row);
        ends = Mailbox::new(&core);
    }
    core.running.remove(call);
    core.tell_followers(call);
    if let Some(standing) = last {
        ties::tell_parent_of_end(&core, &lock(&standing).row);
    }
}

fn standing(launch: &Launch) -> SharedStanding {
    let recordings = match &launch.beginning {
        Beginning::Recovered(recordings) => recordings.as_slice(),
        Beginning::Dial | Beginning::Arrived(_) => &[],
    };
    Arc::new(Mutex::new(Standing {
        row: launch.call.clone(),
        sequence: launch.last_sequence,
        recordings: recordings.iter().map(|recording| (recording.id, recording.clone())).collect(),
        legs: Vec::new(),
    }))
}
