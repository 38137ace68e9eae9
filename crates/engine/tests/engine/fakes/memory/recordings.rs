//! Recordings, as the store finds and deletes them.

use super::MemoryStore;
use model::call::Mode;
use model::{AppId, CallId, RecordingId};
use ports::StoreError;
use ports::store::{Condemned, FoundRecording, Place, RecordingFilter, RecordingStore, RecordingUsage};

#[async_trait::async_trait]
impl RecordingStore for MemoryStore {
    async fn find_recordings(
        &self,
        app: AppId,
        mode: Mode,
        filter: &RecordingFilter,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<FoundRecording>, StoreError> {
        let state = self.read();
        let rows = state.calls.values().filter(|row| (row.call.app, row.call.mode) == (app, mode));
        let mut found: Vec<_> = rows
            .flat_map(|row| row.recordings.values().map(|recording| (recording.clone(), row.call.clone())))
            .map(|(recording, call)| FoundRecording { recording, call })
            .filter(|found| !state.condemned.contains(&found.recording.id))
            .filter(|found| filter.call.is_none_or(|call| call == found.call.id))
            .filter(|found| {
                after.is_none_or(|after| {
                    let place = found.place();
                    (place.at, place.id) < (after.at, after.id)
                })
            })
            .collect();
        found.sort_by_key(|found| std::cmp::Reverse((found.place().at, found.place().id)));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn recording_usage(
        &self,
        _: AppId,
        _: Mode,
        _: Option<CallId>,
    ) -> Result<RecordingUsage, StoreError> {
        Ok(RecordingUsage::default())
    }

    async fn condemn_recording(&self, id: RecordingId) -> Result<Condemned, StoreError> {
        let mut state = self.write()?;
        let found = state.calls.values().find_map(|row| row.recordings.get(&id));
        let found = found.filter(|_| !state.condemned.contains(&id));
        let Some(recording) = found else { return Ok(Condemned::Unknown) };
        if !recording.status.is_final() {
            return Ok(Condemned::Running);
        }
        state.condemned.push(id);
        Ok(Condemned::Now)
    }

    async fn forget_recording(&self, id: RecordingId) -> Result<(), StoreError> {
        let mut state = self.write()?;
        if state.condemned.contains(&id) {
            state.condemned.retain(|other| *other != id);
            state.calls.values_mut().for_each(|row| {
                row.recordings.remove(&id);
            });
        }
        Ok(())
    }

    async fn condemned_recordings(&self, limit: u32) -> Result<Vec<RecordingId>, StoreError> {
        Ok(self.read().condemned.iter().copied().take(limit as usize).collect())
    }
}
