//! Reads the samples of a wav file of 16-bit samples, whatever its rate and number of channels.

use hound::{SampleFormat, WavReader};
use std::io::Read;

/// A file's samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcm {
    /// Samples a second and channel.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// Samples, those of one moment together.
    pub samples: Vec<i16>,
}

/// The file is no wav of 16-bit samples, or ends in the middle.
#[derive(Debug, thiserror::Error)]
#[error("the file is no wav of 16-bit samples: {0}")]
pub struct PcmError(String);

/// Reads the whole file; the caller bounds its size.
pub fn read_pcm(reader: impl Read) -> Result<Pcm, PcmError> {
    let failed = |error: hound::Error| PcmError(error.to_string());
    let mut wav = WavReader::new(reader).map_err(failed)?;
    let spec = wav.spec();
    if (spec.sample_format, spec.bits_per_sample) != (SampleFormat::Int, 16) {
        return Err(PcmError(format!("it has {} bits", spec.bits_per_sample)));
    }
    let samples = wav.samples::<i16>().collect::<Result<Vec<i16>, _>>().map_err(failed)?;
    Ok(Pcm { rate_hz: spec.sample_rate, channels: spec.channels, samples })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn samples_are_read_as_they_were_written() {
        let mut file = Cursor::new(Vec::new());
        crate::wav::write_wav(&mut file, 8_000, &[1, -2, 3]).unwrap();
        let bytes = file.into_inner();
        let read = read_pcm(Cursor::new(&bytes)).unwrap();
        assert_eq!(read, Pcm { rate_hz: 8_000, channels: 1, samples: vec![1, -2, 3] });
        assert!(read_pcm(Cursor::new(&bytes[..47])).is_err());
        assert!(read_pcm(Cursor::new(b"no sound")).is_err());
    }
}
