//! Asking for transcriptions, reading and removing them. App keys only, and only what is theirs in their own mode.

use crate::calls::{IdempotencyHeader, Outcome};
use crate::engine::Engine;
use crate::fault::{of_store, saying};
use crate::resources::app;
use model::fault::{Fault, FaultCode};
use model::recording::{Recording, RecordingStatus};
use model::speech::Transcript;
use model::tenant::Principal;
use model::transcription::{Transcription, TranscriptionStatus};
use model::{RecordingId, TranscriptionId};
use ports::store::{Place, Reserved, StoredResponse};
use ports::{StoreError, SttError};

impl Engine {
    /// Has a recording written down. `render` makes the answer; the same bytes answer every repetition with the same
    /// idempotency key.
    pub async fn transcribe(
        &self,
        who: Principal,
        recording: RecordingId,
        locale: String,
        idempotency: Option<IdempotencyHeader>,
        render: &(dyn Fn(&Transcription) -> StoredResponse + Send + Sync),
    ) -> Result<Outcome, Fault> {
        let Some(key) = idempotency.map(|header| header.of(who, &self.core)) else {
            let made = self.begin_transcription(who, recording, locale).await?;
            return Ok(Outcome::New(render(&made)));
        };
        match self.core.store.reserve(&key).await.map_err(of_store)? {
            Reserved::Ours => {}
            Reserved::Replayed(first) => return Ok(Outcome::Replayed(first)),
            Reserved::Mismatch | Reserved::Pending => return Err(Fault::new(FaultCode::IdempotencyConflict)),
        }
        match self.begin_transcription(who, recording, locale).await {
            Ok(made) => {
                let response = render(&made);
                self.core.store.complete(&key, &response).await.map_err(of_store)?;
                Ok(Outcome::New(response))
            }
            Err(fault) => {
                self.core.store.release(&key).await.map_err(of_store)?;
                Err(fault)
            }
        }
    }

    async fn begin_transcription(
        &self,
        who: Principal,
        recording: RecordingId,
        locale: String,
    ) -> Result<Transcription, Fault> {
        let (app, mode) = app(who)?;
        self.core.stt.understands(&locale).map_err(|error| unknown(&error))?;
        let recording = self.recording(who, recording).await?;
        if recording.status != RecordingStatus::Completed {
            return Err(saying(FaultCode::InvalidCallState, "The recording has no file (yet)."));
        }
        let stereo = recording.is_stereo();
        let Recording { id: recording, call, .. } = recording;
        let now = self.core.now();
        let transcription = Transcription {
            id: self.core.with_ids(|ids| TranscriptionId::generate(ids, now)),
            recording,
            call,
            app,
            mode,
            locale,
            status: TranscriptionStatus::Accepted,
            stereo,
            confidence: None,
            failure: None,
            created_at: now,
            updated_at: now,
        };
        match self.core.store.create_transcription(&transcription).await {
            Ok(()) => {}
            Err(StoreError::Conflict(_)) => {
                let message =
                    "The app has as many unfinished transcriptions as it may; wait until some are done.";
                return Err(saying(FaultCode::InvalidCallState, message));
            }
            Err(other) => return Err(of_store(other)),
        }
        self.core.transcription_wake.notify_one();
        Ok(transcription)
    }

    /// Whether an engine of this server understands the language; the fault names `field`.
    pub fn understands(&self, locale: &str, field: &str) -> Result<(), Fault> {
        self.core
            .stt
            .understands(locale)
            .map_err(|error| Fault { param: Some(field.to_owned()), ..unknown(&error) })
    }

    /// One transcription.
    pub async fn transcription(&self, who: Principal, id: TranscriptionId) -> Result<Transcription, Fault> {
        let (app, mode) = app(who)?;
        let found = self.core.store.transcription(id).await.map_err(of_store)?;
        let own = found.filter(|found| found.app == app && found.mode == mode);
        own.ok_or_else(|| Fault::new(FaultCode::NotFound))
    }

    /// One transcription and its words, once it has them.
    pub async fn transcript(
        &self,
        who: Principal,
        id: TranscriptionId,
    ) -> Result<(Transcription, Transcript), Fault> {
        let transcription = self.transcription(who, id).await?;
        let words = self.core.store.transcript(id).await.map_err(of_store)?;
        let missing = || saying(FaultCode::NotFound, "The transcription has no words (yet).");
        words.map(|words| (transcription, words)).ok_or_else(missing)
    }

    /// The app's transcriptions of the key's mode, newest first, after a place in that list; and the place where the
    /// next page begins, if there is one.
    pub async fn transcriptions(
        &self,
        who: Principal,
        after: Option<Place>,
        limit: u32,
    ) -> Result<(Vec<Transcription>, Option<Place>), Fault> {
        let (app, mode) = app(who)?;
        let limit = limit.clamp(1, 99);
        let mut found =
            self.core.store.transcriptions(app, mode, after, limit + 1).await.map_err(of_store)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| Place { at: last.created_at, id: last.id.uuid() });
        Ok((found, next))
    }

    /// Removes a transcription and its words; one that is being worked on is given up.
    pub async fn delete_transcription(&self, who: Principal, id: TranscriptionId) -> Result<(), Fault> {
        let found = self.transcription(who, id).await?;
        self.core.store.delete_transcription(found.app, id).await.map_err(of_store)
    }
}

fn unknown(error: &SttError) -> Fault {
    Fault::field(FaultCode::InvalidField, "locale", error.to_string())
}
