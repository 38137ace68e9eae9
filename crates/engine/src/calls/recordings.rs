//! Recordings as their app has them: found, read, fetched as files, deleted. App keys only, and only what is theirs in
//! their own mode.

use crate::actor::{mp3_key, recording_key, remove_spool};
use crate::core::Core;
use crate::engine::Engine;
use crate::fault::{of_store, saying};
use crate::resources::app;
use model::fault::{Fault, FaultCode};
use model::recording::{Recording, RecordingStatus};
use model::tenant::Principal;
use model::timeline::TimelineKind;
use model::{CallId, RecordingId};
use ports::store::{Condemned, FoundRecording, Place, RecordingFilter, RecordingUsage};
use ports::{BlobError, StoreError};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Most recordings of one page.
const PAGE_MAX: u32 = 99;
/// Condemned recordings that are looked at together.
const CONDEMNED_MAX: u32 = 256;

/// The forms in which a recording's sound can be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioForm {
    /// As it is kept ([`Recording::format`]).
    Kept,
    /// MPEG layer III, made when it is first asked for and kept beside.
    Mp3,
}

impl Engine {
    /// A call's recordings, oldest first.
    pub async fn recordings(&self, who: Principal, id: CallId) -> Result<Vec<Recording>, Fault> {
        self.call(who, id).await?;
        self.core.store.recordings(id).await.map_err(of_store)
    }

    /// The app's recordings of the key's mode, newest first, and where the next page begins.
    pub async fn find_recordings(
        &self,
        who: Principal,
        filter: &RecordingFilter,
        after: Option<Place>,
        limit: u32,
    ) -> Result<(Vec<FoundRecording>, Option<Place>), Fault> {
        let (app, mode) = app(who)?;
        let limit = limit.clamp(1, PAGE_MAX);
        // One more says whether there is another page.
        let found = self.core.store.find_recordings(app, mode, filter, after, limit + 1).await;
        let mut found = found.map_err(of_store)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(FoundRecording::place);
        Ok((found, next))
    }

    /// How much was recorded of the app's calls of the key's mode, or of one of them.
    pub async fn recording_usage(
        &self,
        who: Principal,
        call: Option<CallId>,
    ) -> Result<RecordingUsage, Fault> {
        let (app, mode) = app(who)?;
        self.core.store.recording_usage(app, mode, call).await.map_err(of_store)
    }

    /// One recording.
    pub async fn recording(&self, who: Principal, id: RecordingId) -> Result<Recording, Fault> {
        self.found_recording(who, id).await.map(|found| found.recording)
    }

    /// One recording and its call.
    pub async fn found_recording(&self, who: Principal, id: RecordingId) -> Result<FoundRecording, Fault> {
        let not_found = || Fault::new(FaultCode::NotFound);
        let (app, _) = app(who)?;
        let found = self.core.store.recording(id).await.map_err(of_store)?;
        let recording = found.filter(|recording| recording.app == app).ok_or_else(not_found)?;
        // The call says the mode.
        let call = self.call(who, recording.call).await.map_err(|fault| match fault.code {
            FaultCode::CallNotFound => not_found(),
            _ => fault,
        })?;
        Ok(FoundRecording { recording, call })
    }

    /// A completed recording and where its sound lies in that form.
    pub async fn recording_file(
        &self,
        who: Principal,
        id: RecordingId,
        form: AudioForm,
    ) -> Result<(Recording, PathBuf), Fault> {
        let recording = self.recording(who, id).await?;
        if recording.status != RecordingStatus::Completed {
            return Err(saying(FaultCode::NotFound, "The recording has no file (yet)."));
        }
        let path = match form {
            AudioForm::Kept => self.core.blob.path(&recording_key(id)).await.map_err(of_blob)?,
            AudioForm::Mp3 => mp3(&self.core, id).await?,
        };
        Ok((recording, path))
    }

    /// Deletes a final recording: row and files, also when the server dies meanwhile.
    pub async fn delete_recording(&self, who: Principal, id: RecordingId) -> Result<(), Fault> {
        let recording = self.recording(who, id).await?;
        match self.core.store.condemn_recording(id).await.map_err(of_store)? {
            Condemned::Unknown => return Err(Fault::new(FaultCode::NotFound)),
            Condemned::Running => return Err(Fault::new(FaultCode::RecordingRunning)),
            Condemned::Now => {}
        }
        let detail = json!({ "recordingId": id.to_string() });
        self.core.note(recording.call, TimelineKind::Recording, "recording deleted", detail);
        if let Err(reason) = bury(&self.core, id).await {
            // It is gone for everybody; its files go at the next start.
            tracing::error!(recording = %id, reason, "a deleted recording's files stay for now");
        }
        Ok(())
    }
}

/// Removes what a crash or a full disk left of recordings that were deleted.
pub(crate) async fn bury_condemned(core: &Core) -> Result<(), StoreError> {
    loop {
        let condemned = core.store.condemned_recordings(CONDEMNED_MAX).await?;
        let mut buried = 0;
        for id in &condemned {
            match bury(core, *id).await {
                Ok(()) => buried += 1,
                Err(reason) => {
                    tracing::error!(recording = %id, reason, "a deleted recording's files stay for now");
                }
            }
        }
        if buried == 0 || condemned.len() < CONDEMNED_MAX as usize {
            return Ok(());
        }
    }
}

/// Files first: as long as there is one, its row says so.
async fn bury(core: &Core, id: RecordingId) -> Result<(), String> {
    for key in [recording_key(id), mp3_key(id)] {
        core.blob.remove(&key).await.map_err(|error| error.to_string())?;
    }
    remove_spool(&core.config.spool_dir, id).await.map_err(|error| error.to_string())?;
    core.store.forget_recording(id).await.map_err(|error| error.to_string())
}

/// The mp3 file, made where there is none yet. Whoever asks for the same one meanwhile waits for it, and it is made to
/// its end when nobody waits any more.
async fn mp3(core: &Arc<Core>, id: RecordingId) -> Result<PathBuf, Fault> {
    let key = mp3_key(id);
    match core.blob.path(&key).await {
        Err(BlobError::NotFound) => {}
        there => return there.map_err(of_blob),
    }
    let core = Arc::clone(core);
    let making = tokio::spawn(async move {
        let turn = core.encoding.turn(id);
        let _turn = turn.lock().await;
        match core.blob.path(&key).await {
            Err(BlobError::NotFound) => {}
            there => return there.map_err(of_blob),
        }
        let wav = core.blob.path(&recording_key(id)).await.map_err(of_blob)?;
        let file = core.config.spool_dir.join(format!("{id}.mp3"));
        core.media.encode_mp3(wav, file.clone()).await.map_err(|error| {
            tracing::error!(recording = %id, %error, "a recording cannot be made an mp3 file");
            saying(FaultCode::StoreUnavailable, "The file cannot be made now.")
        })?;
        core.blob.keep(&key, &file).await.map_err(of_blob)?;
        if core.store.recording(id).await.map_err(of_store)?.is_none() {
            // It was deleted meanwhile.
            core.blob.remove(&key).await.map_err(of_blob)?;
        }
        core.blob.path(&key).await.map_err(of_blob)
    });
    making.await.unwrap_or_else(|_| Err(Fault::new(FaultCode::StoreUnavailable)))
}

fn of_blob(error: BlobError) -> Fault {
    match error {
        BlobError::NotFound => saying(FaultCode::NotFound, "The recording's file is gone."),
        BlobError::Unavailable(reason) => {
            tracing::error!(%reason, "a recording's file cannot be read");
            Fault::new(FaultCode::StoreUnavailable)
        }
    }
}
