//! Digest authentication (RFC 2617, 3261 §22, 7616, 8760): challenges read and made, answers computed and verified.
//! Whom to answer is decided elsewhere. Must not know calls or transports.

mod authenticator;
mod authorization;
mod challenge;
mod client;
mod hash;
mod nonce;

pub use authenticator::{Authenticator, Verdict};
pub use authorization::Authorization;
pub use challenge::Challenge;
pub use client::{answer, strongest};
pub use hash::{Algorithm, Protected, Qop, Secret, hashed_secret};

use std::fmt;

/// What to answer a challenge with. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// The only realm to answer; none answers whatever realm challenges the INVITE.
    pub realm: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let credentials = Credentials { username: "u".into(), password: "hunter2".into(), realm: None };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
