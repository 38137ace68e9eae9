//! The brain of a call: pure, `handle` / `poll` / `deadline`, snapshot and restore. Knows no signalling, no HTTP, no SQL
//! and no vendor. See ARCHITECTURE.md.

pub mod input;
pub mod machine;
pub mod notes;
pub mod output;
pub mod refused;

pub use input::Input;
pub use machine::{Machine, Snapshot};
pub use output::Output;
pub use refused::Refused;

#[cfg(test)]
mod tests {
    use model::call::{Call, CallStatus, Channel, Direction, Mode};
    use model::{AppId, CallId, IdSource, Pii, Timestamp};

    /// A row to speak of.
    pub(crate) fn call() -> Call {
        let (mut ids, now) = (IdSource::new(1), Timestamp::from_millis(1));
        Call {
            id: CallId::generate(&mut ids, now),
            app: AppId::generate(&mut ids, now),
            mode: Mode::Test,
            direction: Direction::Outbound,
            status: CallStatus::InProgress,
            from: Pii::new("+15550100".into()),
            to: Pii::new("+15550101".into()),
            from_channel: Channel::Pstn,
            to_channel: Channel::Pstn,
            trunk: None,
            metadata: serde_json::Map::new(),
            request_id: None,
            notification: None,
            created_at: now,
            started_at: None,
            answered_at: None,
            ended_at: None,
            end: None,
            amd: None,
        }
    }
}
