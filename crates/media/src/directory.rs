//! Which legs there are, which worker serves each, and which are bridged. Asked only by those who give orders;
//! no worker ever looks in here.

use crate::hub::room::{Joining, RoomOrder};
use crate::lane::{Lane, Tools};
use crate::leg::recorder::Recorder;
use crate::leg::relay::{PeerRef, Taker};
use crate::worker::order::{LegOrder, WorkerOrder};
use model::{LegId, RecordingId};
use ports::MediaError;
use ports::media::{CONFERENCE_MEMBERS_MAX, ConferenceId};
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
    conferences: HashMap<ConferenceId, Conference>,
    members: HashMap<LegId, ConferenceId>,
}

/// A conference as the directory knows it.
struct Conference {
    /// The worker that mixes it: that of its first member.
    worker: usize,
    members: usize,
}

/// What a leg was joined to.
enum Joint {
    Bridge(Arc<Lane>),
    Conference { id: ConferenceId, worker: usize },
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

    /// Legs in conferences.
    pub(crate) fn members(&self) -> usize {
        self.lock().members.len()
    }

    /// A leg.
    pub(crate) fn find(&self, leg: LegId) -> Result<Arc<Lane>, MediaError> {
        self.lock().lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)
    }

    /// Takes a leg out and ends what it is joined to.
    pub(crate) fn remove(&self, leg: LegId, tools: &Arc<Tools>) -> Option<Arc<Lane>> {
        let mut book = self.lock();
        match book.part(leg) {
            Some(Joint::Bridge(peer)) => peer.end_relay(tools),
            Some(Joint::Conference { id, worker }) => tools.leave_room(worker, id, leg),
            None => {}
        }
        book.lanes.remove(&leg)
    }

    /// Joins two legs; whatever either was joined to before is left. When this is refused they are not joined, in
    /// neither direction.
    pub(crate) fn bridge(&self, leg: LegId, with: LegId, tools: &Arc<Tools>) -> Result<(), MediaError> {
        if leg == with {
            return Err(MediaError::UnknownLeg);
        }
        // One lock from the first look to the entry: no other order about these legs comes between.
        let mut book = self.lock();
        let (here, there) = (book.lane(leg)?, book.lane(with)?);
        book.unjoin(&here, tools)?;
        book.unjoin(&there, tools)?;
        let to = |lane: &Lane| {
            let taker = Taker::Leg(lane.leg());
            LegOrder::Relay(Some(PeerRef { worker: lane.worker(), taker }))
        };
        here.hand_over(to(&there), tools)?;
        there.hand_over(to(&here), tools).inspect_err(|_| here.end_relay(tools))?;
        book.bridges.insert(leg, with);
        book.bridges.insert(with, leg);
        Ok(())
    }

    /// Parts a leg from what it is joined to, if anything.
    pub(crate) fn unbridge(&self, leg: LegId, tools: &Arc<Tools>) -> Result<(), MediaError> {
        let mut book = self.lock();
        let here = book.lane(leg)?;
        book.unjoin(&here, tools)
    }

    /// Makes a leg a member of a conference; whatever it was joined to before is left, unless the conference is full.
    pub(crate) fn join(
        &self,
        leg: LegId,
        id: ConferenceId,
        (muted, deaf): (bool, bool),
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        let mut book = self.lock();
        let here = book.lane(leg)?;
        let members = book.conferences.get(&id).map_or(0, |conference| conference.members);
        if members >= CONFERENCE_MEMBERS_MAX && book.members.get(&leg) != Some(&id) {
            return Err(MediaError::ConferenceFull);
        }
        book.unjoin(&here, tools)?;
        let worker = book.conferences.get(&id).map_or(here.worker(), |conference| conference.worker);
        let joining = Joining { leg, worker: here.worker(), codec: here.codec(), muted, deaf };
        // The leg first: what it says before it is a member is lost, and can be taken back without room in a queue.
        here.hand_over(LegOrder::Relay(Some(PeerRef { worker, taker: Taker::Member(id, leg) })), tools)?;
        let joined = tools.order_room(worker, id, RoomOrder::Join(Box::new(joining)));
        joined.inspect_err(|_| here.end_relay(tools))?;
        book.conferences.entry(id).or_insert(Conference { worker, members: 0 }).members += 1;
        book.members.insert(leg, id);
        Ok(())
    }

    /// Changes how a leg takes part in its conference.
    pub(crate) fn change_member(
        &self,
        leg: LegId,
        (muted, deaf): (bool, bool),
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        // Within the lock: a leg that leaves meanwhile must not come back by this.
        let book = self.lock();
        let (here, id, worker) = book.membership(leg)?;
        let joining = Joining { leg, worker: here.worker(), codec: here.codec(), muted, deaf };
        tools.order_room(worker, id, RoomOrder::Join(Box::new(joining)))
    }

    /// Starts a recording of a leg's conference.
    pub(crate) fn record_conference(
        &self,
        leg: LegId,
        recorder: Recorder,
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        let book = self.lock();
        let (_, id, worker) = book.membership(leg)?;
        tools.order_room(worker, id, RoomOrder::Record(Box::new(recorder)))
    }

    /// Ends one.
    pub(crate) fn stop_conference_recording(
        &self,
        leg: LegId,
        recording: RecordingId,
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        let book = self.lock();
        let (_, id, worker) = book.membership(leg)?;
        tools.order_room(worker, id, RoomOrder::StopRecording(recording))
    }

    /// A leg's lane, its conference, and the worker that mixes that.
    pub(crate) fn membership(&self, leg: LegId) -> Result<(Arc<Lane>, ConferenceId, usize), MediaError> {
        self.lock().membership(leg)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn lane(&self, leg: LegId) -> Result<Arc<Lane>, MediaError> {
        self.lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)
    }

    fn membership(&self, leg: LegId) -> Result<(Arc<Lane>, ConferenceId, usize), MediaError> {
        let here = self.lane(leg)?;
        let id = *self.members.get(&leg).ok_or(MediaError::NoConference)?;
        let conference = self.conferences.get(&id).ok_or(MediaError::NoConference)?;
        Ok((here, id, conference.worker))
    }

    /// Parts a leg from what it is joined to, if anything, and tells all concerned. Refused, with nothing changed,
    /// only where a conference's worker takes no orders.
    fn unjoin(&mut self, here: &Arc<Lane>, tools: &Arc<Tools>) -> Result<(), MediaError> {
        let leg = here.leg();
        if let Ok((_, id, worker)) = self.membership(leg) {
            tools.order_room(worker, id, RoomOrder::Leave(leg))?;
        }
        let Some(joint) = self.part(leg) else { return Ok(()) };
        here.end_relay(tools);
        if let Joint::Bridge(peer) = joint {
            peer.end_relay(tools);
        }
        Ok(())
    }

    /// Forgets what a leg is joined to; returns what that was.
    fn part(&mut self, leg: LegId) -> Option<Joint> {
        if let Some(peer) = self.bridges.remove(&leg) {
            self.bridges.remove(&peer);
            return self.lanes.get(&peer).cloned().map(Joint::Bridge);
        }
        let id = self.members.remove(&leg)?;
        let conference = self.conferences.get_mut(&id)?;
        let worker = conference.worker;
        conference.members = conference.members.saturating_sub(1);
        if conference.members == 0 {
            self.conferences.remove(&id);
        }
        Some(Joint::Conference { id, worker })
    }
}

impl Tools {
    fn order_room(&self, worker: usize, id: ConferenceId, order: RoomOrder) -> Result<(), MediaError> {
        let door = self.doors.get(worker).ok_or(MediaError::UnknownLeg)?;
        door.order(WorkerOrder::Room(id, order))
    }

    /// A leg that is gone leaves; a worker that is busy for a moment hears of it from the pool.
    fn leave_room(self: &Arc<Self>, worker: usize, id: ConferenceId, leg: LegId) {
        if self.order_room(worker, id, RoomOrder::Leave(leg)).is_ok() {
            return;
        }
        let tools = Arc::clone(self);
        let told = self.pool.submit(move || {
            if !tools.insist(worker, WorkerOrder::Room(id, RoomOrder::Leave(leg))) {
                tracing::error!(?leg, "a media worker takes no orders; a member that is gone stays");
            }
        });
        if told.is_err() {
            tracing::error!(?leg, "worker and pool are busy; a member that is gone stays");
        }
    }
}

#[cfg(test)]
mod tests;
