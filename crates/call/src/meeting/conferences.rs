//! Conferences: who is in which, when it starts and when it is over.

use super::{News, PLACES_MAX, Place};
use model::CallId;
use model::meeting::{Attendance, ConferenceFact};
use model::sound::ConferenceId;
use std::collections::BTreeMap;

/// A member as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Names it.
    pub attendance: Attendance,
    /// The conference may start with it.
    pub starts: bool,
    /// The conference ends when it goes.
    pub ends: bool,
    /// The others hear it come and go.
    pub beep: bool,
}

/// All conferences.
#[derive(Debug, Default)]
pub struct Conferences {
    rooms: BTreeMap<Place, Room>,
    /// Where each member is.
    places: BTreeMap<CallId, Place>,
}

#[derive(Debug)]
struct Room {
    id: ConferenceId,
    /// A member came that it may start with.
    started: bool,
    /// Its members hear each other.
    open: bool,
    members: BTreeMap<CallId, Entry>,
}

impl Conferences {
    /// Most members of one.
    pub const MEMBERS_MAX: usize = 200;

    /// A call becomes a member; it is in no other conference then. `id` names the conference if it is a new one. It is
    /// open once a member has come that it may start with, and there are two.
    pub fn enter(
        &mut self,
        place: Place,
        call: CallId,
        entry: Entry,
        id: ConferenceId,
    ) -> News<ConferenceFact> {
        let mut news = self.leave(call);
        if self.rooms.len() >= PLACES_MAX && !self.rooms.contains_key(&place) {
            news.push((call, entry.attendance, refused("the server has as many conferences as it may")));
            return news;
        }
        let fresh = || Room { id, started: false, open: false, members: BTreeMap::new() };
        let room = self.rooms.entry(place.clone()).or_insert_with(fresh);
        if room.members.len() >= Self::MEMBERS_MAX {
            news.push((call, entry.attendance, refused("the conference has as many members as it may")));
            return news;
        }
        if entry.beep && room.open {
            news.extend(room.tell(&ConferenceFact::Beep));
        }
        room.members.insert(call, entry);
        room.started |= entry.starts;
        self.places.insert(call, place);
        let id = room.id;
        if room.open {
            news.push((call, entry.attendance, ConferenceFact::Open { conference: id }));
        } else if room.started && room.members.len() > 1 {
            room.open = true;
            news.extend(room.tell(&ConferenceFact::Open { conference: id }));
        } else {
            news.push((call, entry.attendance, ConferenceFact::Waiting));
        }
        news
    }

    /// A call is a member no longer. It hears nothing of it.
    pub fn leave(&mut self, call: CallId) -> News<ConferenceFact> {
        let Some(place) = self.places.remove(&call) else { return Vec::new() };
        let Some(room) = self.rooms.get_mut(&place) else { return Vec::new() };
        let Some(gone) = room.members.remove(&call) else { return Vec::new() };
        let mut news = News::new();
        if gone.ends {
            news.extend(room.tell(&ConferenceFact::Over));
            for member in std::mem::take(&mut room.members).into_keys() {
                self.places.remove(&member);
            }
        } else if gone.beep && room.open {
            news.extend(room.tell(&ConferenceFact::Beep));
        }
        if room.members.is_empty() {
            self.rooms.remove(&place);
        }
        news
    }

    /// Whether a call is in a conference.
    pub fn holds(&self, call: CallId) -> bool {
        self.places.contains_key(&call)
    }

    /// How many conferences there are.
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }
}

impl Room {
    fn tell(&self, fact: &ConferenceFact) -> News<ConferenceFact> {
        self.members.iter().map(|(call, entry)| (*call, entry.attendance, fact.clone())).collect()
    }
}

fn refused(reason: &str) -> ConferenceFact {
    ConferenceFact::Refused { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{FIRST, call, place};
    use super::*;

    const ID: ConferenceId = ConferenceId(7);
    const OPEN: ConferenceFact = ConferenceFact::Open { conference: ID };
    const PLAIN: Entry = Entry { attendance: FIRST, starts: true, ends: false, beep: false };

    fn enter(all: &mut Conferences, who: u64, entry: Entry) -> News<ConferenceFact> {
        all.enter(place("room"), call(who), entry, ID)
    }

    #[test]
    fn it_opens_with_its_second_member_and_closes_with_its_last() {
        let mut all = Conferences::default();
        assert_eq!(enter(&mut all, 1, PLAIN), [(call(1), FIRST, ConferenceFact::Waiting)]);
        assert_eq!(enter(&mut all, 2, PLAIN), [(call(1), FIRST, OPEN), (call(2), FIRST, OPEN)]);
        assert_eq!(enter(&mut all, 3, PLAIN), [(call(3), FIRST, OPEN)]);
        assert_eq!((all.leave(call(1)), all.leave(call(2))), (vec![], vec![]));
        assert_eq!(enter(&mut all, 4, PLAIN), [(call(4), FIRST, OPEN)], "once open it stays open");
        all.leave(call(3));
        all.leave(call(4));
        assert!(all.is_empty() && !all.holds(call(4)));
    }

    #[test]
    fn it_waits_for_a_member_that_may_start_it_and_ends_with_one_that_ends_it() {
        let mut all = Conferences::default();
        let guest = Entry { starts: false, ..PLAIN };
        let host = Entry { ends: true, ..PLAIN };
        enter(&mut all, 1, guest);
        assert_eq!(enter(&mut all, 2, guest), [(call(2), FIRST, ConferenceFact::Waiting)]);
        assert_eq!(
            enter(&mut all, 3, host),
            [(call(1), FIRST, OPEN), (call(2), FIRST, OPEN), (call(3), FIRST, OPEN)]
        );
        let over = ConferenceFact::Over;
        assert_eq!(all.leave(call(3)), [(call(1), FIRST, over.clone()), (call(2), FIRST, over)]);
        assert!(all.is_empty() && !all.holds(call(1)));
    }

    #[test]
    fn who_wants_it_is_heard_coming_and_going() {
        let mut all = Conferences::default();
        enter(&mut all, 1, PLAIN);
        enter(&mut all, 2, PLAIN);
        let loud = Entry { beep: true, ..PLAIN };
        let beeps = [(call(1), FIRST, ConferenceFact::Beep), (call(2), FIRST, ConferenceFact::Beep)];
        assert_eq!(enter(&mut all, 3, loud)[..2], beeps);
        assert_eq!(all.leave(call(3)), beeps);
    }

    #[test]
    fn a_call_is_in_one_conference_and_names_of_other_apps_are_others() {
        let mut all = Conferences::default();
        enter(&mut all, 1, PLAIN);
        let other = Place { mode: model::call::Mode::Live, ..place("room") };
        assert_eq!(all.enter(other, call(1), PLAIN, ID), [(call(1), FIRST, ConferenceFact::Waiting)]);
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn it_has_a_limit() {
        let mut all = Conferences::default();
        for who in 0..Conferences::MEMBERS_MAX as u64 {
            enter(&mut all, who, PLAIN);
        }
        let last = enter(&mut all, 999, PLAIN);
        assert!(matches!(last.as_slice(), [(.., ConferenceFact::Refused { .. })]), "{last:?}");
        assert!(!all.holds(call(999)));
    }
}
