//! The server's side: makes challenges and verifies what comes back. Nonces are the caller's business; so is whether a
//! nonce count was seen before. Knows no request but its method.

use super::challenge::{auth_params, quoted};
use super::hash::{Algorithm, Parts};
use thiserror::Error;

/// Why an Authorization was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuthorizationError {
    /// Not digest, or a parameter is missing or unknown; 400.
    #[error("malformed authorization")]
    Malformed,
    /// Another realm or nonce than ours; challenge again (`stale=true` if the nonce was ours once).
    #[error("not an answer to this challenge")]
    OtherChallenge,
    /// User name or password is wrong; 403, or challenge again.
    #[error("wrong user name or password")]
    Wrong,
}

/// The value of WWW-Authenticate or Proxy-Authenticate, with qop=auth.
pub fn challenge(realm: &str, nonce: &str, algorithm: Algorithm, stale: bool) -> String {
    let stale = if stale { ", stale=true" } else { "" };
    let (realm, nonce) = (quoted(realm), quoted(nonce));
    format!("Digest realm={realm}, nonce={nonce}, algorithm={}, qop=\"auth\"{stale}", algorithm.name())
}

/// Verifies the value of Authorization or Proxy-Authorization against the challenge that was made. Gives the nonce count
/// (1 if the client used none).
pub fn verify(
    value: &[u8],
    realm: &str,
    nonce: &str,
    username: &str,
    password: &str,
    method: &str,
) -> Result<u32, AuthorizationError> {
    let params = auth_params(value).ok_or(AuthorizationError::Malformed)?;
    let get = |name: &str| params.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let need = |name: &str| get(name).ok_or(AuthorizationError::Malformed);
    if need("realm")? != realm || need("nonce")? != nonce {
        return Err(AuthorizationError::OtherChallenge);
    }
    let algorithm =
        Algorithm::from_name(get("algorithm").unwrap_or("MD5")).ok_or(AuthorizationError::Malformed)?;
    let count = match get("qop") {
        None => None,
        Some(qop) if qop.eq_ignore_ascii_case("auth") => Some(need("nc")?),
        Some(_) => return Err(AuthorizationError::Malformed),
    };
    let number = match count {
        None => 1,
        Some(text) => u32::from_str_radix(text, 16).map_err(|_| AuthorizationError::Malformed)?,
    };
    let parts = Parts {
        algorithm,
        username,
        realm,
        password,
        nonce,
        method,
        uri: need("uri")?,
        cnonce: get("cnonce").unwrap_or_default(),
        count,
    };
    let right = need("username")? == username && is_same(need("response")?, &parts.response());
    if right { Ok(number) } else { Err(AuthorizationError::Wrong) }
}

/// Compares in a time that does not depend on where the texts differ.
fn is_same(given: &str, wanted: &str) -> bool {
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
        let credentials =
            Credentials { username: "al \"x\"".into(), password: "p:w".into(), realm: Some("r".into()) };
        for algorithm in [Algorithm::Md5, Algorithm::Md5Sess, Algorithm::Sha256, Algorithm::Sha256Sess] {
            let made = challenge("r", "n", algorithm, false);
            let mut read = Challenge::parse(made.as_bytes()).unwrap();
            for qop in [true, false] {
                read.qop_auth = qop;
                let value = answer(&read, &credentials, "INVITE", "sip:a@b", "c", 2);
                let check = |realm, nonce, user, password, method, wanted| {
                    let got = verify(value.as_bytes(), realm, nonce, user, password, method);
                    assert_eq!(got, wanted, "{value}");
                };
                let user = "al \"x\"";
                check("r", "n", user, "p:w", "INVITE", Ok(if qop { 2 } else { 1 }));
                check("r", "n", user, "p:w", "BYE", Err(AuthorizationError::Wrong));
                check("r", "n", user, "other", "INVITE", Err(AuthorizationError::Wrong));
                check("r", "n", "bob", "p:w", "INVITE", Err(AuthorizationError::Wrong));
                check("r", "m", user, "p:w", "INVITE", Err(AuthorizationError::OtherChallenge));
                check("q", "n", user, "p:w", "INVITE", Err(AuthorizationError::OtherChallenge));
            }
        }
    }

    #[test]
    fn malformed_answers_are_told_apart() {
        let check = |value: &str| {
            let got = verify(value.as_bytes(), "r", "n", "u", "p", "INVITE");
            assert_eq!(got, Err(AuthorizationError::Malformed), "{value}");
        };
        check("Basic dTpw");
        check("Digest username=u");
        check("Digest realm=r, nonce=n, username=u, uri=x, response=y, algorithm=ROT13");
        check("Digest realm=r, nonce=n, username=u, uri=x, response=y, qop=auth");
        check("Digest realm=r, nonce=n, username=u, uri=x, response=y, qop=auth, nc=zz");
        check("Digest realm=r, nonce=n, username=u, response=y");
    }
}
