//! Queues: who waits, who takes, and who met whom. Whoever waited longest is met first, on both sides.

use super::{News, PLACES_MAX, Place};
use model::meeting::{Attendance, QueueFact};
use model::{CallId, LegId};
use std::collections::{BTreeMap, VecDeque};

/// All queues.
#[derive(Debug, Default)]
pub struct Queues {
    queues: BTreeMap<Place, Queue>,
    /// Where each call waits that waits.
    places: BTreeMap<CallId, Place>,
    /// Who met whom, both ways.
    met: BTreeMap<CallId, CallId>,
    /// Of all that wait or have met somebody.
    attendances: BTreeMap<CallId, Attendance>,
}

/// At least one of the two is empty.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<CallId>,
    taking: VecDeque<CallId>,
}

impl Queues {
    /// Most calls on one side of a queue.
    pub const WAITING_MAX: usize = 1_000;

    /// A call waits, unless somebody is there to take it. It waits nowhere else then.
    pub fn wait(&mut self, place: Place, call: CallId, attendance: Attendance) -> News<QueueFact> {
        self.come(place, (call, attendance), false)
    }

    /// A call takes the one that has waited longest, or waits for one.
    pub fn take(&mut self, place: Place, call: CallId, attendance: Attendance) -> News<QueueFact> {
        self.come(place, (call, attendance), true)
    }

    /// A call waits no longer, or parts from whom it met. It hears nothing of it.
    pub fn leave(&mut self, call: CallId) -> News<QueueFact> {
        self.attendances.remove(&call);
        if let Some(other) = self.met.remove(&call) {
            self.met.remove(&other);
            let attendance = self.attendances.remove(&other);
            return attendance.map(|attendance| (other, attendance, QueueFact::Parted)).into_iter().collect();
        }
        if let Some(place) = self.places.remove(&call)
            && let Some(queue) = self.queues.get_mut(&place)
        {
            queue.waiting.retain(|other| *other != call);
            queue.taking.retain(|other| *other != call);
            self.tidy(&place);
        }
        Vec::new()
    }

    /// Whether a call waits or has met somebody.
    pub fn holds(&self, call: CallId) -> bool {
        self.places.contains_key(&call) || self.met.contains_key(&call)
    }

    /// How many queues have somebody in them.
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    /// Whether nobody waits anywhere.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    fn come(
        &mut self,
        place: Place,
        (call, attendance): (CallId, Attendance),
        takes: bool,
    ) -> News<QueueFact> {
        let mut news = self.leave(call);
        if self.queues.len() >= PLACES_MAX && !self.queues.contains_key(&place) {
            news.push((call, attendance, refused("the server has as many queues as it may")));
            return news;
        }
        let queue = self.queues.entry(place.clone()).or_default();
        let (own, others) = match takes {
            true => (&mut queue.taking, &mut queue.waiting),
            false => (&mut queue.waiting, &mut queue.taking),
        };
        if let Some(other) = others.pop_front() {
            self.places.remove(&other);
            self.met.insert(call, other);
            self.met.insert(other, call);
            self.tidy(&place);
            self.attendances.insert(call, attendance);
            let others = self.attendances.get(&other);
            news.extend(others.map(|others| (other, *others, QueueFact::Met { with: LegId::new(call, 0) })));
            news.push((call, attendance, QueueFact::Met { with: LegId::new(other, 0) }));
        } else if own.len() >= Self::WAITING_MAX {
            news.push((call, attendance, refused("the queue is full")));
        } else {
            own.push_back(call);
            self.places.insert(call, place);
            self.attendances.insert(call, attendance);
            news.push((call, attendance, QueueFact::Waiting));
        }
        news
    }

    /// A queue with nobody in it is forgotten.
    fn tidy(&mut self, place: &Place) {
        if self.queues.get(place).is_some_and(|queue| queue.waiting.is_empty() && queue.taking.is_empty()) {
            self.queues.remove(place);
        }
    }
}

fn refused(reason: &str) -> QueueFact {
    QueueFact::Refused { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{FIRST, call, place};
    use super::*;

    fn met(who: u64, with: u64) -> (CallId, Attendance, QueueFact) {
        (call(who), FIRST, QueueFact::Met { with: LegId::new(call(with), 0) })
    }

    #[test]
    fn whoever_waits_longest_is_taken_first() {
        let mut all = Queues::default();
        assert_eq!(all.wait(place("q"), call(1), FIRST), [(call(1), FIRST, QueueFact::Waiting)]);
        assert_eq!(all.wait(place("q"), call(2), FIRST), [(call(2), FIRST, QueueFact::Waiting)]);
        assert_eq!(all.take(place("q"), call(8), FIRST), [met(1, 8), met(8, 1)]);
        assert_eq!(all.take(place("q"), call(9), FIRST), [met(2, 9), met(9, 2)]);
        assert_eq!(all.leave(call(8)), [(call(1), FIRST, QueueFact::Parted)]);
        assert_eq!(all.leave(call(2)), [(call(9), FIRST, QueueFact::Parted)]);
        assert!(all.is_empty() && [1, 2, 8, 9].iter().all(|who| !all.holds(call(*who))));
    }

    #[test]
    fn whoever_takes_from_an_empty_queue_waits_for_the_next_who_comes() {
        let mut all = Queues::default();
        assert_eq!(all.take(place("q"), call(8), FIRST), [(call(8), FIRST, QueueFact::Waiting)]);
        assert_eq!(all.wait(place("other"), call(1), FIRST), [(call(1), FIRST, QueueFact::Waiting)]);
        assert_eq!(all.wait(place("q"), call(2), FIRST), [met(8, 2), met(2, 8)]);
    }

    #[test]
    fn whoever_goes_is_not_met() {
        let mut all = Queues::default();
        all.wait(place("q"), call(1), FIRST);
        all.wait(place("q"), call(2), FIRST);
        assert_eq!(all.leave(call(1)), []);
        assert_eq!(all.take(place("q"), call(8), FIRST), [met(2, 8), met(8, 2)]);
        assert_eq!(
            all.wait(place("q"), call(2), FIRST),
            [(call(8), FIRST, QueueFact::Parted), (call(2), FIRST, QueueFact::Waiting)]
        );
    }

    #[test]
    fn it_has_a_limit() {
        let mut all = Queues::default();
        for who in 0..Queues::WAITING_MAX as u64 {
            all.wait(place("q"), call(who), FIRST);
        }
        let last = all.wait(place("q"), call(9_999), FIRST);
        assert!(matches!(last.as_slice(), [(.., QueueFact::Refused { .. })]), "{last:?}");
        assert!(!all.holds(call(9_999)));
    }
}
