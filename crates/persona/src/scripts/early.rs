//! 0015: ringback is heard before the answer; then a human answers.

use super::human::Human;
use crate::output::Tone;
use crate::script::{Opening, Script};
use crate::stage::Stage;

/// North American ringback.
pub(crate) const RINGBACK: Tone =
    Tone { frequencies_hz: [440, 480], on_ms: 2_000, off_ms: 4_000, repeat: true };

pub(crate) struct EarlyMedia(pub(crate) Human);

impl Script for EarlyMedia {
    fn opening(&self) -> Opening {
        Opening::EarlyMedia
    }

    fn lines(&self) -> Vec<String> {
        self.0.lines()
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.0.connected(stage);
    }
}
