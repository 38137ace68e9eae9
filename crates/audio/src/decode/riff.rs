//! The wav container: finds format and data in RIFF chunks and turns sample bytes into mono. Lenient about
//! lengths, as synthesizers that write to a pipe do not know them; strict about formats.

use super::ReadError;
use crate::g711::{self, Law};

/// Channels beyond this are damage, not sound.
const CHANNELS_MAX: u16 = 32;

/// A wav file, its parts found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wav<'a> {
    pub(super) rate_hz: u32,
    channels: u16,
    encoding: Encoding,
    data: &'a [u8],
}

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Unsigned8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
    G711(Law),
}

impl Encoding {
    const fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 | Self::G711(_) => 1,
            Self::Signed16 => 2,
            Self::Signed24 => 3,
            Self::Signed32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// The upper 16 bits of one sample.
    fn sample(self, bytes: &[u8]) -> i16 {
        match (self, bytes) {
            (Self::Unsigned8, [byte]) => i16::from_be_bytes([byte ^ 0x80, 0]),
            (Self::G711(law), octets) => {
                let mut sample = [0];
                g711::decode(law, octets, &mut sample);
                let [sample] = sample;
                sample
            }
            (Self::Signed16, [low, high])
            | (Self::Signed24, [_, low, high])
            | (Self::Signed32, [_, _, low, high]) => i16::from_le_bytes([*low, *high]),
            (Self::Float32, bytes) => {
                bytes.first_chunk().map_or(0, |b| from_float(f32::from_le_bytes(*b).into()))
            }
            (Self::Float64, bytes) => bytes.first_chunk().map_or(0, |b| from_float(f64::from_le_bytes(*b))),
            _ => 0,
        }
    }
}

/// Full scale is ±1; what is not a number is silence.
fn from_float(value: f64) -> i16 {
    (value * 32_768.0).round() as i16
}

impl<'a> Wav<'a> {
    /// Reads the chunks up to the data.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let (riff, mut rest) =
            bytes.split_first_chunk::<12>().ok_or_else(|| damaged("the header is cut off"))?;
        let [_, _, _, _, riff_len @ .., _, _, _, _] = *riff;
        let mut format = None;
        while let Some((header, body)) = rest.split_first_chunk::<8>() {
            let [i0, i1, i2, i3, len @ ..] = *header;
            let claimed = u32::from_le_bytes(len) as usize;
            let (chunk, after) = body.split_at_checked(claimed).unwrap_or((body, &[]));
            match [i0, i1, i2, i3] {
                [b'f', b'm', b't', b' '] => format = Some(read_format(chunk)?),
                [b'd', b'a', b't', b'a'] => {
                    let (rate_hz, channels, encoding) =
                        format.ok_or_else(|| damaged("it names no format"))?;
                    // Some writers leave both lengths zero until they close the file, and never close it.
                    let unclosed = claimed == 0 && riff_len == [0; 4];
                    return Ok(Self {
                        rate_hz,
                        channels,
                        encoding,
                        data: if unclosed { body } else { chunk },
                    });
                }
                _ => {}
            }
            rest = if claimed % 2 == 1 { after.get(1..).unwrap_or_default() } else { after };
        }
        Err(damaged("it has no data"))
    }

    /// Mono samples, the channels averaged; an incomplete last frame is left out.
    pub(super) fn mono(&self) -> impl Iterator<Item = i16> {
        let sample_bytes = self.encoding.bytes();
        let channels = i32::from(self.channels);
        self.data.chunks_exact(sample_bytes * usize::from(self.channels)).map(move |frame| {
            let sum: i32 =
                frame.chunks_exact(sample_bytes).map(|bytes| i32::from(self.encoding.sample(bytes))).sum();
            (sum / channels) as i16
        })
    }
}

/// Reads a `fmt ` chunk: rate, channels, encoding.
fn read_format(chunk: &[u8]) -> Result<(u32, u16, Encoding), ReadError> {
    const EXTENSIBLE: u16 = 0xfffe;
    let fixed = chunk.first_chunk::<16>().ok_or_else(|| damaged("its format is cut off"))?;
    let [t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, b0, b1] = *fixed;
    let channels = u16::from_le_bytes([c0, c1]);
    let bits = u16::from_le_bytes([b0, b1]);
    let tag = match (u16::from_le_bytes([t0, t1]), chunk.get(24..26)) {
        (EXTENSIBLE, Some([low, high])) => u16::from_le_bytes([*low, *high]),
        (tag, _) => tag,
    };
    if !(1..=CHANNELS_MAX).contains(&channels) {
        return Err(damaged(&format!("it names {channels} channels")));
    }
    let encoding = match (tag, bits) {
        (1, 8) => Encoding::Unsigned8,
        (1, 16) => Encoding::Signed16,
        (1, 24) => Encoding::Signed24,
        (1, 32) => Encoding::Signed32,
        (3, 32) => Encoding::Float32,
        (3, 64) => Encoding::Float64,
        (6, _) => Encoding::G711(Law::A),
        (7, _) => Encoding::G711(Law::Mu),
        (1 | 3, _) => return Err(damaged(&format!("it names samples of {bits} bits"))),
        _ => return Err(ReadError::Unsupported { found: format!("wav sound in {}", format_name(tag)) }),
    };
    Ok((u32::from_le_bytes([r0, r1, r2, r3]), channels, encoding))
}

/// Names of formats that people do send (RFC 2361).
fn format_name(tag: u16) -> String {
    match tag {
        0x0002 => "Microsoft ADPCM".to_owned(),
        0x0011 => "IMA ADPCM".to_owned(),
        0x0031 => "GSM 6.10".to_owned(),
        0x0045 | 0x0064 => "G.726".to_owned(),
        0x0050 | 0x0055 => "MPEG audio".to_owned(),
        0x0161 => "Windows Media Audio".to_owned(),
        other => format!("format {other:#06x}"),
    }
}

fn damaged(detail: &str) -> ReadError {
    super::damaged("wav", detail)
}
