//! Decoded prompts, within a budget of bytes; the one that was not played for longest goes first.

use super::Key;
use model::Timestamp;
use ports::Shelf;
use ports::media::Clip;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The kept clips.
pub(super) struct ClipCache {
    kept: Mutex<Shelf<Key, Kept>>,
}

struct Kept {
    clip: Arc<Clip>,
    until: Option<Timestamp>,
}

impl ClipCache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { kept: Mutex::new(Shelf::new(bytes_max)) }
    }

    /// How many clips are kept, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let kept = self.lock();
        (kept.len(), kept.bytes())
    }

    /// The clip, if it is kept and may still be played.
    pub(super) fn get(&self, key: &Key, now: Timestamp) -> Option<Arc<Clip>> {
        let mut kept = self.lock();
        let Kept { clip, until } = kept.get(key)?;
        if until.is_none_or(|until| until > now) {
            return Some(Arc::clone(clip));
        }
        kept.remove(key);
        None
    }

    /// Keeps a clip until then; one larger than the whole budget is not kept.
    pub(super) fn put(&self, key: Key, clip: Arc<Clip>, until: Option<Timestamp>) {
        let bytes = size(&clip);
        self.lock().put(key, Kept { clip, until }, bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Shelf<Key, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(clip: &Clip) -> usize {
    size_of_val(&*clip.samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::sound::PromptSource;
    use ports::media::ClipId;

    fn key(name: &str) -> Key {
        Key::Source(PromptSource::Media { location: name.into() })
    }

    fn clip(samples: usize) -> Arc<Clip> {
        Arc::new(Clip { id: ClipId([0; 16]), rate_hz: 8_000, samples: vec![0; samples].into() })
    }

    fn check(cache: &ClipCache, now_ms: u64, expected: &[(&str, bool)]) {
        for (name, there) in expected {
            let found = cache.get(&key(name), Timestamp::from_millis(now_ms));
            assert_eq!(found.is_some(), *there, "{name}");
        }
    }

    #[test]
    fn the_least_recently_played_goes_first() {
        let cache = ClipCache::new(400);
        cache.put(key("a"), clip(100), None);
        cache.put(key("b"), clip(100), None);
        check(&cache, 0, &[("a", true)]);
        cache.put(key("c"), clip(100), None);
        check(&cache, 0, &[("a", true), ("b", false), ("c", true)]);
        cache.put(key("huge"), clip(201), None);
        check(&cache, 0, &[("huge", false), ("a", true), ("c", true)]);
    }

    #[test]
    fn time_is_up_at_its_end() {
        let cache = ClipCache::new(400);
        cache.put(key("a"), clip(100), Some(Timestamp::from_millis(5)));
        check(&cache, 4, &[("a", true)]);
        check(&cache, 5, &[("a", false)]);
        cache.put(key("b"), clip(200), None);
        check(&cache, 5, &[("b", true)]);
    }
}
