//! The tone that says "speak now".

use audio::tone::{ToneGenerator, ToneSpec};
use ports::media::{Clip, ClipId};
use std::sync::Arc;

const RATE_HZ: u32 = 8_000;
/// Longest tone.
const SAMPLES_MAX: usize = 8_000;

/// The beep as a clip.
pub(super) fn clip() -> Arc<Clip> {
    let mut samples = vec![0i16; SAMPLES_MAX];
    let length = ToneGenerator::new(ToneSpec::beep(), RATE_HZ).fill(&mut samples);
    samples.truncate(length);
    Arc::new(Clip { id: ClipId(*b"the record beep!"), rate_hz: RATE_HZ, samples: samples.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beep_is_heard_and_short() {
        let clip = clip();
        assert_eq!(clip.duration().as_millis(), 400);
        assert!(clip.samples.iter().any(|sample| sample.unsigned_abs() > 4_000));
    }
}
