//! Making a call that another call asked for: checked, written and started like any other, so that a flow reaches no
//! further than its app. Nothing rings before its first event is durable.

use super::place::{Fresh, PlaceCall, check, row, setup};
use crate::actor::Beginning;
use crate::core::Core;
use model::CallId;
use model::call::{Call, CallSetup, Direction};
use model::child::ChildSetup;
use model::fault::{Fault, FaultCode};
use ports::store::Created;
use std::sync::Arc;

impl Core {
    /// Makes the call that its parent wants under this id.
    pub(crate) async fn place_child(
        self: &Arc<Self>,
        parent: &Call,
        id: CallId,
        child: ChildSetup,
    ) -> Result<(), Fault> {
        self.takes_calls()?;
        let order = order(parent, &child);
        let way = check(self, parent.app, parent.mode, &order).await?;
        let limit = self.concurrent_calls_max(parent.app).await?;
        let now = self.now();
        let call =
            Call { id, parent: Some(parent.id), ..row(self, &order, parent.app, parent.mode, &way, now) };
        let setup = CallSetup { max_duration_ms: child.max_duration_ms, ..setup(self, id, &order, now) };
        let road = self.road(parent.mode, way.route, &call)?;
        let fresh = Fresh {
            call,
            setup,
            road,
            beginning: Beginning::Dial,
            idempotency: None,
            concurrent_calls_max: limit,
        };
        match fresh.launch(self.clone()).await? {
            Created::ConcurrencyLimit => Err(Fault::new(FaultCode::ConcurrencyLimitExceeded)),
            Created::New { .. } | Created::Replayed(_) | Created::Mismatch => Ok(()),
        }
    }
}

/// What the parent's app would have asked for.
fn order(parent: &Call, child: &ChildSetup) -> PlaceCall {
    let own_number = match parent.direction {
        Direction::Outbound => &parent.from,
        Direction::Inbound => &parent.to,
    };
    let from = child.from.as_ref().unwrap_or(own_number).expose().clone();
    PlaceCall {
        flow: child.flow.clone(),
        variables: child.variables.clone(),
        ring_timeout_ms: Some(child.ring_timeout_ms),
        record: child.record,
        amd: child.amd.clone(),
        notification: child.notification.clone(),
        voice_channel: parent.voice_channel,
        request_id: parent.request_id.clone(),
        ..PlaceCall::new(from, child.to.expose().clone())
    }
}
