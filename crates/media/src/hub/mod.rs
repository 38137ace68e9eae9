//! The legs that one thread serves: who ticks when, and how packets pass from leg to leg. Knows no socket and no
//! clock: a worker drives it in real time, a simulation in virtual time.

pub(crate) mod pace;
pub(crate) mod room;
pub(crate) mod slab;

use crate::leg::relay::{PeerRef, Relayed, RelayedPacket, Taker};
use crate::leg::{Leg, Onward};
use crate::wire::Wire;
use crate::worker::order::LegOrder;
use model::{LegId, Timestamp};
use pace::Pace;
use ports::media::ConferenceId;
use room::{Room, RoomOrder};
use slab::{Key, Slab};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Takes packets to legs that another thread serves.
pub(crate) trait Abroad {
    /// Sends a packet on; what finds no room is lost and counted.
    fn forward(&self, worker: usize, packet: RelayedPacket);
}

/// The legs.
pub(crate) struct Hub<W> {
    /// The number of the worker whose legs these are.
    number: usize,
    legs: Slab<Leg<W>>,
    by_id: HashMap<LegId, Key>,
    pace: Pace,
    /// Conferences that are mixed here; few, and each busy.
    rooms: Vec<Option<Box<Room>>>,
    /// Legs whose work ended in a panic, to be taken out.
    broken: Vec<LegId>,
}

impl<W: Wire> Hub<W> {
    /// No legs; time begins at `now`.
    pub(crate) fn new(number: usize, now: Timestamp) -> Self {
        let pace = Pace::new(now.as_millis());
        Self { number, legs: Slab::new(), by_id: HashMap::new(), pace, rooms: Vec::new(), broken: Vec::new() }
    }

    /// Serves a leg from now on.
    pub(crate) fn open(&mut self, leg: Box<Leg<W>>) -> Key {
        let id = leg.id();
        let key = self.legs.insert(leg);
        let phase = self.pace.join(key);
        self.by_id.insert(id, key);
        if let Some(leg) = self.legs.get_mut(key) {
            leg.set_phase(phase);
        }
        key
    }

    /// Takes a leg out.
    pub(crate) fn remove(&mut self, id: LegId) -> Option<Box<Leg<W>>> {
        let key = self.by_id.remove(&id)?;
        let leg = self.legs.remove(key)?;
        self.pace.leave(key, leg.phase());
        Some(leg)
    }

    /// Ends a leg that was taken out.
    pub(crate) fn close(&mut self, mut leg: Box<Leg<W>>, now: Timestamp) {
        guarded(leg.id(), &mut self.broken, || {
            leg.close(now);
            drop(leg);
        });
    }

    /// The next leg whose work ended in a panic, taken out. Its owner hears that no sound comes any more, and closes
    /// it. All other legs go on.
    pub(crate) fn take_broken(&mut self) -> Option<Box<Leg<W>>> {
        while let Some(id) = self.broken.pop() {
            if let Some(leg) = self.remove(id) {
                tracing::error!(leg = ?id, "a leg's sound ended in a panic; the leg is closed");
                return Some(leg);
            }
        }
        None
    }

    /// Tells a broken leg's owner.
    pub(crate) fn give_up(&mut self, leg: Box<Leg<W>>) {
        guarded(leg.id(), &mut self.broken, || {
            leg.give_up();
            drop(leg);
        });
    }

    /// All legs, in no order.
    pub(crate) fn ids(&self) -> Vec<LegId> {
        self.by_id.keys().copied().collect()
    }

    /// The key of a leg.
    pub(crate) fn key(&self, id: LegId) -> Option<Key> {
        self.by_id.get(&id).copied()
    }

    /// A leg.
    pub(crate) fn leg(&mut self, key: Key) -> Option<&mut Leg<W>> {
        self.legs.get_mut(key)
    }

    /// Carries out an order about a leg.
    pub(crate) fn order(&mut self, id: LegId, order: LegOrder, now: Timestamp) {
        let leg = self.by_id.get(&id).and_then(|key| self.legs.get_mut(*key));
        if let Some(leg) = leg {
            guarded(id, &mut self.broken, || leg.order(order, now));
        }
    }

