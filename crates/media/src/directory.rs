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

    /// A leg.
    pub(crate) fn find(&self, leg: LegId) -> Result<Arc<Lane>, MediaError> {
        self.lock().lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)
    }

    /// Takes a leg out and ends its bridge.
    pub(crate) fn remove(&self, leg: LegId, tools: &Arc<Tools>) -> Option<Arc<Lane>> {
        let mut book = self.lock();
        let joint = book.part(leg);
        let lane = book.lanes.remove(&leg);
        drop(book);
        // A peer that is too busy to hear of it falls silent for a moment and then goes on by itself.
        let _ = joint.map(|joint| joint.leave(leg, tools));
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
        let to = |lane: &Lane| {
            let taker = Taker::Leg(lane.leg());
            LegOrder::Relay(Some(PeerRef { worker: lane.worker(), taker }))
        };
        here.hand_over(to(&there), tools)?;
        there.hand_over(to(&here), tools)
    }

    /// Parts a leg from what it is joined to, if anything.
    pub(crate) fn unbridge(&self, leg: LegId, tools: &Arc<Tools>) -> Result<(), MediaError> {
        let mut book = self.lock();
        let here = book.lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)?;
        let joint = book.part(leg);
        drop(book);
        let Some(joint) = joint else { return Ok(()) };
        here.hand_over(LegOrder::Relay(None), tools)?;
        joint.leave(leg, tools)
    }

    /// Makes a leg a member of a conference; whatever it was joined to before is left.
    pub(crate) fn join(
        &self,
        leg: LegId,
        id: ConferenceId,
        (muted, deaf): (bool, bool),
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        self.unbridge(leg, tools)?;
        let mut book = self.lock();
        let here = book.lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)?;
        let conference =
            book.conferences.entry(id).or_insert(Conference { worker: here.worker(), members: 0 });
        if conference.members >= CONFERENCE_MEMBERS_MAX {
            return Err(MediaError::ConferenceFull);
        }
        conference.members += 1;
        let worker = conference.worker;
        book.members.insert(leg, id);
        // Within the lock: a conference must not be closed by a leave that overtakes this join.
        let joining = Joining { leg, worker: here.worker(), codec: here.codec(), muted, deaf };
        let joined = tools.order_room(worker, id, RoomOrder::Join(Box::new(joining)));
        if joined.is_err() {
            book.part(leg);
        }
        drop(book);
        joined?;
        here.hand_over(LegOrder::Relay(Some(PeerRef { worker, taker: Taker::Member(id, leg) })), tools)
    }

    /// Changes how a leg takes part in its conference.
    pub(crate) fn change_member(
        &self,
        leg: LegId,
        (muted, deaf): (bool, bool),
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        let (here, id, worker) = self.membership(leg)?;
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
        let (_, id, worker) = self.membership(leg)?;
        tools.order_room(worker, id, RoomOrder::Record(Box::new(recorder)))
    }

    /// Ends one.
    pub(crate) fn stop_conference_recording(
        &self,
        leg: LegId,
        recording: RecordingId,
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        let (_, id, worker) = self.membership(leg)?;
        tools.order_room(worker, id, RoomOrder::StopRecording(recording))
    }

    /// A leg's lane, its conference, and the worker that mixes that.
    pub(crate) fn membership(&self, leg: LegId) -> Result<(Arc<Lane>, ConferenceId, usize), MediaError> {
        let book = self.lock();
        let here = book.lanes.get(&leg).cloned().ok_or(MediaError::UnknownLeg)?;
        let id = *book.members.get(&leg).ok_or(MediaError::NoConference)?;
        let conference = book.conferences.get(&id).ok_or(MediaError::NoConference)?;
        Ok((here, id, conference.worker))
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
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

impl Joint {
    /// Tells who is left.
    fn leave(self, leg: LegId, tools: &Arc<Tools>) -> Result<(), MediaError> {
        match self {
            Self::Bridge(peer) => peer.hand_over(LegOrder::Relay(None), tools),
            Self::Conference { id, worker } => tools.order_room(worker, id, RoomOrder::Leave(leg)),
        }
    }
}

impl Tools {
    fn order_room(&self, worker: usize, id: ConferenceId, order: RoomOrder) -> Result<(), MediaError> {
        let door = self.doors.get(worker).ok_or(MediaError::UnknownLeg)?;
        door.order(WorkerOrder::Room(id, order))
    }
}
