//! Webhooks: events from the outbox become deliveries, deliveries become signed requests, retried by a schedule.
//! Waked by what is written, so nothing waits for a poll.

mod attempt;
mod deliver;
mod fan_out;
mod health;
mod schedule;
mod signature;

pub(crate) use signature::standard as standard_headers;

use crate::core::Core;
use crate::panics::keep_running;
use std::sync::Arc;
use tokio::sync::Notify;

/// Starts fan-out and delivery; they end when the engine stops.
pub(crate) fn start(core: &Arc<Core>) {
    let fresh = Arc::new(Notify::new());
    let told = fresh.clone();
    keep_running(core, "webhook fan-out", move |core| fan_out::run(core, told.clone()));
    keep_running(core, "webhook delivery", move |core| deliver::run(core, fresh.clone()));
}
