//! Which legs there are, which worker serves each, and which are bridged. Asked only by those who give orders;
//! no worker ever looks in here.

use crate::lane::{Lane, Tools};
use crate::leg::relay::PeerRef;
use crate::worker::order::LegOrder;
use model::LegId;
use ports::MediaError;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All legs of the engine.
#[derive(Default)]
pub(crate) struct Directory {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    lanes: HashMap<LegId, Arc<Lane>>,
    /// Each bridge stands here twice, once from either side.
    bridges: HashMap<LegId, LegId>,
}

impl Directory {
    /// Enters a leg; false when it is there already.
    pub(crate) fn enter(&self, lane: Arc<Lane>) -> bool {
        match self.lock().lanes.entry(lane.leg()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(lane);
                true
            }
        }
    }

    /// How many legs there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().lanes.len()
    }

    /// A leg.
    pub(crate) fn find(&self, leg: LegId) -> Result<Arc<Lane>, MediaError> {
        self.lock().lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)
    }

    /// Takes a leg out and ends its bridge.
    pub(crate) fn remove(&self, leg: LegId, tools: &Arc<Tools>) -> Option<Arc<Lane>> {
        let mut book = self.lock();
        let peer = book.part(leg);
        let lane = book.lanes.remove(&leg);
        drop(book);
        if let Some(peer) = peer {
            // A peer that is too busy to hear of it falls silent for a moment and then goes on by itself.
            let _ = peer.hand_over(LegOrder::Relay(None), tools);
        }
        lane
    }

    /// Joins two legs; whatever either was joined to before is left.
    pub(crate) fn bridge(&self, leg: LegId, with: LegId, tools: &Arc<Tools>) -> Result<(), MediaError> {
        if leg == with {
            return Err(MediaError::UnknownLeg);
        }
        self.unbridge(leg, tools)?;
        self.unbridge(with, tools)?;
        let mut book = self.lock();
        let here = book.lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)?;
        let there = book.lanes.get(&with).cloned().ok_or(MediaError::UnknownLeg)?;
        book.bridges.insert(leg, with);
        book.bridges.insert(with, leg);
        drop(book);
        let to = |lane: &Lane| LegOrder::Relay(Some(PeerRef { worker: lane.worker(), leg: lane.leg() }));
        here.hand_over(to(&there), tools)?;
        there.hand_over(to(&here), tools)
    }

    /// Parts a leg from what it is joined to, if anything.
    pub(crate) fn unbridge(&self, leg: LegId, tools: &Arc<Tools>) -> Result<(), MediaError> {
        let mut book = self.lock();
        let here = book.lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)?;
        let there = book.part(leg);
        drop(book);
        let Some(there) = there else { return Ok(()) };
        here.hand_over(LegOrder::Relay(None), tools)?;
        there.hand_over(LegOrder::Relay(None), tools)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Forgets a leg's bridge; returns who was at its other end.
    fn part(&mut self, leg: LegId) -> Option<Arc<Lane>> {
        let peer = self.bridges.remove(&leg)?;
        self.bridges.remove(&peer);
        self.lanes.get(&peer).cloned()
    }
}
