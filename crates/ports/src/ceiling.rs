//! A limit that can change while the server runs: whoever keeps it reads it anew each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most of something; all clones are the same limit.
#[derive(Debug, Clone)]
pub struct Ceiling(Arc<AtomicUsize>);

impl Ceiling {
    /// A limit of so many.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(most)))
    }

    /// As many as there may be now.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Changes it for everybody. What is there already beyond a lower limit stays.
    pub fn set(&self, most: usize) {
        self.0.store(most, Ordering::Relaxed);
    }

    /// Whether one more than `now` would be too many.
    pub fn is_reached(&self, now: usize) -> bool {
        now >= self.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_limit_holds_for_all_who_keep_it() {
        let ceiling = Ceiling::new(2);
        let kept = ceiling.clone();
        assert!(kept.is_reached(2) && !kept.is_reached(1));
        ceiling.set(3);
        assert!(!kept.is_reached(2));
    }
}
