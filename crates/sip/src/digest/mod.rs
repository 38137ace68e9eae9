//! Digest authentication (RFC 2617, 3261 §22, 7616, 8760): what a client holds. Must not know calls or transports.

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
