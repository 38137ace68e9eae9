//! A recording on its way: an append-only spool with a small header, which a crash leaves readable, and the
//! wav file made of it afterwards. Works on readers and writers; knows no path.

use std::io::{Read, Seek, Write};

/// Bytes of a spool before its first sample.
pub const SPOOL_HEADER_LEN: usize = 32;

/// How samples lie in a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpoolCodec {
    /// G.711 µ-law, one byte a sample.
    Mulaw,
    /// G.711 A-law, one byte a sample.
    Alaw,
    /// Signed 16-bit, little-endian.
    Pcm16,
}

impl SpoolCodec {
    /// Bytes of one sample of one channel.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::Mulaw | Self::Alaw => 1,
            Self::Pcm16 => 2,
        }
    }
}

/// What a spool says of itself. Samples follow, channels interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolHeader {
    /// Codec of the samples.
    pub codec: SpoolCodec,
    /// Sample rate in Hz.
    pub rate_hz: u32,
    /// Channels, 1–8.
    pub channels: u8,
    /// When the recording began, in microseconds since the Unix epoch.
    pub started_at_us: u64,
}

impl SpoolHeader {
    /// The bytes to begin a spool with.
    pub fn encode(&self) -> [u8; SPOOL_HEADER_LEN] {
        [0; SPOOL_HEADER_LEN]
    }

    /// Reads the beginning of a spool.
    pub fn parse(bytes: &[u8]) -> Result<Self, SpoolError> {
        let _ = bytes;
        Err(SpoolError::NotASpool)
    }
}

/// A finished recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinishedWav {
    /// Samples of one channel.
    pub samples: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Bytes of the wav file.
    pub bytes: u64,
    /// Bytes of an incomplete last sample that a crash left behind, and that were left out.
    pub truncated_bytes: usize,
    /// What the spool said of itself.
    pub header: SpoolHeader,
}

/// Turns a spool into a PCM16 wav file of the same rate and channels.
pub fn spool_to_wav(reader: impl Read, writer: impl Write + Seek) -> Result<FinishedWav, SpoolError> {
    let _ = (reader, writer);
    Err(SpoolError::NotASpool)
}

/// Writes mono samples as a PCM16 wav file.
pub fn write_wav(writer: impl Write + Seek, rate_hz: u32, samples: &[i16]) -> Result<(), SpoolError> {
    let _ = (writer, rate_hz, samples);
    Err(SpoolError::NotASpool)
}

/// Why a spool could not be read or a wav not written.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The bytes do not begin like a spool, or the header is cut off.
    #[error("not a recording spool")]
    NotASpool,
    /// Written by a newer program.
    #[error("recording spool of unknown version {0}")]
    Version(u8),
    /// The header names a codec, rate or channel count that does not exist.
    #[error("recording spool header is damaged: {0}")]
    Header(&'static str),
    /// More samples than a wav file can say (4 GiB).
    #[error("the recording is too long for a wav file")]
    TooLong,
    /// Reading or writing failed.
    #[error("recording could not be read or written: {0}")]
    Io(#[from] std::io::Error),
}
