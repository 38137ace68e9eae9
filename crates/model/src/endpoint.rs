//! Phone endpoints: phones and soft phones that register at this server with a user name and a password.

use crate::id::{AppId, EndpointId, OrganizationId};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// A phone that may register. It calls its app, and its app calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its app's owner.
    pub organization: OrganizationId,
    /// The app that it calls and is called by.
    pub app: AppId,
    /// Its user name, unique on this server; see [`PhoneEndpoint::is_username`].
    pub username: String,
    /// What proves its password.
    pub secrets: DigestSecrets,
    /// When it was made.
    pub created_at: Timestamp,
}

impl PhoneEndpoint {
    /// The realm that phones are asked for.
    pub const REALM: &str = "lyrebird";
    /// Characters of a user name.
    pub const USERNAME_CHARS: RangeInclusive<usize> = 3..=64;
    /// Characters of a password that is chosen for it.
    pub const PASSWORD_CHARS: RangeInclusive<usize> = 12..=128;
    /// Most endpoints of an app.
    pub const PER_APP_MAX: u64 = 1_000;

    /// Whether the text can be a user name: lower-case letters, digits, `.`, `_` and `-`, so that it is the same in
    /// every spelling of an address.
    pub fn is_username(text: &str) -> bool {
        let usual = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        Self::USERNAME_CHARS.contains(&text.len()) && text.bytes().all(usual)
    }
}

/// The hashes of user name, realm and password that digest authentication compares (RFC 7616 §3.4.2: A1), in
/// hexadecimal. They let in at this realm and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestSecrets {
    /// By MD5.
    pub md5: Secret<String>,
    /// By SHA-256.
    pub sha256: Secret<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names() {
        for (text, expected) in [
            ("alice", true),
            ("desk-4.front_left", true),
            ("al", false),
            ("Alice", false),
            ("alice@home", false),
            ("ålice", false),
            ("", false),
        ] {
            assert_eq!(PhoneEndpoint::is_username(text), expected, "{text}");
        }
        assert!(!PhoneEndpoint::is_username(&"a".repeat(65)));
    }
}
