//! A recording on its way: an append-only spool with a small header, which a crash leaves readable, and the
//! wav file made of it afterwards. Works on readers and writers; knows no path.

use crate::g711::{self, Law};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::io::{ErrorKind, Read, Seek, Write};

/// Bytes of a spool before its first sample.
pub const SPOOL_HEADER_LEN: usize = 32;

const MAGIC: [u8; 4] = *b"LYRS";
const VERSION: u8 = 1;
const CHANNELS_MAX: u8 = 8;
/// Frames converted at a time.
const PIECE_FRAMES: usize = 4_096;
const WAV_HEADER_BYTES: u64 = 44;
/// What the 32-bit lengths of a wav file can say.
const WAV_DATA_BYTES_MAX: u64 = u32::MAX as u64 - WAV_HEADER_BYTES;

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

    const fn code(self) -> u8 {
        match self {
            Self::Mulaw => 1,
            Self::Alaw => 2,
            Self::Pcm16 => 3,
        }
    }

    const fn of_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Mulaw),
            2 => Some(Self::Alaw),
            3 => Some(Self::Pcm16),
            _ => None,
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
    /// The bytes to begin a spool with: magic, version, codec, channels, a zero byte, rate and start in
    /// little-endian, and zeros that are kept for later.
    pub fn encode(&self) -> [u8; SPOOL_HEADER_LEN] {
        let mut out = [0; SPOOL_HEADER_LEN];
        let fields = MAGIC
            .into_iter()
            .chain([VERSION, self.codec.code(), self.channels, 0])
            .chain(self.rate_hz.to_le_bytes())
            .chain(self.started_at_us.to_le_bytes());
        for (slot, byte) in out.iter_mut().zip(fields) {
            *slot = byte;
        }
        out
    }

    /// Reads the beginning of a spool.
    pub fn parse(bytes: &[u8]) -> Result<Self, SpoolError> {
        let header = bytes.first_chunk::<SPOOL_HEADER_LEN>().ok_or(SpoolError::NotASpool)?;
        let [
            m0,
            m1,
            m2,
            m3,
            version,
            codec,
            channels,
            _,
            r0,
            r1,
            r2,
            r3,
            started @ ..,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
        ] = *header;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(SpoolError::NotASpool);
        }
        if version != VERSION {
            return Err(SpoolError::Version(version));
        }
        let codec = SpoolCodec::of_code(codec).ok_or(SpoolError::Header("unknown codec"))?;
        let rate_hz = u32::from_le_bytes([r0, r1, r2, r3]);
        if !(4_000..=192_000).contains(&rate_hz) {
            return Err(SpoolError::Header("impossible rate"));
        }
        if !(1..=CHANNELS_MAX).contains(&channels) {
            return Err(SpoolError::Header("impossible channel count"));
        }
        Ok(Self { codec, rate_hz, channels, started_at_us: u64::from_le_bytes(started) })
    }

    /// Bytes of one sample of all channels.
    pub const fn frame_bytes(&self) -> usize {
        self.codec.sample_bytes() * self.channels as usize
    }

    /// Length in milliseconds of `bytes` of samples; an incomplete last sample does not count.
    pub const fn duration_ms(&self, bytes: u64) -> u64 {
        bytes / self.frame_bytes() as u64 * 1_000 / self.rate_hz as u64
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

/// Turns a spool into a PCM16 wav file of the same rate and channels. Reads to the end, in small pieces; both
/// sides should be buffered or memory.
pub fn spool_to_wav(mut reader: impl Read, writer: impl Write + Seek) -> Result<FinishedWav, SpoolError> {
    let mut header = [0; SPOOL_HEADER_LEN];
    if fill(&mut reader, &mut header)? < SPOOL_HEADER_LEN {
        return Err(SpoolError::NotASpool);
    }
    let header = SpoolHeader::parse(&header)?;
    let mut wav =
        WavWriter::new(writer, wav_spec(header.rate_hz, header.channels.into())).map_err(from_hound)?;
    let mut piece = vec![0; header.frame_bytes() * PIECE_FRAMES];
    let mut decoded = vec![0; usize::from(header.channels) * PIECE_FRAMES];
    let mut samples = 0;
    let truncated_bytes = loop {
        let filled = fill(&mut reader, &mut piece)?;
        let frames = filled / header.frame_bytes();
        samples += frames as u64;
        if samples * u64::from(header.channels) * 2 > WAV_DATA_BYTES_MAX {
            return Err(SpoolError::TooLong);
        }
        let whole = piece.get(..frames * header.frame_bytes()).unwrap_or_default();
        let count = decode_samples(header.codec, whole, &mut decoded);
        write_samples(&mut wav, decoded.get(..count).unwrap_or_default())?;
        if filled < piece.len() {
            break filled - whole.len();
        }
    };
    wav.finalize().map_err(from_hound)?;
    Ok(FinishedWav {
        samples,
        duration_ms: samples * 1_000 / u64::from(header.rate_hz),
        bytes: WAV_HEADER_BYTES + samples * u64::from(header.channels) * 2,
        truncated_bytes,
        header,
    })
}

/// Writes mono samples as a PCM16 wav file.
pub fn write_wav(writer: impl Write + Seek, rate_hz: u32, samples: &[i16]) -> Result<(), SpoolError> {
    if samples.len() as u64 * 2 > WAV_DATA_BYTES_MAX {
        return Err(SpoolError::TooLong);
    }
    let mut wav = WavWriter::new(writer, wav_spec(rate_hz, 1)).map_err(from_hound)?;
    for piece in samples.chunks(PIECE_FRAMES) {
        write_samples(&mut wav, piece)?;
    }
    wav.finalize().map_err(from_hound)
}

fn wav_spec(rate_hz: u32, channels: u16) -> WavSpec {
    WavSpec { channels, sample_rate: rate_hz, bits_per_sample: 16, sample_format: SampleFormat::Int }
}

fn write_samples(wav: &mut WavWriter<impl Write + Seek>, samples: &[i16]) -> Result<(), SpoolError> {
    let mut block = wav.get_i16_writer(u32::try_from(samples.len()).map_err(|_| SpoolError::TooLong)?);
    samples.iter().for_each(|sample| block.write_sample(*sample));
    block.flush().map_err(from_hound)
}

fn decode_samples(codec: SpoolCodec, bytes: &[u8], out: &mut [i16]) -> usize {
    match codec {
        SpoolCodec::Mulaw => g711::decode(Law::Mu, bytes, out),
        SpoolCodec::Alaw => g711::decode(Law::A, bytes, out),
        SpoolCodec::Pcm16 => {
            let (pairs, _) = bytes.as_chunks::<2>();
            for (sample, pair) in out.iter_mut().zip(pairs) {
                *sample = i16::from_le_bytes(*pair);
            }
            pairs.len()
        }
    }
}

/// Reads until the buffer is full or the source ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, SpoolError> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

fn from_hound(error: hound::Error) -> SpoolError {
    match error {
        hound::Error::IoError(error) => SpoolError::Io(error),
        _ => SpoolError::TooLong,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{ClipLimits, read_clip};
    use std::io::Cursor;

    const HEADER: SpoolHeader = SpoolHeader {
        codec: SpoolCodec::Pcm16,
        rate_hz: 8_000,
        channels: 1,
        started_at_us: 1_777_713_247_120_345,
    };

    fn finished(header: SpoolHeader, samples: &[u8]) -> (FinishedWav, Vec<u8>) {
        let spool = [&header.encode(), samples].concat();
        let mut wav = Cursor::new(Vec::new());
        let finished = spool_to_wav(spool.as_slice(), &mut wav).unwrap();
        assert_eq!(finished.bytes, wav.get_ref().len() as u64);
        assert_eq!(finished.header, header);
        (finished, wav.into_inner())
    }

    #[test]
    fn headers_are_read_as_written() {
        for codec in [SpoolCodec::Mulaw, SpoolCodec::Alaw, SpoolCodec::Pcm16] {
            for (rate_hz, channels) in [(8_000, 1), (48_000, 2), (16_000, 8)] {
                let header = SpoolHeader { codec, rate_hz, channels, ..HEADER };
                assert_eq!(SpoolHeader::parse(&header.encode()).unwrap(), header);
            }
        }
        assert_eq!(HEADER.encode()[..8], *b"LYRS\x01\x03\x01\x00");
        assert_eq!(HEADER.duration_ms(16_001), 1_000);
    }

    #[test]
    fn broken_headers_are_named() {
        let check = |at: usize, byte: u8, expected: &str| {
            let mut bytes = HEADER.encode();
            bytes[at] = byte;
            assert_eq!(SpoolHeader::parse(&bytes).unwrap_err().to_string(), expected);
        };
        check(0, b'X', "not a recording spool");
        check(4, 2, "recording spool of unknown version 2");
        check(5, 9, "recording spool header is damaged: unknown codec");
        check(6, 0, "recording spool header is damaged: impossible channel count");
        check(9, 0, "recording spool header is damaged: impossible rate");
        for len in 0..SPOOL_HEADER_LEN {
            let cut = &HEADER.encode()[..len];
            assert!(matches!(SpoolHeader::parse(cut), Err(SpoolError::NotASpool)));
            assert!(matches!(spool_to_wav(cut, Cursor::new(Vec::new())), Err(SpoolError::NotASpool)));
        }
    }

    #[test]
    fn a_spool_becomes_a_wav_of_the_same_samples() {
        let samples: Vec<i16> = (0..20_000).map(|n| (n * 37 % 65_536 - 32_768) as i16).collect();
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let (done, wav) = finished(HEADER, &bytes);
        assert_eq!((done.samples, done.duration_ms, done.truncated_bytes), (20_000, 2_500, 0));
        let clip = read_clip(&wav, &ClipLimits::default()).unwrap();
        assert_eq!((clip.rate_hz, clip.samples), (8_000, samples.clone()));

        for (codec, law) in [(SpoolCodec::Mulaw, Law::Mu), (SpoolCodec::Alaw, Law::A)] {
            let mut octets = vec![0; samples.len()];
            g711::encode(law, &samples, &mut octets);
            let mut expected = vec![0; samples.len()];
            g711::decode(law, &octets, &mut expected);
            let (done, wav) = finished(SpoolHeader { codec, ..HEADER }, &octets);
            assert_eq!(done.duration_ms, 2_500);
            assert_eq!(read_clip(&wav, &ClipLimits::default()).unwrap().samples, expected);
        }
    }

    #[test]
    fn a_crash_costs_at_most_the_last_sample() {
        let stereo = SpoolHeader { channels: 2, ..HEADER };
        for (bytes, samples, truncated) in
            [(0, 0, 0), (3, 0, 3), (4, 1, 0), (4_003, 1_000, 3), (32_769, 8_192, 1)]
        {
            let (done, wav) = finished(stereo, &vec![7; bytes]);
            assert_eq!((done.samples, done.truncated_bytes), (samples, truncated), "{bytes}");
            assert_eq!(hound::WavReader::new(Cursor::new(wav)).unwrap().duration(), samples as u32);
        }
    }

    #[test]
    fn failures_of_either_side_are_reported() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("disk on fire"))
            }
        }
        let header = HEADER.encode();
        let broken = header.chain(Broken);
        let error = spool_to_wav(broken, Cursor::new(Vec::new())).unwrap_err();
        assert_eq!(error.to_string(), "recording could not be read or written: disk on fire");
        let spool = [HEADER.encode().as_slice(), &[0; 64]].concat();
        let mut room = [0; 50];
        let full = Cursor::new(room.as_mut_slice());
        assert!(matches!(spool_to_wav(spool.as_slice(), full), Err(SpoolError::Io(_))));
    }

    #[test]
    fn samples_are_written_as_a_wav() {
        let samples: Vec<i16> = (0..10_000).map(|n| n as i16).collect();
        let mut file = Cursor::new(Vec::new());
        write_wav(&mut file, 8_000, &samples).unwrap();
        assert_eq!(read_clip(file.get_ref(), &ClipLimits::default()).unwrap().samples, samples);
    }
}
