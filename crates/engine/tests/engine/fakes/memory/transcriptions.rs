//! Transcriptions and their words.

use super::MemoryStore;
use model::call::Mode;
use model::event::{Event, EventBody};
use model::recording::Recording;
use model::speech::Transcript;
use model::transcription::Transcription;
use model::{AppId, Timestamp, TranscriptionId};
use ports::StoreError;
use ports::store::{Place, TranscriptionStore};

/// A transcription, its words, and whether its event is among its call's.
#[derive(Debug, Clone)]
pub(crate) struct WrittenDown {
    pub(crate) row: Transcription,
    pub(crate) words: Option<Transcript>,
    pub(crate) told: bool,
}

#[async_trait::async_trait]
impl TranscriptionStore for MemoryStore {
    async fn create_transcription(&self, transcription: &Transcription) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let one = WrittenDown { row: transcription.clone(), words: None, told: false };
        state.transcriptions.insert(transcription.id, one);
        Ok(())
    }

    async fn update_transcription(
        &self,
        transcription: &Transcription,
        words: Option<&Transcript>,
    ) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let one = state.transcriptions.get_mut(&transcription.id).ok_or(StoreError::NotFound)?;
        one.row = transcription.clone();
        one.words = words.cloned().or_else(|| one.words.take());
        Ok(())
    }

    async fn tell_transcription(&self, id: TranscriptionId, at: Timestamp) -> Result<bool, StoreError> {
        let mut guard = self.write()?;
        let state = &mut *guard;
        let Some(one) = state.transcriptions.get_mut(&id).filter(|one| !one.told) else { return Ok(true) };
        let Some(row) = state.calls.get_mut(&one.row.call) else { return Ok(true) };
        if !row.released {
            return Ok(false);
        }
        one.told = true;
        let sequence = u32::try_from(row.events.len()).unwrap() + 1;
        row.events.push(Event {
            call: row.call.id,
            app: row.call.app,
            sequence,
            at,
            body: EventBody::TranscriptionCompleted { transcription: one.row.clone() },
            snapshot: row.call.clone(),
        });
        state.outbox.push_back((row.call.id, sequence));
        self.log.add("event transcription_completed");
        Ok(true)
    }

    async fn transcription(&self, id: TranscriptionId) -> Result<Option<Transcription>, StoreError> {
        Ok(self.read().transcriptions.get(&id).map(|one| one.row.clone()))
    }

    async fn transcript(&self, id: TranscriptionId) -> Result<Option<Transcript>, StoreError> {
        Ok(self.read().transcriptions.get(&id).and_then(|one| one.words.clone()))
    }

    async fn transcriptions(
        &self,
        app: AppId,
        mode: Mode,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Transcription>, StoreError> {
        let before = |row: &&Transcription| {
            after.is_none_or(|place| (row.created_at, row.id.uuid()) < (place.at, place.id))
        };
        let state = self.read();
        let mut rows: Vec<&Transcription> = state.transcriptions.values().map(|one| &one.row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
        let own = rows.into_iter().filter(|row| (row.app, row.mode) == (app, mode)).filter(before);
        Ok(own.take(limit as usize).cloned().collect())
    }

    async fn unfinished_transcriptions(&self, limit: u32) -> Result<Vec<Transcription>, StoreError> {
        let state = self.read();
        let rows = state.transcriptions.values().map(|one| &one.row);
        Ok(rows.filter(|row| !row.status.is_final()).take(limit as usize).cloned().collect())
    }

    async fn untold_transcriptions(&self, limit: u32) -> Result<Vec<Transcription>, StoreError> {
        let state = self.read();
        let untold = state.transcriptions.values().filter(|one| one.row.status.is_final() && !one.told);
        Ok(untold.take(limit as usize).map(|one| one.row.clone()).collect())
    }

    async fn recordings_to_transcribe(&self, _limit: u32) -> Result<Vec<(Recording, Mode)>, StoreError> {
        Ok(Vec::new())
    }

    async fn delete_transcription(&self, app: AppId, id: TranscriptionId) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let own = state.transcriptions.get(&id).is_some_and(|one| one.row.app == app);
        if own {
            state.transcriptions.remove(&id).map(drop).ok_or(StoreError::NotFound)
        } else {
            Err(StoreError::NotFound)
        }
    }
}
