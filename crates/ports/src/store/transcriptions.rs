//! Transcriptions of recordings.

use super::{Place, StoreError};
use model::call::Mode;
use model::recording::Recording;
use model::speech::Transcript;
use model::transcription::Transcription;
use model::{AppId, Timestamp, TranscriptionId};

/// Transcriptions and their words.
#[async_trait::async_trait]
pub trait TranscriptionStore: Send + Sync {
    /// Keeps a new one; its recording waits for none any more. `Conflict` if its app has
    /// [`Transcription::UNFINISHED_MAX`] unfinished ones.
    async fn create_transcription(&self, transcription: &Transcription) -> Result<(), StoreError>;

    /// Replaces its row, and keeps its words, if there are any. `NotFound` if it was deleted meanwhile.
    async fn update_transcription(
        &self,
        transcription: &Transcription,
        words: Option<&Transcript>,
    ) -> Result<(), StoreError>;

    /// Appends the event that a finished one is to its call, with the call's row as it is; once. False, and nothing is
    /// written, while the call itself is still being written by whoever runs it.
    async fn tell_transcription(&self, id: TranscriptionId, at: Timestamp) -> Result<bool, StoreError>;

    /// One of them.
    async fn transcription(&self, id: TranscriptionId) -> Result<Option<Transcription>, StoreError>;

    /// Its words, once it has any.
    async fn transcript(&self, id: TranscriptionId) -> Result<Option<Transcript>, StoreError>;

    /// Those of an app and mode, newest first, after a place in that list; at most `limit`.
    async fn transcriptions(
        &self,
        app: AppId,
        mode: Mode,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Transcription>, StoreError>;

    /// Those that are not final, oldest first, at most `limit`.
    async fn unfinished_transcriptions(&self, limit: u32) -> Result<Vec<Transcription>, StoreError>;

    /// Those that are final and whose call has no event of it, oldest first, at most `limit`.
    async fn untold_transcriptions(&self, limit: u32) -> Result<Vec<Transcription>, StoreError>;

    /// Completed recordings whose call's flow wanted them written down and that have no transcription yet, with their
    /// mode; oldest first, at most `limit`.
    async fn recordings_to_transcribe(&self, limit: u32) -> Result<Vec<(Recording, Mode)>, StoreError>;

    /// Removes it and its words. `NotFound` if the app has none.
    async fn delete_transcription(&self, app: AppId, id: TranscriptionId) -> Result<(), StoreError>;
}
