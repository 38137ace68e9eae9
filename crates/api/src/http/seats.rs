//! Seats for answers that last: a bounded number in all, and a bounded number for each owner.

use metrics::gauge;
use model::tenant::{Principal, Scope};
use model::{AppId, OrganizationId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Whose seats they are.
type Owner = (OrganizationId, Option<AppId>);

/// All seats of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    taken: Arc<Mutex<HashMap<Owner, usize>>>,
    /// Under which name the operator sees how many are taken.
    figure: &'static str,
    all_max: usize,
    own_max: usize,
}

/// One seat, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    owner: Owner,
}

impl Seats {
    /// So many seats in all, and so many of one owner.
    pub(crate) fn new(figure: &'static str, all_max: usize, own_max: usize) -> Self {
        gauge!(figure).set(0.0);
        Self { taken: Arc::default(), figure, all_max, own_max }
    }

    /// A seat for whoever asks, if there is one.
    pub(crate) fn take(&self, who: Principal) -> Option<Seat> {
        let app = match who.scope {
            Scope::App(app, _) => Some(app),
            Scope::Organization => None,
        };
        let owner = (who.organization, app);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.get(&owner).copied().unwrap_or(0);
        if all >= self.all_max || own >= self.own_max {
            return None;
        }
        taken.insert(owner, own + 1);
        gauge!(self.figure).set((all + 1) as f64);
        Some(Seat { seats: self.clone(), owner })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.owner) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.owner);
            }
        }
        gauge!(self.seats.figure).set(taken.values().sum::<usize>() as f64);
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
        let (seats, mut ids) = (Seats::new("seats", 1_024, 64), IdSource::new(1));
        let (greedy, other) = (principal(&mut ids), principal(&mut ids));
        let mut taken: Vec<_> = (0..64).map(|_| seats.take(greedy).unwrap()).collect();
        assert!(seats.take(greedy).is_none());
        assert!(seats.take(other).is_some());
        taken.pop();
        assert!(seats.take(greedy).is_some(), "a seat that was left is free");
        drop(taken);
        assert!(seats.taken.lock().unwrap().is_empty(), "nothing is kept of who left");
    }
}
