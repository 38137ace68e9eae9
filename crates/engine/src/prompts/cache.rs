//! Decoded prompts, within a budget of bytes; the one that was not played for longest goes first.

use super::Key;
use model::Timestamp;
use ports::media::Clip;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The kept clips.
pub(super) struct ClipCache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    clips: HashMap<Key, Entry>,
    /// Keys by last use, oldest first.
    uses: BTreeMap<u64, Key>,
    bytes: usize,
    next_use: u64,
}

struct Entry {
    clip: Arc<Clip>,
    until: Option<Timestamp>,
    used: u64,
}

impl ClipCache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// How many clips are kept, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.clips.len(), kept.bytes)
    }

    /// The clip, if it is kept and may still be played.
    pub(super) fn get(&self, key: &Key, now: Timestamp) -> Option<Arc<Clip>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = kept.clips.get(key)?;
        if entry.until.is_some_and(|until| until <= now) {
            kept.remove(key);
            return None;
        }
        kept.touch(key)
    }

    /// Keeps a clip until then; one larger than the whole budget is not kept.
    pub(super) fn put(&self, key: Key, clip: Arc<Clip>, until: Option<Timestamp>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&key);
        if size(&clip) > self.bytes_max {
            return;
        }
        kept.bytes += size(&clip);
        let used = kept.next_use;
        kept.next_use += 1;
        kept.uses.insert(used, key.clone());
        kept.clips.insert(key, Entry { clip, until, used });
        while kept.bytes > self.bytes_max
            && let Some((_, oldest)) = kept.uses.pop_first()
        {
            kept.remove(&oldest);
        }
    }
}

impl Kept {
    fn touch(&mut self, key: &Key) -> Option<Arc<Clip>> {
        let entry = self.clips.get_mut(key)?;
        self.uses.remove(&entry.used);
        entry.used = self.next_use;
        self.uses.insert(self.next_use, key.clone());
        self.next_use += 1;
        Some(entry.clip.clone())
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.clips.remove(key) {
            self.uses.remove(&entry.used);
            self.bytes -= size(&entry.clip);
        }
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
