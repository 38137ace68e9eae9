//! The server's reading of Authorization and Proxy-Authorization: what the client claims, and whether its response is
//! right. Whose nonce it is and whether its count was seen before is the authenticator's business.

use super::challenge::auth_params;
use super::hash::{Algorithm, Parts, Protected, Qop, Secret};
use crate::message::Uri;
use std::fmt;

/// What a client claims. `Debug` shows no user.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// User name.
    pub username: String,
    /// Realm.
    pub realm: String,
    /// The nonce it answers.
    pub nonce: String,
    /// The Request-URI it is about, as the client says.
    pub uri: String,
    /// Opaque data as it came back.
    pub opaque: Option<String>,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Protection; none is RFC 2069.
    pub qop: Option<Qop>,
    /// Nonce count; 1 where there is none.
    pub count: u32,
    response: String,
    cnonce: String,
    count_text: String,
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorization({:?}, {:?}, count {})", self.algorithm, self.qop, self.count)
    }
}

impl Authorization {
    /// Reads a value. `None` if it is another scheme, or a parameter is missing, unknown or malformed.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut params = auth_params(value)?;
        let mut take = |name: &str| {
            let at = params.iter().position(|(found, _)| found == name)?;
            Some(params.swap_remove(at).1)
        };
        let algorithm = Algorithm::from_name(take("algorithm").as_deref().unwrap_or("MD5"))?;
        let qop = match take("qop") {
            None => None,
            Some(name) => Some(Qop::from_name(&name)?),
        };
        let count_text = take("nc");
        let (count, count_text) = match (qop, count_text) {
            (None, _) => (1, String::new()),
            (Some(_), Some(text)) if text.len() == 8 => (u32::from_str_radix(&text, 16).ok()?, text),
            (Some(_), _) => return None,
        };
        let cnonce = take("cnonce");
        if cnonce.is_none() && (qop.is_some() || algorithm.is_session()) {
            return None;
        }
        Some(Self {
            username: take("username")?,
            realm: take("realm")?,
            nonce: take("nonce")?,
            uri: take("uri")?,
            response: take("response")?,
            opaque: take("opaque"),
            cnonce: cnonce.unwrap_or_default(),
            algorithm,
            qop,
            count,
            count_text,
        })
    }

    /// Whether it is about the request to this Request-URI (RFC 3261 §22.4). Ports and parameters may differ: phones leave
    /// them out of either.
    pub fn is_about(&self, request_uri: &str) -> bool {
        fn bare(text: &str) -> Option<Uri<'_>> {
            let uri = Uri::parse(text).ok()?;
            Some(Uri { password: None, port: None, params: "", headers: "", ..uri })
        }
        let same = |claimed: Uri<'_>, wanted: Uri<'_>| claimed.is_same_as(&wanted);
        self.uri == request_uri || bare(&self.uri).zip(bare(request_uri)).is_some_and(|(a, b)| same(a, b))
    }

    /// Whether the response is right for this secret and request; takes the same time whatever is wrong.
    pub fn is_right(&self, secret: Secret<'_>, method: &str, body: &[u8]) -> bool {
        let Some(secret) = secret.hashed(self.algorithm, &self.username, &self.realm) else { return false };
        let parts = Parts {
            algorithm: self.algorithm,
            secret,
            nonce: &self.nonce,
            protected: Protected { method, uri: &self.uri, body },
            cnonce: &self.cnonce,
            count: self.qop.map(|qop| (qop, self.count_text.as_str())),
        };
        is_same(&self.response, &parts.response())
    }
}

