//! Reading calls and their timelines. App keys only, and only what is theirs in their own mode.

use crate::engine::Engine;
use crate::fault::of_store;
use crate::resources::{app, page};
use model::CallId;
use model::call::Call;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use ports::store::{CallFilter, CallFlow, Page, PageRequest, Place, StoredTimelineEntry};
use std::collections::BTreeMap;

/// Most timeline entries of one answer.
const TIMELINE_LIMIT_MAX: u32 = 2_000;
/// Most calls of one answer.
const CALLS_MAX: u32 = 1_000;

impl Engine {
    /// One call.
    pub async fn call(&self, who: Principal, id: CallId) -> Result<Call, Fault> {
        let (app, mode) = app(who)?;
        let found = self.core.store.call(app, id).await.map_err(of_store)?;
        found.filter(|call| call.mode == mode).ok_or_else(|| Fault::new(FaultCode::CallNotFound))
    }

    /// The app's calls of the key's mode, newest first; the filter's own mode counts for nothing.
    pub async fn calls(
        &self,
        who: Principal,
        filter: CallFilter,
        request: PageRequest,
    ) -> Result<Page<Call>, Fault> {
        let (app, mode) = app(who)?;
        let filter = CallFilter { mode: Some(mode), ..filter };
        self.core.store.calls(app, &filter, page(request)).await.map_err(of_store)
    }

    /// The app's calls of the key's mode, newest first, those before a place only; and where the next part begins, if
    /// there is one. At most `limit` and 1,000.
    pub async fn calls_before(
        &self,
        who: Principal,
        filter: CallFilter,
        place: Option<Place>,
        limit: u32,
    ) -> Result<(Vec<Call>, Option<Place>), Fault> {
        let (app, mode) = app(who)?;
        let filter = CallFilter { mode: Some(mode), ..filter };
        let limit = limit.clamp(1, CALLS_MAX);
        let found = self.core.store.calls_before(app, &filter, place, limit).await.map_err(of_store)?;
        let full = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let last = found.last().filter(|_| full);
        let next = last.map(|call| Place { at: call.created_at, id: call.id.uuid() });
        Ok((found, next))
    }

    /// The flows of those of the calls that have one, and how far they have come.
    pub async fn flows_of(&self, calls: &[Call]) -> Result<BTreeMap<CallId, CallFlow>, Fault> {
        let ids: Vec<_> = calls.iter().map(|call| call.id).collect();
        let flows = self.core.store.call_flows(&ids).await.map_err(of_store)?;
        Ok(flows.into_iter().map(|flow| (flow.call, flow)).collect())
    }

    /// A call's timeline above `after`, in order, up to this moment.
    pub async fn timeline(
        &self,
        who: Principal,
        id: CallId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<StoredTimelineEntry>, Fault> {
        self.call(who, id).await?;
        self.core.journal.flush().await;
        let limit = limit.clamp(1, TIMELINE_LIMIT_MAX);
        self.core.store.timeline(id, after, limit).await.map_err(of_store)
    }
}
