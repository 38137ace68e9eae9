//! The hash functions of digest and how its parts are hashed together (RFC 7616 §3.4). Knows no header.

use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512_256};

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
    /// SHA-512-256.
    Sha512,
    /// SHA-512-256-sess.
    Sha512Sess,
}

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 6] =
        [Self::Md5, Self::Md5Sess, Self::Sha256, Self::Sha256Sess, Self::Sha512, Self::Sha512Sess];

    /// By its name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// As written in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            Self::Sha512 => "SHA-512-256",
            Self::Sha512Sess => "SHA-512-256-sess",
        }
    }

    pub(super) const fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess | Self::Sha512Sess)
    }

    /// Hexadecimal.
    fn hash_bytes(self, bytes: &[u8]) -> String {
        match self {
            Self::Md5 | Self::Md5Sess => hex(&Md5::digest(bytes)),
            Self::Sha256 | Self::Sha256Sess => hex(&Sha256::digest(bytes)),
            Self::Sha512 | Self::Sha512Sess => hex(&Sha512_256::digest(bytes)),
        }
    }

    /// Hashes the parts joined by colons; hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        self.hash_bytes(parts.join(":").as_bytes())
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// What of a request a response protects.
#[derive(Clone, Copy, Debug)]
pub struct Protected<'a> {
    /// Method.
    pub method: &'a str,
    /// The digest's `uri`: the Request-URI.
    pub uri: &'a str,
    /// The body; only `qop=auth-int` hashes it.
    pub body: &'a [u8],
}

/// How much of the request is protected (RFC 7616 §3.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    /// Method and URI.
    Auth,
    /// The body too.
    AuthInt,
}

impl Qop {
    /// As written in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    /// By its name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| qop.name().eq_ignore_ascii_case(name))
    }
}

/// What proves a user.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// The password itself.
    Password(&'a str),
    /// The hashes of user name, realm and password ([`hashed_secret`]), for whoever keeps no password.
    Hashes {
        /// By MD5.
        md5: &'a str,
        /// By SHA-256.
        sha256: &'a str,
    },
}

/// The hash of user name, realm and password (RFC 7616 §3.4.2), in hexadecimal.
pub fn hashed_secret(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> String {
    algorithm.hash(&[username, realm, password])
}

impl Secret<'_> {
    /// The hash of user name, realm and password; none where it is not kept by this algorithm: no response is right.
    pub(super) fn hashed(self, algorithm: Algorithm, username: &str, realm: &str) -> Option<String> {
        match (self, algorithm) {
            (Self::Password(password), _) => Some(hashed_secret(algorithm, username, realm, password)),
            (Self::Hashes { md5, .. }, Algorithm::Md5 | Algorithm::Md5Sess) => Some(md5.to_owned()),
            (Self::Hashes { sha256, .. }, Algorithm::Sha256 | Algorithm::Sha256Sess) => {
                Some(sha256.to_owned())
            }
            (Self::Hashes { .. }, Algorithm::Sha512 | Algorithm::Sha512Sess) => None,
        }
    }
}

/// Everything a response is computed of.
pub(super) struct Parts<'a> {
    pub(super) algorithm: Algorithm,
    /// The hash of user name, realm and password.
    pub(super) secret: String,
    pub(super) nonce: &'a str,
    pub(super) protected: Protected<'a>,
    /// Client nonce; only with `count` or a session algorithm.
    pub(super) cnonce: &'a str,
    /// The protection, and `nc` as written; none is RFC 2069.
    pub(super) count: Option<(Qop, &'a str)>,
}

impl Parts<'_> {
    /// The `response` value.
    pub(super) fn response(&self) -> String {
        let algorithm = self.algorithm;
        let secret = if algorithm.is_session() {
            &algorithm.hash(&[&self.secret, self.nonce, self.cnonce])
        } else {
            &self.secret
        };
        let Protected { method, uri, body } = self.protected;
        let request = match self.count {
            Some((Qop::AuthInt, _)) => algorithm.hash(&[method, uri, &algorithm.hash_bytes(body)]),
            _ => algorithm.hash(&[method, uri]),
        };
        match self.count {
            Some((qop, count)) => {
                algorithm.hash(&[secret, self.nonce, count, self.cnonce, qop.name(), &request])
            }
            None => algorithm.hash(&[secret, self.nonce, &request]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_match_the_examples_of_the_rfcs() {
        // RFC 7616 §3.9.1 and RFC 2617 §3.5.
        let get = Protected { method: "GET", uri: "/dir/index.html", body: b"" };
        let rfc7616 = |algorithm| Parts {
            algorithm,
            secret: hashed_secret(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life"),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            protected: get,
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            count: Some((Qop::Auth, "00000001")),
        };
        assert_eq!(rfc7616(Algorithm::Md5).response(), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            rfc7616(Algorithm::Sha256).response(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        let rfc2617 = Parts {
            algorithm: Algorithm::Md5,
            secret: hashed_secret(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life"),
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            protected: get,
            cnonce: "0a4f113b",
            count: Some((Qop::Auth, "00000001")),
        };
        assert_eq!(rfc2617.response(), "6629fae49393a05397450978507c4ef1");
        // Without qop (RFC 2069 as corrected): MD5(HA1:nonce:HA2) computed by another implementation.
        assert_eq!(Parts { count: None, ..rfc2617 }.response(), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn sha_512_256_matches_another_implementation() {
        // RFC 7616 §3.9.2 as errata 4897 corrects it, without the hashed user name: computed by another implementation.
        let parts = Parts {
            algorithm: Algorithm::Sha512,
            secret: hashed_secret(
                Algorithm::Sha512,
                "J\u{e4}s\u{f8}n Doe",
                "api@example.org",
                "Secret, or not?",
            ),
            nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            protected: Protected { method: "GET", uri: "/doe.json", body: b"" },
            cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm",
            count: Some((Qop::Auth, "00000001")),
        };
        assert_eq!(parts.response(), "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c");
    }

    #[test]
    fn the_body_counts_where_it_is_protected() {
        // Computed by another implementation.
        let parts = |body| Parts {
            algorithm: Algorithm::Md5,
            secret: hashed_secret(Algorithm::Md5, "bob", "biloxi.com", "zanzibar"),
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            protected: Protected { method: "INVITE", uri: "sip:bob@biloxi.com", body },
            cnonce: "0a4f113b",
            count: Some((Qop::AuthInt, "00000001")),
        };
        assert_eq!(parts(b"v=0\r\n").response(), "77226bb823dc077c1ad3537415667bae");
        assert_ne!(parts(b"v=1\r\n").response(), parts(b"v=0\r\n").response());
    }
}
