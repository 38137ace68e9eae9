//! What is kept because it may be wanted again, within a budget of bytes; what was not wanted for longest goes first.
//! Knows neither locks nor time.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Things by their keys.
#[derive(Debug)]
pub struct Shelf<K, V> {
    kept: HashMap<K, Entry<V>>,
    /// Keys by the number of their last use.
    uses: BTreeMap<u64, K>,
    used: u64,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Shelf<K, V> {
    /// An empty one for at most so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { kept: HashMap::new(), uses: BTreeMap::new(), used: 0, bytes: 0, bytes_max }
    }

    /// How many things are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The bytes of all of them.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// A thing, which is wanted now.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.kept.get_mut(key)?;
        if let Some(key) = self.uses.remove(&entry.used) {
            self.used += 1;
            entry.used = self.used;
            self.uses.insert(self.used, key);
        }
        Some(&entry.value)
    }

    /// Keeps a thing of so many bytes, in place of one with the same key. Others go as far as they must; one that alone
    /// exceeds the budget is not kept.
    pub fn put(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        if bytes > self.bytes_max {
            return;
        }
        while self.bytes.saturating_add(bytes) > self.bytes_max {
            let Some((_, oldest)) = self.uses.pop_first() else { break };
            if let Some(entry) = self.kept.remove(&oldest) {
                self.bytes -= entry.bytes;
            }
        }
        self.used += 1;
        self.bytes += bytes;
        self.uses.insert(self.used, key.clone());
        self.kept.insert(key, Entry { value, bytes, used: self.used });
    }

    /// Takes a thing out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.kept.remove(key)?;
        self.uses.remove(&entry.used);
        self.bytes -= entry.bytes;
        Some(entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a3` keeps `a` with three bytes, `a` wants it, `-a` takes it out; what is kept at the end of ten bytes.
    fn check(script: &str, kept: &str) {
        let mut shelf = Shelf::new(10);
        for step in script.split(' ') {
            let (key, bytes) = step.split_at(1);
            match (key, bytes.parse::<usize>()) {
                ("-", _) => drop(shelf.remove(&bytes.to_owned())),
                (_, Ok(bytes)) => shelf.put(key.to_owned(), bytes, bytes),
                _ => drop(shelf.get(&key.to_owned()).copied()),
            }
            let sum: usize = shelf.kept.values().map(|entry| entry.value).sum();
            assert_eq!((shelf.bytes(), shelf.len()), (sum, shelf.uses.len()), "{script}");
            assert!(shelf.bytes() <= 10, "{script}");
        }
        let mut left: Vec<_> = shelf.kept.keys().cloned().collect();
        left.sort();
        assert_eq!(left.join(""), kept, "{script}");
    }

    #[test]
    fn what_was_not_wanted_for_longest_goes_first() {
        check("a5 b5", "ab");
        check("a5 b5 c5", "bc");
        check("a5 b5 a c5", "ac");
        check("a3 b3 c3 d7", "cd");
        check("a5 b5 -a c5", "bc");
        check("a5 -b", "a");
        check("a5 a9", "a");
        check("a5 b5 c11", "ab");
        check("a5 a11", "");
    }
}
