//! Sound as pure code: codecs, resampling, clip reading, tones, DTMF detection, voice activity, recording
//! spools, concealment, mixing and comparison. Samples are mono `i16` unless said otherwise. Knows no RTP, no
//! file's place and no clock; the functions that run per frame allocate nothing.

pub mod amd;
pub mod codec;
pub mod conceal;
pub mod correlate;
pub mod decode;
mod dot;
pub mod dtmf_detect;
pub mod g711;
pub mod hold_music;
pub mod level;
pub mod mix;
pub mod mp3;
pub mod noise;
pub mod pcm;
pub mod playout;
pub mod resample;
pub mod ringback;
pub mod sniff;
pub mod stretch;
pub mod tone;
pub mod vad;
pub mod wav;

pub use codec::{CodecError, Decoder, Encoder, OpusSettings};
pub use decode::{Clip, ClipLimits, ReadError, read_clip, read_clip_at};
pub use g711::Law;
pub use playout::Playout;
pub use resample::Resampler;
