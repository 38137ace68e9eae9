//! Sounds that need no file and no speech, as clips that are played over and over: a country's ring tone, and a tune to
//! wait by. Made when first wanted, held once.

use audio::hold_music::hold_music;
use audio::ringback::{Signal, cycle, tone};
use ports::media::{Clip, ClipId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Their rate, samples a second: the telephone's.
const RATE_HZ: u32 = 8_000;

/// The sounds that were wanted so far: at most one a country, and the tune.
#[derive(Default)]
pub(super) struct Tunes(Mutex<BTreeMap<String, Arc<Clip>>>);

impl Tunes {
    /// One cycle of a country's ring tone (ISO 3166, two letters), or why there is none.
    pub(super) fn ring_tone(&self, country: &str) -> Result<Arc<Clip>, String> {
        let country = country.to_ascii_lowercase();
        let spec = tone(&country, Signal::Ringback)
            .ok_or_else(|| format!("the ring tone of `{country}` is not known here"))?;
        Ok(self.kept(&format!("ring tone {country}"), || cycle(spec, RATE_HZ)))
    }

    /// One round of the tune.
    pub(super) fn hold_music(&self) -> Arc<Clip> {
        self.kept("the hold music", || hold_music(RATE_HZ))
    }

    fn kept(&self, name: &str, make: impl FnOnce() -> Vec<i16>) -> Arc<Clip> {
        let mut clips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clip) = clips.get(name) {
            return clip.clone();
        }
        let clip = Arc::new(Clip { id: id(name), rate_hz: RATE_HZ, samples: make().into() });
        clips.insert(name.to_owned(), clip.clone());
        clip
    }
}

/// The name itself: other clips are named by hashes.
fn id(name: &str) -> ClipId {
    let mut id = [b' '; 16];
    for (to, from) in id.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    ClipId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_tones_are_those_of_their_country_and_made_once() {
        let tunes = Tunes::default();
        let german = tunes.ring_tone("DE").unwrap();
        assert_eq!(german.duration().as_secs(), 5, "a second on, four off");
        assert!(Arc::ptr_eq(&german, &tunes.ring_tone("de").unwrap()));
        assert_ne!(tunes.ring_tone("us").unwrap().id, german.id);
        assert!(tunes.ring_tone("xx").is_err());
        assert!(tunes.hold_music().duration().as_secs() >= 5);
    }
}
