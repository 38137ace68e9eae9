//! Which leg is which SIP call, for those who order legs by their id, and which incoming calls wait to be taken.
//! Entries leave with the seat that holds them, so nothing stays behind on any path.

use super::Profile;
use model::LegId;
use ports::{CarrierError, Ceiling};
use sip::CallKey;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The legs of one carrier.
pub(crate) struct LegTable {
    inner: Mutex<Inner>,
    legs_max: Ceiling,
}

#[derive(Default)]
struct Inner {
    legs: HashMap<LegId, Slot>,
    arrivals: HashMap<CallKey, Arrival>,
}

enum Slot {
    /// Being prepared; nothing is sent yet.
    Preparing(Arc<Notify>),
    /// Withdrawn while it was being prepared.
    Withdrawn,
    /// A call of the endpoint.
    Call(CallKey),
}

/// An incoming call that nobody has taken yet.
pub(crate) struct Arrival {
    /// Who sent it.
    pub(crate) peer: IpAddr,
    /// How its leg will behave.
    pub(crate) profile: Profile,
}

/// What a hang-up finds.
pub(crate) enum Found {
    /// A call of the endpoint.
    Call(CallKey),
    /// A leg that is being prepared; a hang-up has withdrawn it, other orders have no effect.
    Preparing,
}

impl LegTable {
    /// An empty table of at most `legs_max` legs.
    pub(crate) fn new(legs_max: Ceiling) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), legs_max })
    }

    /// Takes a seat for a leg that is being prepared.
    pub(crate) fn sit(self: &Arc<Self>, leg: LegId) -> Result<Seat, CarrierError> {
        let mut inner = self.lock();
        if self.legs_max.is_reached(inner.legs.len()) {
            return Err(CarrierError::Full);
        }
        if inner.legs.contains_key(&leg) {
            return Err(CarrierError::Resources("the leg exists already".to_owned()));
        }
        let withdrawn = Arc::new(Notify::new());
        inner.legs.insert(leg, Slot::Preparing(Arc::clone(&withdrawn)));
        Ok(Seat { table: Arc::clone(self), leg, withdrawn })
    }

    /// The call of a leg; `withdraw` takes back a leg that is still being prepared.
    pub(crate) fn find(&self, leg: LegId, withdraw: bool) -> Option<Found> {
        let mut inner = self.lock();
        let slot = inner.legs.get_mut(&leg)?;
        let withdrawn = match slot {
            Slot::Call(key) => return Some(Found::Call(*key)),
            Slot::Preparing(withdrawn) if withdraw => Some(Arc::clone(withdrawn)),
            Slot::Preparing(_) | Slot::Withdrawn => None,
        };
        if let Some(withdrawn) = withdrawn {
            *slot = Slot::Withdrawn;
            withdrawn.notify_one();
        }
        Some(Found::Preparing)
    }

    /// An incoming call waits to be taken until it is claimed or its seat is dropped.
    pub(crate) fn arrive(self: &Arc<Self>, key: CallKey, arrival: Arrival) -> ArrivalSeat {
        self.lock().arrivals.insert(key, arrival);
        ArrivalSeat { table: Arc::clone(self), key }
    }

    /// Takes an incoming call, if the caller is still there and nobody else has taken it.
    pub(crate) fn claim(&self, key: CallKey) -> Option<Arrival> {
        self.lock().arrivals.remove(&key)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A leg's place in the table.
pub(crate) struct Seat {
    table: Arc<LegTable>,
    leg: LegId,
    withdrawn: Arc<Notify>,
}

impl Seat {
    /// Waits until the leg is withdrawn; for ever, if it never is.
    pub(crate) async fn withdrawn(&self) {
        self.withdrawn.notified().await;
    }

    /// The leg is this call from now on; false if it was withdrawn before.
    pub(crate) fn connect(&self, key: CallKey) -> bool {
        match self.table.lock().legs.get_mut(&self.leg) {
            Some(slot @ Slot::Preparing(_)) => {
                *slot = Slot::Call(key);
                true
            }
            _ => false,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.table.lock().legs.remove(&self.leg);
    }
}

/// An incoming call's place in the table.
pub(crate) struct ArrivalSeat {
    table: Arc<LegTable>,
    key: CallKey,
}

impl Drop for ArrivalSeat {
    fn drop(&mut self) {
        let gone = self.table.lock().arrivals.remove(&self.key);
        drop(gone);
    }
}
