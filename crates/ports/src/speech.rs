//! Speaking engines.

use bytes::Bytes;

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
