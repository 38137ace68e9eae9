//! Engines that speak, and engines that understand what is spoken.

use bytes::Bytes;
use model::speech::{ListenId, Transcript};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Utterance {
    /// The text, at most 4,096 characters.
    pub text: String,
    /// Language and region, as in `en-US`.
    pub locale: String,
    /// A voice of the engine; its default if none.
    pub voice: Option<String>,
}

/// Why nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TtsError {
    /// The engine is not installed.
    #[error("the speech engine {engine} is not installed on the server: {remedy}")]
    NotInstalled {
        /// The engine.
        engine: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// No engine speaks this language.
    #[error("no speech engine of this server speaks {0}")]
    UnknownLocale(String),
    /// The engine has no such voice.
    #[error("the speech engine has no voice {0}")]
    UnknownVoice(String),
    /// The engine has too much to do.
    #[error("too many texts are waiting to be spoken")]
    Busy,
    /// The engine failed.
    #[error("the speech engine failed: {0}")]
    Failed(String),
}

/// A speaking engine.
#[async_trait::async_trait]
pub trait Tts: Send + Sync {
    /// Speaks: a wav file's bytes.
    async fn speak(&self, utterance: &Utterance) -> Result<Bytes, TtsError>;

    /// What is missing, in words for the operator; empty when all is well. Called once at start.
    async fn check(&self) -> Vec<String>;
}

/// Sound in which somebody speaks.
#[derive(Clone, PartialEq, Eq)]
pub struct SpokenSound {
    /// Samples a second and channel, 8,000–48,000.
    pub rate_hz: u32,
    /// Channels, 1 or 2; each is one speaker.
    pub channels: u8,
    /// Samples, those of one moment together.
    pub samples: Arc<[i16]>,
}

impl SpokenSound {
    /// Its length.
    pub fn duration(&self) -> Duration {
        let frames = self.samples.len() / usize::from(self.channels.max(1));
        let frames = u64::try_from(frames).unwrap_or(u64::MAX);
        Duration::from_micros(frames.saturating_mul(1_000_000) / u64::from(self.rate_hz.max(1)))
    }

    /// The samples of one channel, from 0.
    pub fn channel(&self, channel: u8) -> Vec<i16> {
        let step = usize::from(self.channels.max(1));
        self.samples.iter().skip(channel.into()).step_by(step).copied().collect()
    }
}

// What somebody says is shown nowhere.
impl fmt::Debug for SpokenSound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpokenSound({} Hz, {} ch, {:?})", self.rate_hz, self.channels, self.duration())
    }
}

/// What was said on a leg while somebody listened for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardSpeech {
    /// Which listening.
    pub listen: ListenId,
    /// Samples a second.
    pub rate_hz: u32,
    /// One channel.
    pub samples: Vec<i16>,
}

/// What is to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SttRequest {
    /// The sound.
    pub sound: SpokenSound,
    /// Language and region, as in `en-US`.
    pub locale: String,
    /// Words that are likely to be said; none: anything may be. What is said may be something else all the same.
    pub hints: Vec<String>,
    /// One thing is said, on one channel: it is not searched for pauses.
    pub single: bool,
}

/// Why nothing is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SttError {
    /// The engine is not installed.
    #[error("the speech engine {engine} is not installed on the server: {remedy}")]
    NotInstalled {
        /// The engine.
        engine: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// No engine understands this language.
    #[error("no speech engine of this server understands {locale}; it understands: {understood}")]
    UnknownLocale {
        /// What was asked for.
        locale: String,
        /// What can be asked for.
        understood: String,
    },
    /// The engine has too much to do.
    #[error("too much speech is waiting to be understood")]
    Busy,
    /// The engine failed.
    #[error("the speech engine failed: {0}")]
    Failed(String),
}

/// A listening engine.
#[async_trait::async_trait]
pub trait Stt: Send + Sync {
    /// Understands; it ends by itself, within its own limits of time.
    async fn transcribe(&self, request: &SttRequest) -> Result<Transcript, SttError>;

    /// Whether it understands a language at all, said before anything is kept or begun.
    fn understands(&self, locale: &str) -> Result<(), SttError>;

    /// What is missing, in words for the operator; empty when all is well. Called once at start.
    async fn check(&self) -> Vec<String>;
}
