//! Frames of any length and of 8 or 16 kHz, cut into steps of 10 ms at 8 kHz.

use super::spectrum::STEP;
use crate::Resampler;

/// Cuts and converts.
#[derive(Debug)]
pub(super) struct Input {
    /// None where the sound has the right rate already.
    converter: Option<Resampler>,
    step: [i16; STEP],
    filled: usize,
}

impl Input {
    /// For sound of this rate.
    pub(super) fn new(rate_hz: u32) -> Self {
        let converter = if rate_hz == 8_000 { None } else { Resampler::new(rate_hz, 8_000).ok() };
        Self { converter, step: [0; STEP], filled: 0 }
    }

    /// The next step; takes what it needs off the front of `frame`. None: it needs more.
    pub(super) fn step(&mut self, frame: &mut &[i16]) -> Option<[i16; STEP]> {
        let room = self.step.get_mut(self.filled..).unwrap_or_default();
        let (taken, made) = match &mut self.converter {
            Some(converter) => {
                let progress = converter.process(frame, room);
                (progress.consumed, progress.produced)
            }
            None => {
                let made = room.len().min(frame.len());
                for (to, from) in room.iter_mut().zip(frame.iter()) {
                    *to = *from;
                }
                (made, made)
            }
        };
        *frame = frame.get(taken..).unwrap_or_default();
        self.filled += made;
        if self.filled < STEP {
            return None;
        }
        self.filled = 0;
        Some(self.step)
    }
}
