//! Reads prompts of strangers: wav and mp3 to mono samples, within limits. Trusts the bytes, never a name or a
//! content type; never panics on them.

use crate::resample::Resampler;
use crate::sniff::{Content, after_id3, sniff};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;

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

/// The same, converted to `rate_hz` while it is decoded, so that memory is bounded by the limits at that rate.
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
    let (format, bytes) = match sniff(bytes) {
        Content::Wav => ("wav", bytes),
        // Pictures in a tag may look like frames.
        Content::Mp3 => ("mp3", after_id3(bytes)),
        Content::OtherSound(found) => return Err(ReadError::Unsupported { found: found.to_owned() }),
        Content::NotSound(found) => return Err(ReadError::NotAudio { found }),
        Content::Unknown => return Err(ReadError::NotAudio { found: "unknown data" }),
    };
    // A decoder that loses its way in a stranger's bytes has found damage; it must not take the caller with it.
    let read = catch_unwind(AssertUnwindSafe(|| decode(bytes, format, limits, rate_hz)));
    read.unwrap_or_else(|_| Err(damaged(format, "the decoder gave up")))
}

fn decode(
    bytes: &[u8],
    format: &'static str,
    limits: &ClipLimits,
    rate_hz: Option<u32>,
) -> Result<Clip, ReadError> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(format);
    let mut reader = symphonia::default::get_probe()
        .probe(&hint, source, Default::default(), Default::default())
        .map_err(|error| translate(format, &error))?;
    let (track, mut decoder) = open_track(reader.as_ref(), format)?;
    let mut sink: Option<Sink> = None;
    let mut interleaved: Vec<i16> = Vec::new();
    let mut refused = None;
    while let Some(packet) = next_packet(reader.as_mut()) {
        if packet.track_id != track {
            continue;
        }
        let sound = match decoder.decode(&packet) {
            Ok(sound) => sound,
            Err(Error::DecodeError(detail)) => {
                refused = refused.or(Some(detail));
                continue;
            }
            Err(error) => return Err(translate(format, &error)),
        };
        let spec = sound.spec();
        let (from_hz, channels) = (spec.rate(), spec.channels().count());
        sound.copy_to_vec_interleaved(&mut interleaved);
        let sink = match &mut sink {
            Some(sink) => sink,
            None => sink.insert(Sink::new(from_hz, rate_hz.unwrap_or(from_hz), limits)?),
        };
        sink.push(&interleaved, channels, from_hz)?;
    }
    match (sink.map(Sink::finish), refused) {
        (Some(clip), _) if !clip.samples.is_empty() => Ok(clip),
        (_, Some(detail)) => Err(damaged(format, detail)),
        _ => Err(ReadError::NoSound),
    }
}

/// The first track with sound, and a decoder for it.
fn open_track(
    reader: &dyn FormatReader,
    format: &'static str,
) -> Result<(u32, Box<dyn AudioDecoder>), ReadError> {
    let track = reader.default_track(TrackType::Audio).ok_or(ReadError::NoSound)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or(ReadError::NoSound)?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| translate(format, &error))?;
    Ok((track.id, decoder))
}

/// A file that is cut off, or whose length was unknown when it was written, ends where its bytes end.
fn next_packet(reader: &mut dyn FormatReader) -> Option<symphonia::core::packet::Packet> {
    reader.next_packet().ok().flatten()
}

fn translate(format: &'static str, error: &Error) -> ReadError {
    match error {
        Error::Unsupported(detail) => ReadError::Unsupported { found: format!("{format} sound ({detail})") },
        other => damaged(format, &other.to_string()),
    }
}

fn damaged(format: &'static str, detail: &str) -> ReadError {
    ReadError::Damaged { format, detail: detail.to_owned() }
}

/// Collects mono samples at one rate.
struct Sink {
    resampler: Option<Resampler>,
    from_hz: u32,
    to_hz: u32,
    taken: u64,
    taken_max: u64,
    seconds_max: u64,
    mono: Vec<i16>,
    out: Vec<i16>,
}

impl Sink {
    fn new(from_hz: u32, to_hz: u32, limits: &ClipLimits) -> Result<Self, ReadError> {
        let unsupported = |_| ReadError::Unsupported { found: format!("sound at {from_hz} Hz") };
        let resampler = Resampler::new(from_hz, to_hz).map_err(unsupported)?;
        let taken_max = limits.duration_max.as_millis() * u128::from(from_hz) / 1_000;
        Ok(Self {
            resampler: (from_hz != to_hz).then_some(resampler),
            from_hz,
            to_hz,
            taken: 0,
            taken_max: u64::try_from(taken_max).unwrap_or(u64::MAX),
            seconds_max: limits.duration_max.as_secs(),
            mono: Vec::new(),
            out: Vec::new(),
        })
    }

    fn push(&mut self, interleaved: &[i16], channels: usize, from_hz: u32) -> Result<(), ReadError> {
        if from_hz != self.from_hz {
            return Err(ReadError::Unsupported { found: "sound whose rate changes".to_owned() });
        }
        self.mono.clear();
        self.mono.extend(interleaved.chunks_exact(channels.max(1)).map(average));
        self.taken += self.mono.len() as u64;
        if self.taken > self.taken_max {
            return Err(ReadError::TooLong { seconds_max: self.seconds_max });
        }
        match &mut self.resampler {
            None => self.out.extend_from_slice(&self.mono),
            Some(resampler) => convert(resampler, &self.mono, &mut self.out),
        }
        Ok(())
    }

    /// Pushes the resampler's tail out and takes its delay off the front.
    fn finish(mut self) -> Clip {
        if let Some(mut resampler) = self.resampler.take() {
            let delay = resampler.delay_samples();
            let length = (self.taken * u64::from(self.to_hz)).div_ceil(u64::from(self.from_hz)) as usize;
            while self.out.len() < length + delay {
                convert(&mut resampler, &[0; 256], &mut self.out);
            }
            self.out.drain(..delay);
            self.out.truncate(length);
        }
        Clip { rate_hz: self.to_hz, samples: self.out }
    }
}

fn convert(resampler: &mut Resampler, input: &[i16], out: &mut Vec<i16>) {
    let begin = out.len();
    out.resize(begin + resampler.output_len_max(input.len()), 0);
    let produced = out.get_mut(begin..).map_or(0, |room| resampler.process(input, room).produced);
    out.truncate(begin + produced);
}

fn average(frame: &[i16]) -> i16 {
    let sum: i64 = frame.iter().copied().map(i64::from).sum();
    i16::try_from(sum / i64::try_from(frame.len()).unwrap_or(1).max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