/// Compares in a time that does not depend on where the texts differ.
pub(super) fn is_same(given: &str, wanted: &str) -> bool {
    let differing =
        given.bytes().zip(wanted.bytes()).fold(0, |sum, (a, b)| sum | (a.to_ascii_lowercase() ^ b));
    given.len() == wanted.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Challenge, Credentials, answer};

    #[test]
    fn a_right_answer_passes_and_a_wrong_one_does_not() {
        let user = "al \"x\"";
        let credentials =
            Credentials { username: user.into(), password: "p:w".into(), realm: Some("r".into()) };
        let qops = [None, Some(Qop::Auth), Some(Qop::AuthInt)];
        for (algorithm, qop) in Algorithm::ALL.into_iter().flat_map(|one| qops.map(|qop| (one, qop))) {
            let made = Challenge {
                realm: "r".into(),
                nonce: "n".into(),
                opaque: Some("o".into()),
                algorithm,
                qop,
                stale: false,
            };
            let protected = Protected { method: "INVITE", uri: "sip:a@b", body: b"v=0" };
            let value = answer(&made, &credentials, protected, "c", 2);
            let read = Authorization::parse(value.as_bytes()).unwrap();
            assert_eq!((&*read.username, &*read.realm, &*read.nonce), (user, "r", "n"));
            assert_eq!((read.count, read.qop), (if qop.is_some() { 2 } else { 1 }, qop));
            let check = |password, method, body: &[u8], wanted| {
                assert_eq!(read.is_right(Secret::Password(password), method, body), wanted, "{value}");
            };
            check("p:w", "INVITE", b"v=0", true);
            check("p:w", "BYE", b"v=0", false);
            check("other", "INVITE", b"v=0", false);
            check("p:w", "INVITE", b"v=1", qop != Some(Qop::AuthInt));
        }
    }

    #[test]
    fn no_response_is_right_where_no_hash_is_kept() {
        // Whoever takes a missing hash for an empty one could be answered by anybody.
        let parts = Parts {
            algorithm: Algorithm::Sha512,
            secret: String::new(),
            nonce: "n",
            protected: Protected { method: "INVITE", uri: "sip:a@b", body: b"" },
            cnonce: "",
            count: None,
        };
        let response = parts.response();
        let value = format!(
            "Digest realm=r, nonce=n, username=u, uri=\"sip:a@b\", algorithm=SHA-512-256, response={response}"
        );
        let read = Authorization::parse(value.as_bytes()).unwrap();
        assert!(!read.is_right(Secret::Hashes { md5: "", sha256: "" }, "INVITE", b""));
    }

    #[test]
    fn an_answer_is_about_one_request_uri() {
        let check = |claimed: &str, wanted: &str, same: bool| {
            let value = format!("Digest realm=r, nonce=n, username=u, uri=\"{claimed}\", response=y");
            let read = Authorization::parse(value.as_bytes()).unwrap();
            assert_eq!(read.is_about(wanted), same, "{claimed} for {wanted}");
        };
        check("sip:100@Lyre.example", "sip:100@lyre.example:5060;transport=tcp;user=phone", true);
        check("sip:lyre.example:5060", "sip:lyre.example", true);
        check("sip:100@lyre.example", "sip:900@lyre.example", false);
        check("sip:lyre.example", "sip:else.example", false);
        check("sip:lyre.example", "sip:100@lyre.example", false);
        check("lyre", "sip:lyre.example", false);
        check("lyre", "lyre", true);
    }

    #[test]
    fn malformed_answers_are_none() {
        let check = |value: &str, good: bool| {
            assert_eq!(Authorization::parse(value.as_bytes()).is_some(), good, "{value}");
        };
        let good = "Digest realm=r, nonce=n, username=u, uri=x, response=y";
        check(good, true);
        check(&format!("{good}, qop=auth, nc=0000000a, cnonce=c"), true);
        check("Basic dTpw", false);
        check("Digest username=u", false);
        check(&format!("{good}, algorithm=ROT13"), false);
        check(&format!("{good}, algorithm=MD5-sess"), false);
        check(&format!("{good}, qop=auth"), false);
        check(&format!("{good}, qop=auth, nc=0000000a"), false);
        check(&format!("{good}, qop=auth, nc=zzzzzzzz, cnonce=c"), false);
        check(&format!("{good}, qop=auth, nc=a, cnonce=c"), false);
        check(&format!("{good}, qop=other, nc=0000000a, cnonce=c"), false);
        check("Digest realm=r, nonce=n, username=u, response=y", false);
    }
}
