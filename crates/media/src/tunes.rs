//! Sounds that need no file, as clips to be played [`ports::media::FOREVER`]: what a telephone network lets its callers
//! hear, and a tune to wait by.

use crate::prompts::clip_id;
use audio::hold_music::hold_music as tune;
use audio::ringback::{Signal, cycle, tone};
use ports::media::Clip;
use std::sync::Arc;

/// Their rate, samples a second: the telephone's.
const RATE_HZ: u32 = 8_000;

/// One cycle of a country's signal (ISO 3166, two letters); none where the country is not known.
pub fn signal(country: &str, signal: Signal) -> Option<Arc<Clip>> {
    let samples = cycle(tone(country, signal)?, RATE_HZ);
    let name = format!("{signal:?} of {}", country.to_ascii_lowercase());
    Some(Arc::new(Clip { id: clip_id(name.as_bytes()), rate_hz: RATE_HZ, samples: samples.into() }))
}

/// One round of the tune.
pub fn hold_music() -> Arc<Clip> {
    let samples = tune(RATE_HZ).into();
    Arc::new(Clip { id: clip_id(b"the tune to wait by"), rate_hz: RATE_HZ, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_those_of_their_country_and_keep_their_names() {
        let ringback = signal("DE", Signal::Ringback).unwrap();
        assert_eq!(ringback.duration().as_secs(), 5, "a second on, four off");
        assert_eq!(signal("de", Signal::Ringback).unwrap().id, ringback.id);
        assert_ne!(signal("us", Signal::Ringback).unwrap().id, ringback.id);
        assert_ne!(signal("de", Signal::Busy).unwrap().id, ringback.id);
        assert_eq!(signal("xx", Signal::Busy), None);
        assert!(hold_music().duration().as_secs() >= 5);
    }
}
