//! Reads prompts of strangers: wav and mp3 to mono samples, within limits. Trusts the bytes, never a name or a
//! content type; never panics on them.

mod riff;
mod sink;

use self::riff::Wav;
use self::sink::Sink;
use crate::sniff::{Content, after_id3, sniff};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::default::codecs::MpaDecoder;
use symphonia::default::formats::MpaReader;

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
    /// Sample rate in Hz.
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
        /// What the bytes look like: "an HTML page", "JSON", "a PNG image", …
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

/// Decodes a wav (PCM 8/16/24/32, float, G.711) or mp3 file at its own rate.
pub fn read_clip(bytes: &[u8], limits: &ClipLimits) -> Result<Clip, ReadError> {
    read(bytes, limits, None)
}

/// The same, converted to `rate_hz` while it is decoded if it has a higher rate, so that memory is bounded by the limits at that rate.
pub fn read_clip_at(bytes: &[u8], limits: &ClipLimits, rate_hz: u32) -> Result<Clip, ReadError> {
    read(bytes, limits, Some(rate_hz))
}

fn read(bytes: &[u8], limits: &ClipLimits, rate_hz: Option<u32>) -> Result<Clip, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if bytes.len() > limits.bytes_max {
        return Err(ReadError::TooLarge { bytes: bytes.len(), bytes_max: limits.bytes_max });
    }
    match sniff(bytes) {
        Content::Wav => read_wav(bytes, limits, rate_hz),
        Content::Mp3 => read_mp3(bytes, limits, rate_hz),
        Content::OtherSound(found) => Err(ReadError::Unsupported { found: found.to_owned() }),
        Content::NotSound(found) => Err(ReadError::NotAudio { found }),
        Content::Unknown => Err(ReadError::NotAudio { found: "unknown data" }),
    }
}

fn read_wav(bytes: &[u8], limits: &ClipLimits, rate_hz: Option<u32>) -> Result<Clip, ReadError> {
    let wav = Wav::parse(bytes)?;
    let mut sink =
        Sink::new(wav.rate_hz, rate_hz.map_or(wav.rate_hz, |most_hz| most_hz.min(wav.rate_hz)), limits)?;
    let mut block = [0; 1_024];
    let mut samples = wav.mono();
    loop {
        let mut filled = 0;
        for (slot, sample) in block.iter_mut().zip(&mut samples) {
            *slot = sample;
            filled += 1;
        }
        if filled == 0 {
            break;
        }
        sink.push(block.get(..filled).unwrap_or_default())?;
    }
    Some(sink.finish()).filter(|clip| !clip.samples.is_empty()).ok_or(ReadError::NoSound)
}

fn read_mp3(bytes: &[u8], limits: &ClipLimits, rate_hz: Option<u32>) -> Result<Clip, ReadError> {
    // Pictures in a tag may look like frames.
    let frames = after_id3(bytes);
    // A decoder that loses its way in a stranger's bytes has found damage; it must not take the caller with it.
    let read = catch_unwind(AssertUnwindSafe(|| decode_mp3(frames, limits, rate_hz)));
    read.unwrap_or_else(|_| Err(damaged("mp3", "the decoder gave up")))
}

fn decode_mp3(bytes: &[u8], limits: &ClipLimits, rate_hz: Option<u32>) -> Result<Clip, ReadError> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut reader = MpaReader::try_new(source, Default::default()).map_err(|error| translate(&error))?;
    let (track, mut decoder) = open_track(&reader)?;
    let mut sink: Option<Sink> = None;
    let mut interleaved: Vec<i16> = Vec::new();
    let mut mono: Vec<i16> = Vec::new();
    let mut refused = None;
    // A file that is cut off ends where its bytes end.
    while let Ok(Some(packet)) = reader.next_packet() {
        if packet.track_id != track {
            continue;
        }
        let sound = match decoder.decode(&packet) {
            Ok(sound) => sound,
            Err(Error::DecodeError(detail)) => {
                refused = refused.or(Some(detail));
                continue;
            }
            Err(error) => return Err(translate(&error)),
        };
        let (from_hz, channels) = (sound.spec().rate(), sound.spec().channels().count());
        sound.copy_to_vec_interleaved(&mut interleaved);
        mono.clear();
        mono.extend(interleaved.chunks_exact(channels.max(1)).map(average));
        let sink = match &mut sink {
            Some(sink) => sink,
            None => sink.insert(Sink::new(
                from_hz,
                rate_hz.map_or(from_hz, |most_hz| most_hz.min(from_hz)),
                limits,
            )?),
        };
        if sink.input_rate_hz() != from_hz {
            return Err(ReadError::Unsupported { found: "mp3 sound whose rate changes".to_owned() });
        }
        sink.push(&mono)?;
    }
    match (sink.map(Sink::finish), refused) {
        (Some(clip), _) if !clip.samples.is_empty() => Ok(clip),
        (_, Some(detail)) => Err(damaged("mp3", detail)),
        _ => Err(ReadError::NoSound),
    }
}

/// The track with sound, and a decoder for it.
fn open_track(reader: &MpaReader<'_>) -> Result<(u32, MpaDecoder), ReadError> {
    let track = reader.default_track(TrackType::Audio).ok_or(ReadError::NoSound)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or(ReadError::NoSound)?;
    let decoder = MpaDecoder::try_new(parameters, &AudioDecoderOptions::default());
    Ok((track.id, decoder.map_err(|error| translate(&error))?))
}

fn translate(error: &Error) -> ReadError {
    match error {
        Error::Unsupported(detail) => ReadError::Unsupported { found: format!("mp3 sound ({detail})") },
        other => damaged("mp3", &other.to_string()),
    }
}

fn damaged(format: &'static str, detail: &str) -> ReadError {
    ReadError::Damaged { format, detail: detail.to_owned() }
}

fn average(frame: &[i16]) -> i16 {
    let sum: i32 = frame.iter().copied().map(i32::from).sum();
    (sum / i32::try_from(frame.len()).unwrap_or(1).max(1)) as i16
}

#[cfg(test)]
mod tests;
