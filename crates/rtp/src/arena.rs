//! Storage of waiting packets: a fixed room of octets for their payloads, and a short list in the order of their
//! times. Nothing is allocated after the beginning; knows no clock.

use std::collections::VecDeque;

/// Most packets that wait.
pub(crate) const SLOTS_MAX: usize = 64;

/// A packet that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Media time at which it begins, in RTP clock units, unwrapped.
    pub(crate) position: i64,
    /// How long it lasts, in the same.
    pub(crate) units: u32,
    pub(crate) sequence: u16,
    at: u16,
    len: u16,
}

impl Slot {
    /// Media time at which it ends.
    pub(crate) fn end(&self) -> i64 {
        self.position + i64::from(self.units)
    }
}

/// The waiting packets.
#[derive(Clone, Debug)]
pub(crate) struct Arena {
    octets: Box<[u8]>,
    slots: VecDeque<Slot>,
    /// Where the next payload goes, if that is free.
    head: usize,
}

impl Arena {
    /// Room for payloads of `octets` together, at most 65,535.
    pub(crate) fn new(octets: u16) -> Self {
        let octets = vec![0; usize::from(octets)].into_boxed_slice();
        Self { octets, slots: VecDeque::with_capacity(SLOTS_MAX + 1), head: 0 }
    }

    pub(crate) fn front(&self) -> Option<&Slot> {
        self.slots.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Slot> {
        self.slots.pop_front()
    }

    pub(crate) fn clear(&mut self) {
        self.slots.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The end of the last packet.
    pub(crate) fn end(&self) -> Option<i64> {
        self.slots.back().map(Slot::end)
    }

    /// A payload; stays readable until the next `insert`, also when its slot was popped.
    pub(crate) fn payload(&self, slot: &Slot) -> &[u8] {
        let at = usize::from(slot.at);
        self.octets.get(at..at + usize::from(slot.len)).unwrap_or_default()
    }

    /// Keeps a packet in the order of times; false where one of that time is there already. Whatever is in the way
    /// for want of room goes, earliest first; returns through `evicted` how many did.
    pub(crate) fn insert(
        &mut self,
        position: i64,
        units: u32,
        sequence: u16,
        payload: &[u8],
        evicted: &mut u64,
    ) -> bool {
        let place = self.slots.iter().rposition(|slot| slot.position <= position);
        let behind = place.and_then(|at| self.slots.get(at));
        if behind.is_some_and(|slot| slot.position == position) || payload.len() > self.octets.len() {
            return false;
        }
        while self.slots.len() >= SLOTS_MAX {
            self.slots.pop_front();
            *evicted += 1;
        }
        let at = self.make_room(payload.len(), evicted);
        if let Some(room) = self.octets.get_mut(at..at + payload.len()) {
            room.copy_from_slice(payload);
        }
        self.head = at + payload.len();
        let place = self.slots.iter().rposition(|slot| slot.position < position).map_or(0, |at| at + 1);
        // Both fit: the room has at most 65,535 octets.
        self.slots
            .insert(place, Slot { position, units, sequence, at: at as u16, len: payload.len() as u16 });
        true
    }

    /// A place behind the last payload, or at the beginning where the room ends.
    fn make_room(&mut self, len: usize, evicted: &mut u64) -> usize {
        let at = if self.head + len > self.octets.len() { 0 } else { self.head };
        let in_the_way = |slot: &Slot| {
            let (from, to) = (usize::from(slot.at), usize::from(slot.at) + usize::from(slot.len));
            from < at + len && at < to
        };
        while self.slots.iter().any(in_the_way) {
            self.slots.pop_front();
            *evicted += 1;
        }
        at
    }
}
