//! The hash functions of digest and how its parts are hashed together (RFC 7616 §3.4). Knows no header.

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// A digest algorithm, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// MD5, also when none is named.
    Md5,
    /// MD5-sess.
    Md5Sess,
    /// SHA-256.
    Sha256,
    /// SHA-256-sess.
    Sha256Sess,
}

impl Algorithm {
    /// By its name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        const ALL: [Algorithm; 4] =
            [Algorithm::Md5, Algorithm::Md5Sess, Algorithm::Sha256, Algorithm::Sha256Sess];
        ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// As written in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
        }
    }

    const fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess)
    }

    /// Hashes the parts joined by colons; hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Md5 | Self::Md5Sess => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 | Self::Sha256Sess => hex(&Sha256::digest(text.as_bytes())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Everything a response is computed of.
pub(super) struct Parts<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) username: &'a str,
    pub(super) realm: &'a str,
    pub(super) password: &'a str,
    pub(super) nonce: &'a str,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    /// Client nonce; only with `count` or a session algorithm.
    pub(super) cnonce: &'a str,
    /// `nc` as written, when qop=auth.
    pub(super) count: Option<&'a str>,
}

impl Parts<'_> {
    /// The `response` value.
    pub(super) fn response(&self) -> String {
        let algorithm = self.algorithm;
        let mut secret = algorithm.hash(&[self.username, self.realm, self.password]);
        if algorithm.is_session() {
            secret = algorithm.hash(&[&secret, self.nonce, self.cnonce]);
        }
        let request = algorithm.hash(&[self.method, self.uri]);
        match self.count {
            Some(count) => algorithm.hash(&[&secret, self.nonce, count, self.cnonce, "auth", &request]),
            None => algorithm.hash(&[&secret, self.nonce, &request]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_match_the_examples_of_the_rfcs() {
        // RFC 7616 §3.9.1 and RFC 2617 §3.5.
        let rfc7616 = |algorithm| Parts {
            algorithm,
            username: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            method: "GET",
            uri: "/dir/index.html",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            count: Some("00000001"),
        };
        assert_eq!(rfc7616(Algorithm::Md5).response(), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            rfc7616(Algorithm::Sha256).response(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        let rfc2617 = Parts {
            algorithm: Algorithm::Md5,
            username: "Mufasa",
            realm: "testrealm@host.com",
            password: "Circle Of Life",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            method: "GET",
            uri: "/dir/index.html",
            cnonce: "0a4f113b",
            count: Some("00000001"),
        };
        assert_eq!(rfc2617.response(), "6629fae49393a05397450978507c4ef1");
        // Without qop (RFC 2069 as corrected): MD5(HA1:nonce:HA2) computed by another implementation.
        assert_eq!(Parts { count: None, ..rfc2617 }.response(), "670fd8c2df070c60b045671b8b24ff02");
    }
}
