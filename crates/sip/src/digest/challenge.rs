//! The values of WWW-Authenticate and Authorization: `Digest name=value, …`. Knows no hash.

use super::hash::{Algorithm, Qop};
use crate::message::scan;
use std::fmt;

/// A challenge that can be answered; printed as the value of WWW-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Where the credentials are valid.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// To be given back as it came.
    pub opaque: Option<String>,
    /// How to hash.
    pub algorithm: Algorithm,
    /// The protection to use, `auth` where both are offered; none is RFC 2069 and its response has no nonce count.
    pub qop: Option<Qop>,
    /// The last response was right, only its nonce is too old.
    pub stale: bool,
}

impl Challenge {
    /// Reads the value of WWW-Authenticate or Proxy-Authenticate. `None` for another scheme, an unknown algorithm or
    /// only unknown protections, or without realm or nonce.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut realm = None;
        let mut nonce = None;
        let mut opaque = None;
        let mut algorithm = Some(Algorithm::Md5);
        let mut qop = None;
        let mut stale = false;
        for (name, value) in auth_params(value)? {
            match name.as_str() {
                "realm" => realm = Some(value),
                "nonce" => nonce = Some(value),
                "opaque" => opaque = Some(value),
                "algorithm" => algorithm = Algorithm::from_name(&value),
                "qop" => qop = Some(value),
                "stale" => stale = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        let offers =
            |list: &str, qop: Qop| list.split(',').any(|one| Qop::from_name(one.trim()) == Some(qop));
        let qop = match &qop {
            None => None,
            Some(list) if offers(list, Qop::Auth) => Some(Qop::Auth),
            Some(list) if offers(list, Qop::AuthInt) => Some(Qop::AuthInt),
            Some(_) => return None,
        };
        Some(Self { realm: realm?, nonce: nonce?, opaque, algorithm: algorithm?, qop, stale })
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", quoted(&self.realm), quoted(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quoted(opaque))?;
        }
        write!(f, ", algorithm={}", self.algorithm.name())?;
        if let Some(qop) = self.qop {
            write!(f, ", qop=\"{}\"", qop.name())?;
        }
        if self.stale { f.write_str(", stale=true") } else { Ok(()) }
    }
}

/// Parameters of one header at most; more are a fault.
const PARAMS_MAX: usize = 32;

/// The parameters of a Digest value, names in lower case, values unquoted. `None` if the scheme is another one.
pub(super) fn auth_params(value: &[u8]) -> Option<Vec<(String, String)>> {
    let value = scan::trim(value);
    let end = value.iter().position(|byte| scan::is_lws(*byte))?;
    let (scheme, rest) = value.split_at_checked(end)?;
    if !scheme.eq_ignore_ascii_case(b"Digest") {
        return None;
    }
    let mut params = Vec::new();
    for element in scan::Elements::new(rest) {
        let (name, value) = scan::split_once(element, b'=')?;
        let name = scan::text(scan::trim(name))?.to_ascii_lowercase();
        if params.len() == PARAMS_MAX {
            return None;
        }
        params.push((name, scan::unquote(value)));
    }
    Some(params)
}

/// A value in quotes, its quotes and backslashes escaped.
pub(super) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let value = b"Digest realm=\"a \\\"b\\\", c\", nonce=\"n,1\", opaque=\"\", stale=TRUE,\r\n algorithm=sha-256, qop=\"auth-int, auth\"";
        let wanted = Challenge {
            realm: "a \"b\", c".into(),
            nonce: "n,1".into(),
            opaque: Some(String::new()),
            algorithm: Algorithm::Sha256,
            qop: Some(Qop::Auth),
            stale: true,
        };
        assert_eq!(Challenge::parse(wanted.to_string().as_bytes()).as_ref(), Some(&wanted));
        assert_eq!(Challenge::parse(value), Some(wanted));
    }

    #[test]
    fn what_we_cannot_answer_is_no_challenge() {
        let check = |value: &str, good| {
            assert_eq!(Challenge::parse(value.as_bytes()).is_some(), good, "{value}");
        };
        check("Digest realm=r, nonce=n", true);
        check("digest realm=r,nonce=n,unknown=x", true);
        check("Digest realm=r", false);
        check("Digest nonce=n", false);
        check("Digest realm=r, nonce=n, algorithm=SHA-512", false);
        check("Digest realm=r, nonce=n, qop=\"auth-int\"", true);
        check("Digest realm=r, nonce=n, qop=\"auth-conf\"", false);
        check("Basic realm=r", false);
        check("NoOneKnowsThisScheme opaque-data=here", false);
        check("Digest", false);
        check("", false);
    }
}
