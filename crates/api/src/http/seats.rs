//! Seats for answers that last: a bounded number in all, and a bounded number for each owner.

use model::tenant::{Principal, Scope};
use model::{AppId, OrganizationId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most seats in all.
const SEATS_MAX: usize = 1_024;
/// Most seats of one owner.
const SEATS_OF_ONE_MAX: usize = 64;

/// Whose seats they are.
type Owner = (OrganizationId, Option<AppId>);

/// All seats.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seats(Arc<Mutex<HashMap<Owner, usize>>>);

/// One seat, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    owner: Owner,
}

impl Seats {
    /// A seat for whoever asks, if there is one.
    pub(crate) fn take(&self, who: Principal) -> Option<Seat> {
        let app = match who.scope {
            Scope::App(app, _) => Some(app),
            Scope::Organization => None,
        };
        let owner = (who.organization, app);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.get(&owner).copied().unwrap_or(0);
        if all >= SEATS_MAX || own >= SEATS_OF_ONE_MAX {
            return None;
        }
        taken.insert(owner, own + 1);
        Some(Seat { seats: self.clone(), owner })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.owner) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::call::Mode;
    use model::{IdSource, KeyId, Timestamp};

    fn principal(ids: &mut IdSource) -> Principal {
        let now = Timestamp::default();
        let scope = Scope::App(AppId::generate(ids, now), Mode::Live);
        Principal { key: KeyId::generate(ids, now), organization: OrganizationId::generate(ids, now), scope }
    }

    #[test]
    fn one_owner_takes_only_its_own_share() {
        let (seats, mut ids) = (Seats::default(), IdSource::new(1));
        let (greedy, other) = (principal(&mut ids), principal(&mut ids));
        let mut taken: Vec<_> = (0..SEATS_OF_ONE_MAX).map(|_| seats.take(greedy).unwrap()).collect();
        assert!(seats.take(greedy).is_none());
        assert!(seats.take(other).is_some());
        taken.pop();
        assert!(seats.take(greedy).is_some(), "a seat that was left is free");
        drop(taken);
        assert!(seats.0.lock().unwrap().is_empty(), "nothing is kept of who left");
    }
}
