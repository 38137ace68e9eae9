//! Where calls of one app meet: its conferences and its queues, by name. Pure: what each call hears of it is returned
//! to be carried there. Knows no call's inside, and no sound.

mod conferences;
mod queues;

pub use conferences::{Conferences, Entry};
pub use queues::Queues;

use model::call::Mode;
use model::meeting::Attendance;
use model::{AppId, CallId};

/// Most conferences, and most queues, of all apps at once.
const PLACES_MAX: usize = 10_000;

/// A conference or a queue. Test calls and live calls never meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whose it is.
    pub app: AppId,
    /// For which calls.
    pub mode: Mode,
    /// Its name within the app.
    pub name: String,
}

/// What is to be told to whom, in this order.
pub type News<F> = Vec<(CallId, Attendance, F)>;

#[cfg(test)]
mod tests {
    use super::Place;
    use model::call::Mode;
    use model::meeting::Attendance;
    use model::{AppId, CallId, IdSource, Timestamp};

    /// The attendance of all calls in tests.
    pub(super) const FIRST: Attendance = Attendance(1);

    /// The call of a number.
    pub(super) fn call(number: u64) -> CallId {
        CallId::generate(&mut IdSource::new(number), Timestamp::from_millis(1_000 + number))
    }

    /// A place of test calls.
    pub(super) fn place(name: &str) -> Place {
        let app = AppId::generate(&mut IdSource::new(1), Timestamp::from_millis(1));
        Place { app, mode: Mode::Test, name: name.to_owned() }
    }
}
