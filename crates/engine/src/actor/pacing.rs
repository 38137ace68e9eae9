//! A dialling's place in time: waited for before the row says that it began, so that a call whose server dies while it
//! waits is dialled by the next one.

use super::run::{Actor, Dialling};
use model::LegId;
use model::leg::LegEndKind;
use model::timeline::TimelineKind;
use ports::CarrierError;
use serde_json::Value;
use std::future::pending;

/// The leg that is to be dialled, and where it stands.
#[derive(Default)]
pub(super) enum Pacing {
    /// There is none.
    #[default]
    Idle,
    /// It waits for its place in time.
    Waiting(LegId, Dialling),
    /// It has its place.
    Ready(LegId),
}

impl Pacing {
    /// The outcome of the wait under way; waits for ever if there is none. May be dropped and called again.
    pub(super) async fn over(&mut self) -> (LegId, Result<(), CarrierError>) {
        let Self::Waiting(leg, waiting) = self else { return pending().await };
        (*leg, waiting.as_mut().await)
    }
}

impl Actor {
    /// Whether a leg has its place in time; begins to wait for it if not.
    pub(super) fn has_pace(&mut self, leg: LegId) -> bool {
        match &self.pacing {
            Pacing::Ready(ready) if *ready == leg => return true,
            Pacing::Waiting(waiting, _) if *waiting == leg => return false,
            _ => {}
        }
        // What leads nowhere needs no place in time: dialling says so.
        let (Some(route), Ok(carrier)) = (self.road.route(), self.road.carrier().cloned()) else {
            return true;
        };
        self.pacing = Pacing::Waiting(leg, Box::pin(async move { carrier.pace(&route).await }));
        false
    }

    /// A leg's wait is over.
    pub(super) fn paced(&mut self, leg: LegId, result: Result<(), CarrierError>) {
        self.pacing = Pacing::Ready(leg);
        if let Err(error) = result {
            self.withdraw_dial(leg);
            self.core.note(self.call, TimelineKind::Call, format!("not dialled: {error}"), Value::Null);
            self.leg_ended(leg, LegEndKind::Failed, &error.to_string());
        }
    }
}
