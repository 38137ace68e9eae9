//! Timelines.

use super::StoreError;
use model::CallId;
use model::timeline::TimelineEntry;

/// An entry with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTimelineEntry {
    /// Its place in the call's timeline, from 1; entries dropped for the limit leave no gap.
    pub index: u32,
    /// The entry.
    pub entry: TimelineEntry,
}

/// Timelines.
#[async_trait::async_trait]
pub trait TimelineStore: Send + Sync {
    /// Appends entries of any calls, each after what its call has; those beyond
    /// [`model::timeline::TIMELINE_ENTRIES_MAX`] are dropped.
    async fn append_timeline(&self, entries: Vec<TimelineEntry>) -> Result<(), StoreError>;

    /// The entries of a call with places above `after`, in order, at most `limit`.
    async fn timeline(
        &self,
        call: CallId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<StoredTimelineEntry>, StoreError>;
}
