//! Reading calls, their timelines and recordings. App keys only, and only what is theirs in their own mode.

use crate::engine::Engine;
use crate::fault::{of_store, saying};
use crate::resources::{app, page};
use model::call::Call;
use model::fault::{Fault, FaultCode};
use model::recording::{Recording, RecordingStatus};
use model::tenant::Principal;
use model::{CallId, RecordingId};
use ports::BlobError;
use ports::store::{CallFilter, CallFlow, Page, PageRequest, Place, StoredTimelineEntry};
use std::collections::BTreeMap;
use std::path::PathBuf;

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

    /// A call's recordings, oldest first.
    pub async fn recordings(&self, who: Principal, id: CallId) -> Result<Vec<Recording>, Fault> {
        self.call(who, id).await?;
        self.core.store.recordings(id).await.map_err(of_store)
    }

    /// One recording.
    pub async fn recording(&self, who: Principal, id: RecordingId) -> Result<Recording, Fault> {
        let not_found = || Fault::new(FaultCode::NotFound);
        let (app, _) = app(who)?;
        let found = self.core.store.recording(id).await.map_err(of_store)?;
        let recording = found.filter(|recording| recording.app == app).ok_or_else(not_found)?;
        // The call says the mode.
        self.call(who, recording.call).await.map_err(|fault| match fault.code {
            FaultCode::CallNotFound => not_found(),
            _ => fault,
        })?;
        Ok(recording)
    }

    /// A completed recording and where its file lies.
    pub async fn recording_file(
        &self,
        who: Principal,
        id: RecordingId,
    ) -> Result<(Recording, PathBuf), Fault> {
        let recording = self.recording(who, id).await?;
        if recording.status != RecordingStatus::Completed {
            return Err(saying(FaultCode::NotFound, "The recording has no file (yet)."));
        }
        match self.core.blob.path(&crate::actor::recording_key(id)).await {
            Ok(path) => Ok((recording, path)),
            Err(BlobError::NotFound) => Err(saying(FaultCode::NotFound, "The recording's file is gone.")),
            Err(BlobError::Unavailable(reason)) => {
                tracing::error!(%reason, "a recording's file cannot be read");
                Err(Fault::new(FaultCode::StoreUnavailable))
            }
        }
    }
}
