//! Keys of encrypted sound (SRTP, RFC 3711) as signalling agrees on them and the media plane uses them. No `Debug`
//! shows them, and nothing stores them.

use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A crypto suite (RFC 4568 §6.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SrtpSuite {
    /// AES-128 in counter mode, HMAC-SHA1 cut to 80 bits.
    AesCm128HmacSha1_80,
    /// The same with tags of 32 bits on RTP; RTCP keeps 80.
    AesCm128HmacSha1_32,
    /// AES-128 in Galois/counter mode, tags of 128 bits.
    AeadAes128Gcm,
}

impl SrtpSuite {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::AeadAes128Gcm, Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];
    /// Octets of every suite's master key.
    pub const KEY_LEN: usize = 16;

    /// Octets of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
            Self::AeadAes128Gcm => 12,
        }
    }

    /// The name in an a=crypto line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
        }
    }

    /// By the name in an a=crypto line.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }
}

/// Whether the sound of a line is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SrtpPolicy {
    /// Never.
    #[default]
    Off,
    /// Where the far side does it too.
    Optional,
    /// Always: no sound at all rather than sound in the clear.
    Required,
}

/// A master key followed by its master salt.
#[derive(Clone, PartialEq, Eq)]
pub struct SrtpKey {
    suite: SrtpSuite,
    octets: Secret<[u8; 30]>,
}

/// There are too few octets for a key and a salt of the suite, or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of {} has {} octets", suite.name(), SrtpKey::len_of(*suite))]
pub struct SrtpKeyError {
    /// The suite.
    pub suite: SrtpSuite,
}

impl SrtpKey {
    /// Key and salt as they follow each other in an a=crypto line (RFC 4568 §6.1).
    pub fn new(suite: SrtpSuite, key_and_salt: &[u8]) -> Result<Self, SrtpKeyError> {
        if key_and_salt.len() != Self::len_of(suite) {
            return Err(SrtpKeyError { suite });
        }
        let mut octets = [0; 30];
        for (to, from) in octets.iter_mut().zip(key_and_salt) {
            *to = *from;
        }
        Ok(Self { suite, octets: Secret::new(octets) })
    }

    /// Octets of key and salt together.
    pub const fn len_of(suite: SrtpSuite) -> usize {
        SrtpSuite::KEY_LEN + suite.salt_len()
    }

    /// The suite it is for.
    pub const fn suite(&self) -> SrtpSuite {
        self.suite
    }

    /// Key and salt together.
    pub fn expose(&self) -> &[u8] {
        self.octets.expose().split_at(Self::len_of(self.suite)).0
    }

    /// The master key.
    pub fn expose_key(&self) -> &[u8] {
        self.expose().split_at(SrtpSuite::KEY_LEN).0
    }

    /// The master salt.
    pub fn expose_salt(&self) -> &[u8] {
        self.expose().split_at(SrtpSuite::KEY_LEN).1
    }
}

impl fmt::Debug for SrtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SrtpKey({}, [secret])", self.suite.name())
    }
}

/// The keys of one leg's sound: each side encrypts with its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrtpKeys {
    /// What we encrypt with.
    pub send: SrtpKey,
    /// What the far side encrypts with.
    pub receive: SrtpKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_length_of_their_suite() {
        for suite in SrtpSuite::ALL {
            assert_eq!(SrtpSuite::from_name(suite.name()), Some(suite));
            for len in 0..64 {
                let made = SrtpKey::new(suite, &vec![7; len]).is_ok();
                assert_eq!(made, len == 16 + suite.salt_len(), "{suite:?} {len}");
            }
        }
        assert_eq!(SrtpSuite::from_name("F8_128_HMAC_SHA1_80"), None);
    }

    #[test]
    fn no_debug_shows_a_key() {
        let octets: Vec<u8> = (100..130).collect();
        let key = SrtpKey::new(SrtpSuite::AesCm128HmacSha1_80, &octets).unwrap();
        assert_eq!(key.expose(), octets);
        assert_eq!((key.expose_key().len(), key.expose_salt().first()), (16, Some(&116)));
        let keys = SrtpKeys { send: key.clone(), receive: key };
        let shown = "SrtpKey(AES_CM_128_HMAC_SHA1_80, [secret])";
        assert_eq!(format!("{keys:?}"), format!("SrtpKeys {{ send: {shown}, receive: {shown} }}"));
    }
}
