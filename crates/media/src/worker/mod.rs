//! One worker thread: its legs, its poller, its loop. It wakes for packets and phases, at most once a
//! millisecond, and never waits for anything else. Knows no protocol: what a packet means is the leg's business.

pub(crate) mod order;
pub(crate) mod pace;
pub(crate) mod slab;

use crate::io::{self, Poller, Ready};
use crate::leg::relay::{PeerRef, Relayed, RelayedPacket};
use crate::leg::{Leg, Onward};
use model::{LegId, Timestamp};
use order::{Inbox, WorkerDoor, WorkerOrder};
use pace::Pace;
use slab::{Key, Slab};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Largest datagram that is read; sound is at most 480 bytes and its header.
const DATAGRAM_MAX: usize = 2_048;
/// Rounds of reading in one wake-up: each takes one datagram of each socket that has any, so that a flood at one
/// port delays nobody.
const ROUNDS_MAX: usize = 8;
/// Datagrams still read of a leg that closes.
const CLOSING_ROUNDS_MAX: usize = 64;
/// Least time between two wake-ups.
const REST: Duration = Duration::from_millis(1);
/// The bell's token; no key has all bits set.
const BELL: u64 = u64::MAX;
/// Marks the token of a leg's RTCP socket.
const RTCP: u64 = 1 << 63;

/// Tells the time of the packet path: the clock's reading at the start, carried on by the monotonic clock, so
/// that pacing never stands still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    start: Timestamp,
    began: Instant,
}

impl Time {
    /// Time that begins at `start`, now.
    pub(crate) fn starting_at(start: Timestamp) -> Self {
        Self { start, began: Instant::now() }
    }

    fn now(&self) -> Timestamp {
        self.start + self.began.elapsed()
    }
}

/// One worker, as its thread owns it.
pub(crate) struct Worker {
    number: usize,
    doors: Arc<[WorkerDoor]>,
    inbox: Inbox,
    poller: Poller,
    legs: Slab<Leg>,
    by_id: HashMap<LegId, Key>,
    pace: Pace,
    time: Time,
    buffer: Box<[u8; DATAGRAM_MAX]>,
    /// Legs whose work ended in a panic, to be taken out.
    broken: Vec<LegId>,
}

impl Worker {
    /// A worker without legs; `number` is its place among the doors.
    pub(crate) fn new(
        number: usize,
        doors: Arc<[WorkerDoor]>,
        inbox: Inbox,
        time: Time,
    ) -> std::io::Result<Self> {
        let poller = Poller::new()?;
        if let Some(door) = doors.get(number) {
            poller.watch(door.bell(), BELL)?;
        }
        Ok(Self {
            number,
            doors,
            inbox,
            poller,
            legs: Slab::new(),
            by_id: HashMap::new(),
            pace: Pace::new(time.now().as_millis()),
            time,
            buffer: Box::new([0; DATAGRAM_MAX]),
            broken: Vec::new(),
        })
    }

    /// Serves until it is asked to end.
    pub(crate) fn run(mut self) {
        let mut ready = Ready::new();
        while !self.stopping() {
            let woke = Instant::now();
            let now = self.time.now();
            self.take_orders(now);
            self.take_forwarded(now);
            self.receive(&mut ready, now);
            self.tick(now);
            self.take_out_broken();
            self.sleep(&mut ready, woke);
        }
        let now = self.time.now();
        self.take_orders(now);
        let left: Vec<LegId> = self.by_id.keys().copied().collect();
        self.close_legs(&left, now);
    }

    fn door(&self) -> Option<&WorkerDoor> {
        self.doors.get(self.number)
    }

    fn stopping(&self) -> bool {
        self.door().is_none_or(WorkerDoor::is_stopping)
    }

    /// Carries out all orders, then closes legs: whoever closes a leg has given his orders before.
    fn take_orders(&mut self, now: Timestamp) -> bool {
        let closing = self.door().map(WorkerDoor::take_closing).unwrap_or_default();
        let mut any = !closing.is_empty();
        while let Ok(order) = self.inbox.orders.try_recv() {
            any = true;
            match order {
                WorkerOrder::Open(leg) => self.open(leg),
                WorkerOrder::Leg(id, order) => {
                    let leg = self.by_id.get(&id).and_then(|key| self.legs.get_mut(*key));
                    if let Some(leg) = leg {
                        guarded(id, &mut self.broken, || leg.order(order, now));
                    }
                }
            }
        }
        self.close_legs(&closing, now);
        any
    }

    fn open(&mut self, leg: Box<Leg>) {
        let id = leg.id();
        let key = self.legs.insert(leg);
        let phase = self.pace.join(key);
        self.by_id.insert(id, key);
        let Some(leg) = self.legs.get_mut(key) else { return };
        leg.set_phase(phase);
        let watched = self
            .poller
            .watch(leg.rtp_socket(), key.to_bits())
            .and_then(|()| self.poller.watch(leg.rtcp_socket(), key.to_bits() | RTCP));
        if let Err(error) = watched {
            tracing::error!(leg = ?id, %error, "a leg's socket cannot be watched; it hears nothing");
        }
    }

    fn close_legs(&mut self, closing: &[LegId], now: Timestamp) {
        for id in closing {
            let Some(key) = self.by_id.get(id).copied() else { continue };
            // What has come counts, a last digit too.
            let mut rounds = 0..CLOSING_ROUNDS_MAX;
            while rounds.next().is_some() && self.read_one(key.to_bits(), now) {}
            let Some(mut leg) = self.remove(*id, key) else { continue };
            guarded(*id, &mut self.broken, || {
                leg.close(now);
                drop(leg);
            });
        }
    }

