//! One worker thread: its legs, its poller, its loop. It wakes for packets and phases, at most once a
//! millisecond, and never waits for anything else. Knows no protocol: what a packet means is the leg's business.

pub(crate) mod order;

use crate::hub::slab::Key;
use crate::hub::{Abroad, Hub};
use crate::io::{self, Poller, Ready};
use crate::leg::Leg;
use crate::leg::relay::RelayedPacket;
use crate::port_pool::MediaSockets;
use model::{LegId, Timestamp};
use order::{Inbox, WorkerDoor, WorkerOrder};
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
/// A phase that is late by less than this is in time.
const LAG_WORTH_US: u64 = 2_000;
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

    pub(crate) fn now(&self) -> Timestamp {
        self.start + self.began.elapsed()
    }
}

/// One worker, as its thread owns it.
pub(crate) struct Worker {
    number: usize,
    doors: Arc<[WorkerDoor]>,
    inbox: Inbox,
    poller: Poller,
    hub: Hub<MediaSockets>,
    time: Time,
    buffer: Box<[u8; DATAGRAM_MAX]>,
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
        let hub = Hub::new(number, time.now());
        Ok(Self { number, doors, inbox, poller, hub, time, buffer: Box::new([0; DATAGRAM_MAX]) })
    }

    /// Serves until it is asked to end.
    pub(crate) fn run(mut self) {
        let mut ready = Ready::new();
        while !self.stopping() {
            let woke = Instant::now();
            let now = self.time.now();
            self.turn_due(Some(now));
            self.take_orders(now);
            self.take_forwarded(now);
            self.receive(&mut ready, now);
            self.tick(now);
            self.take_out_broken();
            self.sleep(&mut ready, woke);
        }
        let now = self.time.now();
        self.take_orders(now);
        let left = self.hub.ids();
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
                WorkerOrder::Leg(id, order) => self.hub.order(id, order, now),
                WorkerOrder::Room(id, order) => self.hub.order_room(id, order, now),
            }
        }
        self.close_legs(&closing, now);
        any
    }

    fn open(&mut self, leg: Box<Leg<MediaSockets>>) {
        let id = leg.id();
        let key = self.hub.open(leg);
        let Some(leg) = self.hub.leg(key) else { return };
        let watched = self
            .poller
            .watch(&leg.wire().rtp, key.to_bits())
            .and_then(|()| self.poller.watch(&leg.wire().rtcp, key.to_bits() | RTCP));
        if let Err(error) = watched {
            tracing::error!(leg = ?id, %error, "a leg's socket cannot be watched; it hears nothing");
        }
    }

    fn close_legs(&mut self, closing: &[LegId], now: Timestamp) {
        for id in closing {
            let Some(key) = self.hub.key(*id) else { continue };
            // What has come counts, a last digit too.
            let mut rounds = 0..CLOSING_ROUNDS_MAX;
            while rounds.next().is_some() && self.read_one(key.to_bits(), now) {}
            let Some(leg) = self.hub.remove(*id) else { continue };
            self.forget(&leg);
            self.hub.close(leg, now);
        }
    }

    /// A leg that was taken out is watched no longer.
    fn forget(&self, leg: &Leg<MediaSockets>) {
        self.poller.forget(&leg.wire().rtp);
        self.poller.forget(&leg.wire().rtcp);
        if let Some(door) = self.door() {
            door.leg_closed();
        }
    }

    fn take_out_broken(&mut self) {
        while let Some(leg) = self.hub.take_broken() {
            self.forget(&leg);
            self.hub.give_up(leg);
        }
    }

    fn take_forwarded(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        while let Ok(packet) = self.inbox.forwarded.try_recv() {
            any = true;
            self.hub.on_forwarded(&packet, now);
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
        let Some(leg) = self.hub.leg(key) else { return false };
        let buffer = self.buffer.as_mut_slice();
        if token & RTCP != 0 {
            let Some((datagram, source)) = io::receive(&leg.wire().rtcp, buffer) else { return false };
            self.hub.on_report(key, datagram, source, now);
            return true;
        }
        let Some((datagram, source)) = io::receive(&leg.wire().rtp, buffer) else { return false };
        let abroad = Doors { doors: &self.doors, own: self.number };
        self.hub.on_datagram(key, datagram, source, now, &abroad);
        true
    }

    fn tick(&mut self, now: Timestamp) {
        let skipped = self.hub.skipped_phases();
        let lag_us = self.hub.next_due_ms().map_or(0, |due| now.as_micros().saturating_sub(due * 1_000));
        let abroad = Doors { doors: &self.doors, own: self.number };
        self.hub.tick(now, &abroad);
        let Some(door) = self.door() else { return };
        if lag_us > LAG_WORTH_US {
            door.counters.lag_max_us.fetch_max(lag_us, Ordering::Relaxed);
        }
        if self.hub.skipped_phases() != skipped {
            door.counters.skipped_phases.store(self.hub.skipped_phases(), Ordering::Relaxed);
        }
    }

    /// Sleeps until the next phase or packet, and at least a rest since the last wake-up, so that packets which
    /// come close together are one wake-up.
    fn sleep(&mut self, ready: &mut Ready, woke: Instant) {
        let now = self.time.now();
        let until_due = |ms: u64| Duration::from_micros((ms * 1_000).saturating_sub(now.as_micros()));
        let wait = self.hub.next_due_ms().map(until_due);
        if let Some(short) = wait.filter(|wait| *wait <= REST) {
            std::thread::sleep(short);
            return;
        }
        self.park(true);
        // What came before the door knew of the long sleep is found here; what comes later rings.
        let found = self.take_orders(now) || self.take_forwarded(now);
        if !found && !self.stopping() {
            self.turn_due(wait.map(|wait| now + wait));
            self.poller.wait(ready, wait);
        }
        self.park(false);
        std::thread::sleep(REST.saturating_sub(woke.elapsed()));
    }

    fn turn_due(&self, at: Option<Timestamp>) {
        if let Some(door) = self.door() {
            door.turn_due(at);
        }
    }

    fn park(&self, parked: bool) {
        if let Some(door) = self.door() {
            door.park(parked);
        }
    }
}

/// The way to other workers.
struct Doors<'a> {
    doors: &'a [WorkerDoor],
    own: usize,
}

impl Abroad for Doors<'_> {
    fn forward(&self, worker: usize, packet: RelayedPacket) {
        let taken = self.doors.get(worker).is_some_and(|door| door.forward(packet));
        if !taken && let Some(door) = self.doors.get(self.own) {
            door.counters.forward_drops.fetch_add(1, Ordering::Relaxed);
        }
    }
}
