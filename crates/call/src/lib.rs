//! The brain of a call: pure, `handle` / `poll` / `deadline`, snapshot and restore. Knows no signalling, no HTTP, no SQL
//! and no vendor. See ARCHITECTURE.md.

pub mod check;
pub mod input;
pub mod machine;
pub mod meeting;
pub mod notes;
pub mod output;
pub mod refused;
mod template;

pub use input::Input;
pub use machine::{Machine, Snapshot};
pub use output::{Fetch, FetchId, Output};
pub use refused::Refused;

#[cfg(test)]
mod tests {
    use model::call::{Call, CallStatus, Direction, Mode};
    use model::{AppId, CallId, IdSource, Pii, Timestamp};

    /// A row to speak of.
    pub(crate) fn call() -> Call {
        let (mut ids, now) = (IdSource::new(1), Timestamp::from_millis(1));
        let (id, app) = (CallId::generate(&mut ids, now), AppId::generate(&mut ids, now));
        let (from, to) = (Pii::new("+15550100".into()), Pii::new("+15550101".into()));
        let call = Call::new(id, app, Mode::Test, Direction::Outbound, from, to, now);
        Call { status: CallStatus::InProgress, ..call }
    }
}
