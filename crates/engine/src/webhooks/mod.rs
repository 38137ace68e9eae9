//! Webhooks: events from the outbox become deliveries, deliveries become signed requests, retried by a schedule.
//! Waked by what is written, so nothing waits for a poll.

mod attempt;
mod deliver;
mod fan_out;
mod health;
mod schedule;
mod signature;

use crate::core::Core;
use std::sync::Arc;
use tokio::sync::Notify;

/// Starts fan-out and delivery; they end when the engine stops.
pub(crate) fn start(core: &Arc<Core>) {
    let fresh = Arc::new(Notify::new());
    tokio::spawn(fan_out::run(core.clone(), fresh.clone()));
    tokio::spawn(deliver::run(core.clone(), fresh));
}
