//! What is going to happen, by time and then by the order in which it was put down: never by chance. Knows nothing of
//! what it holds.

use model::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A heap of things to come. What is held stays where it is; only its number moves in the heap.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<(Timestamp, u64, usize)>>,
    held: Vec<Option<T>>,
    free: Vec<usize>,
    sequence: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), held: Vec::new(), free: Vec::new(), sequence: 0 }
    }
}

impl<T> Agenda<T> {
    /// Puts something down for `at`.
    pub(crate) fn put(&mut self, at: Timestamp, what: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.held.get_mut(slot) {
                    *place = Some(what);
                }
                slot
            }
            None => {
                self.held.push(Some(what));
                self.held.len() - 1
            }
        };
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, slot)));
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next thing.
    pub(crate) fn take(&mut self) -> Option<T> {
        let Reverse((_, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.held.get_mut(slot)?.take()
    }

    /// Whether nothing is to come.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_decides_and_then_the_order_of_putting_down() {
        let mut agenda = Agenda::default();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (3, 'b')] {
            agenda.put(Timestamp::from_millis(at), what);
        }
        assert_eq!(agenda.take(), Some('a'));
        agenda.put(Timestamp::from_millis(5), 'e');
        let rest: String = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!(rest, "bcde");
        assert!(agenda.is_empty() && agenda.next_at().is_none());
    }
}
