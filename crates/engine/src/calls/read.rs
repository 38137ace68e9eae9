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
use ports::store::{CallFilter, Page, PageRequest, StoredTimelineEntry};
use std::path::PathBuf;

/// Most timeline entries of one answer.
const TIMELINE_LIMIT_MAX: u32 = 2_000;

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
