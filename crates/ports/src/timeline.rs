//! Where every room writes a call's timeline.

use model::timeline::TimelineEntry;

/// Takes entries without waiting. Bounded: when it is full an entry is dropped and counted.
pub trait Timeline: Send + Sync {
    /// Adds an entry.
    fn note(&self, entry: TimelineEntry);
}