    fn remove(&mut self, id: LegId, key: Key) -> Option<Box<Leg>> {
        self.by_id.remove(&id);
        let leg = self.legs.remove(key)?;
        self.pace.leave(key, leg.phase());
        self.poller.forget(leg.rtp_socket());
        self.poller.forget(leg.rtcp_socket());
        if let Some(door) = self.door() {
            door.leg_closed();
        }
        Some(leg)
    }

    /// A leg in which something went wrong beyond repair is gone; its owner hears that no sound comes any more, and
    /// closes it. All other legs go on.
    fn take_out_broken(&mut self) {
        while let Some(id) = self.broken.pop() {
            let Some(key) = self.by_id.get(&id).copied() else { continue };
            let Some(leg) = self.remove(id, key) else { continue };
            tracing::error!(leg = ?id, "a leg's sound ended in a panic; the leg is closed");
            guarded(id, &mut self.broken, || leg.give_up());
        }
    }

    fn take_forwarded(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        while let Ok(packet) = self.inbox.forwarded.try_recv() {
            any = true;
            let leg = self.by_id.get(&packet.leg()).and_then(|key| self.legs.get_mut(*key));
            if let Some(leg) = leg {
                guarded(packet.leg(), &mut self.broken, || leg.relay(&packet.view(), now));
            }
        }
        any
    }

    fn receive(&mut self, ready: &mut Ready, now: Timestamp) {
        for _ in 0..ROUNDS_MAX {
            let count = self.poller.wait(ready, Some(Duration::ZERO));
            for index in 0..count {
                let Some(token) = ready.token(index) else { continue };
                self.read_one(token, now);
            }
            if count == 0 {
                return;
            }
        }
    }

    /// Reads a datagram of a socket; false when there was none.
    fn read_one(&mut self, token: u64, now: Timestamp) -> bool {
        if token == BELL {
            if let Some(door) = self.door() {
                door.bell().silence();
            }
            return true;
        }
        let key = Key::from_bits(token);
        let Some(leg) = self.legs.get_mut(key) else { return false };
        let id = leg.id();
        let buffer = self.buffer.as_mut_slice();
        if token & RTCP != 0 {
            let Some((datagram, source)) = io::receive(leg.rtcp_socket(), buffer) else { return false };
            guarded(id, &mut self.broken, || leg.on_rtcp(datagram, source, now));
            return true;
        }
        let Some((datagram, source)) = io::receive(leg.rtp_socket(), buffer) else { return false };
        let onward = guarded(id, &mut self.broken, || match leg.on_datagram(datagram, source, now) {
            Onward::Back(relayed) => {
                leg.relay(&relayed, now);
                Onward::Stay
            }
            onward => onward,
        });
        if let Some(Onward::To(peer, relayed)) = onward {
            let passage = Passage {
                number: self.number,
                doors: &self.doors,
                by_id: &self.by_id,
                legs: &mut self.legs,
                broken: &mut self.broken,
            };
            passage.bring(peer, &relayed, now);
        }
        true
    }

    fn tick(&mut self, now: Timestamp) {
        let skipped = self.pace.skipped();
        while let Some(phase) = self.pace.due(now.as_millis()) {
            let mut place = 0;
            while let Some(key) = self.pace.leg(phase, place) {
                place += 1;
                if let Some(leg) = self.legs.get_mut(key) {
                    guarded(leg.id(), &mut self.broken, || leg.tick(now));
                }
            }
        }
        if self.pace.skipped() != skipped
            && let Some(door) = self.door()
        {
            door.counters.skipped_phases.store(self.pace.skipped(), Ordering::Relaxed);
        }
    }

    /// Sleeps until the next phase or packet, and at least a rest since the last wake-up, so that packets which
    /// come close together are one wake-up.
    fn sleep(&mut self, ready: &mut Ready, woke: Instant) {
        let now = self.time.now();
        let until_due = |ms: u64| Duration::from_micros((ms * 1_000).saturating_sub(now.as_micros()));
        let wait = self.pace.next_due_ms().map(until_due);
        if let Some(short) = wait.filter(|wait| *wait <= REST) {
            std::thread::sleep(short);
            return;
        }
        self.park(true);
        // What came before the door knew of the long sleep is found here; what comes later rings.
        let found = self.take_orders(now) || self.take_forwarded(now);
        if !found && !self.stopping() {
            self.poller.wait(ready, wait);
        }
        self.park(false);
        std::thread::sleep(REST.saturating_sub(woke.elapsed()));
    }

    fn park(&self, parked: bool) {
        if let Some(door) = self.door() {
            door.park(parked);
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

/// What `receive` needs to bring a packet on while the datagram is still in the worker's buffer.
struct Passage<'a> {
    number: usize,
    doors: &'a [WorkerDoor],
    by_id: &'a HashMap<LegId, Key>,
    legs: &'a mut Slab<Leg>,
    broken: &'a mut Vec<LegId>,
}

impl Passage<'_> {
    fn bring(self, peer: PeerRef, relayed: &Relayed<'_>, now: Timestamp) {
        if peer.worker == self.number {
            if let Some(leg) = self.by_id.get(&peer.leg).and_then(|key| self.legs.get_mut(*key)) {
                guarded(peer.leg, self.broken, || leg.relay(relayed, now));
            }
            return;
        }
        let taken = match (self.doors.get(peer.worker), RelayedPacket::new(peer.leg, relayed)) {
            (Some(door), Some(packet)) => door.forward(packet),
            _ => false,
        };
        if !taken && let Some(door) = self.doors.get(self.number) {
            door.counters.forward_drops.fetch_add(1, Ordering::Relaxed);
        }
    }
}
