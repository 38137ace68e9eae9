//! `playback`: play files.

use serde::{Deserialize, Serialize};

/// Play files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playback {
    /// URLs or names in the media folder, 1 to [`Playback::MEDIA_MAX`].
    pub media: Vec<String>,
    /// How often the whole list, 1–100.
    pub times: u16,
    /// Silence between two files, 0–30,000.
    pub gap_ms: u32,
}

impl Playback {
    /// Most files in one command.
    pub const MEDIA_MAX: usize = 80;
    /// Most repetitions, here and in [`crate::flow::Say`].
    pub const TIMES_MAX: u16 = 100;
    /// Longest gap.
    pub const GAP_MS_MAX: u32 = 30_000;
}
