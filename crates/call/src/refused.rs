//! Why a command cannot be taken now. The door chooses the status it answers with.

/// A command that does not fit the call's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The call is over.
    #[error("the call is over")]
    NotActive,
    /// The call's present state does not allow it; a sentence for the app's developer.
    #[error("{0}")]
    InvalidState(&'static str),
}
