//! A recording is encoded once however many want it: whoever comes while that is under way waits for its turn, and then
//! finds it done.

use model::RecordingId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What is being encoded; as many entries as there is work under way.
#[derive(Debug, Default)]
pub(crate) struct Encoding(Mutex<HashMap<RecordingId, Weak<tokio::sync::Mutex<()>>>>);

impl Encoding {
    /// The lock that whoever works on this one holds.
    pub(crate) fn turn(&self, id: RecordingId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&id).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(id, Arc::downgrade(&turn));
        turn
    }
}
