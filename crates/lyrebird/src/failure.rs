//! What ends a command: a message for a person.

/// Anything that keeps a command from doing its work, in words for whoever gave it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was given cannot be used; scripts are told by exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadInput(pub(crate) String);