    /// Carries out an order about a conference; the first member opens it, the last one closes it.
    pub(crate) fn order_room(&mut self, id: ConferenceId, order: RoomOrder, now: Timestamp) {
        let at = self.rooms.iter().position(|room| room.as_ref().is_some_and(|room| room.id() == id));
        let at = at.unwrap_or_else(|| {
            self.rooms.push(Some(Box::new(Room::new(id, now))));
            self.rooms.len() - 1
        });
        let Some(Some(room)) = self.rooms.get_mut(at) else { return };
        room.order(order);
        if room.is_empty() {
            self.rooms.swap_remove(at);
        }
    }

    /// A datagram came to a leg's port of sound.
    pub(crate) fn on_datagram(
        &mut self,
        key: Key,
        datagram: &mut [u8],
        source: SocketAddr,
        now: Timestamp,
        abroad: &impl Abroad,
    ) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        let onward = guarded(leg.id(), &mut self.broken, || match leg.on_datagram(datagram, source, now) {
            Onward::Back(relayed) => {
                leg.relay(&relayed, now);
                Onward::Stay
            }
            onward => onward,
        });
        if let Some(Onward::To(peer, relayed)) = onward {
            self.pass(peer, &relayed, now, abroad);
        }
    }

    /// A datagram came to a leg's port of reports.
    pub(crate) fn on_report(&mut self, key: Key, datagram: &mut [u8], source: SocketAddr, now: Timestamp) {
        let Some(leg) = self.legs.get_mut(key) else { return };
        guarded(leg.id(), &mut self.broken, || leg.on_rtcp(datagram, source, now));
    }

    /// A packet came from another thread's leg.
    pub(crate) fn on_forwarded(&mut self, packet: &RelayedPacket, now: Timestamp) {
        self.bring(packet.taker(), &packet.view(), now);
    }

    /// Lets all legs tick whose phase has come, and all conferences.
    pub(crate) fn tick(&mut self, now: Timestamp, abroad: &impl Abroad) {
        while let Some(phase) = self.pace.due(now.as_millis()) {
            let mut place = 0;
            while let Some(key) = self.pace.leg(phase, place) {
                place += 1;
                if let Some(leg) = self.legs.get_mut(key) {
                    guarded(leg.id(), &mut self.broken, || leg.tick(now));
                }
            }
        }
        for at in 0..self.rooms.len() {
            // Out of its place while it is mixed: its packets go to legs of this same hub.
            let Some(mut room) =
                self.rooms.get_mut(at).and_then(|place| place.take_if(|room| room.is_due(now)))
            else {
                continue;
            };
            room.mix(now, |peer, relayed| self.pass(peer, relayed, now, abroad));
            if let Some(place) = self.rooms.get_mut(at) {
                *place = Some(room);
            }
        }
    }

    /// The millisecond at which something is next due; none without legs and conferences.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let rooms = self.rooms.iter().flatten().map(|room| room.due_ms()).min();
        self.pace.next_due_ms().into_iter().chain(rooms).min()
    }

    /// Phases with legs in them that were left out because the thread was late.
    pub(crate) const fn skipped_phases(&self) -> u64 {
        self.pace.skipped()
    }

    fn pass(&mut self, peer: PeerRef, relayed: &Relayed<'_>, now: Timestamp, abroad: &impl Abroad) {
        if peer.worker == self.number {
            self.bring(peer.taker, relayed, now);
        } else if let Some(packet) = RelayedPacket::new(peer.taker, relayed) {
            abroad.forward(peer.worker, packet);
        }
    }

    fn bring(&mut self, taker: Taker, relayed: &Relayed<'_>, now: Timestamp) {
        match taker {
            Taker::Leg(id) => {
                if let Some(leg) = self.by_id.get(&id).and_then(|key| self.legs.get_mut(*key)) {
                    guarded(id, &mut self.broken, || leg.relay(relayed, now));
                }
            }
            Taker::Member(conference, leg) => {
                let room = self.rooms.iter_mut().flatten().find(|room| room.id() == conference);
                if let Some(room) = room {
                    guarded(leg, &mut self.broken, || room.put(leg, relayed, now));
                }
            }
        }
    }
}

/// Does a leg's work; a panic costs that leg and no other. Without one this costs nothing.
fn guarded<T>(leg: LegId, broken: &mut Vec<LegId>, work: impl FnOnce() -> T) -> Option<T> {
    // What a panic left half done is never used again: the leg is taken out.
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok();
    if done.is_none() {
        broken.push(leg);
    }
    done
}
