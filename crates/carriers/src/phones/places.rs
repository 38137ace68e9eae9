//! From which addresses phones are registered: asked before anything of a message is read.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Addresses by phone, and phones by address.
#[derive(Debug, Default)]
pub(super) struct Places {
    of: HashMap<String, HashSet<IpAddr>>,
    at: HashMap<IpAddr, usize>,
}

impl Places {
    /// A phone is at these places now, and at no other.
    pub(super) fn set(&mut self, name: &str, places: HashSet<IpAddr>) {
        for place in self.of.remove(name).into_iter().flatten() {
            if let Some(phones) = self.at.get_mut(&place) {
                *phones -= 1;
                if *phones == 0 {
                    self.at.remove(&place);
                }
            }
        }
        if !places.is_empty() {
            places.iter().for_each(|place| *self.at.entry(*place).or_default() += 1);
            self.of.insert(name.to_owned(), places);
        }
    }

    /// Whether any phone is there.
    pub(super) fn are_at(&self, place: IpAddr) -> bool {
        self.at.contains_key(&place.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_as_long_as_one_phone_is_there() {
        let mut places = Places::default();
        let (home, office): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        places.set("alice", HashSet::from([home, office]));
        places.set("bob", HashSet::from([home]));
        places.set("alice", HashSet::new());
        assert!(places.are_at(home) && !places.are_at(office));
        assert!(places.are_at("::ffff:192.0.2.1".parse().unwrap()));
        places.set("bob", HashSet::new());
        assert!(!places.are_at(home) && places.at.is_empty() && places.of.is_empty());
    }
}
