//! Time, as the rooms of I/O get it.

use model::Timestamp;

/// A clock that never runs backwards within a process.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
