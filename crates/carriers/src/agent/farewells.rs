//! The commands that end a leg, where the queue of orders has no room for them: kept beside it, one for each call, so
//! that no end is ever refused. Must not know why a leg ends.

use crate::leg::Command;
use sip::CallKey;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Ends by call; of one call a refusal comes before a hang-up, which is true.
type Ends = BTreeMap<(CallKey, bool), Command>;

/// Ends that wait to be carried out; never more than two for each call that there is.
#[derive(Default)]
pub(crate) struct Farewells {
    waiting: Mutex<Ends>,
    bell: Notify,
}

impl Farewells {
    /// Whether a command ends its leg.
    pub(crate) const fn takes(command: &Command) -> bool {
        matches!(command, Command::HangUp | Command::Reject(_))
    }

    /// Keeps the end of a call; of several alike the first one stands.
    pub(crate) fn keep(&self, key: CallKey, command: Command) {
        let hangs_up = matches!(command, Command::HangUp);
        self.lock().entry((key, hangs_up)).or_insert(command);
        self.bell.notify_one();
    }

    /// Waits until something was kept.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// All that waits.
    pub(crate) fn take(&self) -> impl Iterator<Item = (CallKey, Command)> + use<> {
        std::mem::take(&mut *self.lock()).into_iter().map(|((key, _), command)| (key, command))
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Rejection;

    #[test]
    fn a_call_has_one_end_of_each_kind_and_the_refusal_first() {
        let farewells = Farewells::default();
        for code in [486, 603] {
            farewells.keep(CallKey(2), Command::HangUp);
            farewells.keep(CallKey(1), Command::HangUp);
            farewells.keep(CallKey(2), Command::Reject(Rejection::with_code(code)));
        }
        let code = |command| match command {
            Command::Reject(rejection) => rejection.code,
            _ => 0,
        };
        let taken: Vec<_> = farewells.take().map(|(key, command)| (key.0, code(command))).collect();
        assert_eq!(taken, [(1, 0), (2, 486), (2, 0)]);
        assert_eq!(farewells.take().count(), 0);
    }
}
