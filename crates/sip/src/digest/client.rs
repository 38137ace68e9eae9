//! The client's side: which challenge to take and what to answer (RFC 8760 §2.4). The caller decides whether to answer
//! at all. Knows no request but its method and URI.

use super::Credentials;
use super::challenge::{Challenge, quoted};
use super::hash::{Parts, Protected, hashed_secret};

/// The strongest of several challenges; of equals the first. With credentials for one realm, only that realm's.
pub fn strongest<'c>(
    challenges: impl Iterator<Item = &'c [u8]>,
    credentials: &Credentials,
) -> Option<Challenge> {
    let mut best: Option<Challenge> = None;
    for challenge in challenges.filter_map(Challenge::parse) {
        let wanted = credentials.realm.as_ref().is_none_or(|realm| *realm == challenge.realm);
        let stronger = best.as_ref().is_none_or(|best| challenge.algorithm > best.algorithm);
        if wanted && stronger {
            best = Some(challenge);
        }
    }
    best
}

/// The value of Authorization or Proxy-Authorization. `count` is how often this nonce was answered, this time included;
/// `cnonce` is fresh for each nonce.
pub fn answer(
    challenge: &Challenge,
    credentials: &Credentials,
    protected: Protected<'_>,
    cnonce: &str,
    count: u32,
) -> String {
    let count = format!("{count:08x}");
    let parts = Parts {
        algorithm: challenge.algorithm,
        secret: hashed_secret(
            challenge.algorithm,
            &credentials.username,
            &challenge.realm,
            &credentials.password,
        ),
        nonce: &challenge.nonce,
        protected,
        cnonce,
        count: challenge.qop.map(|qop| (qop, count.as_str())),
    };
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}",
        quoted(&credentials.username),
        quoted(&challenge.realm),
        quoted(&challenge.nonce),
        quoted(protected.uri),
        parts.response(),
        challenge.algorithm.name(),
    );
    if let Some(qop) = challenge.qop {
        value.push_str(&format!(", qop={}, cnonce={}, nc={count}", qop.name(), quoted(cnonce)));
    } else if challenge.algorithm.is_session() {
        value.push_str(&format!(", cnonce={}", quoted(cnonce)));
    }
    if let Some(opaque) = &challenge.opaque {
        value.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Qop};

    fn credentials(realm: Option<&str>) -> Credentials {
        Credentials { username: "bob".into(), password: "zanzibar".into(), realm: realm.map(str::to_owned) }
    }

    #[test]
    fn the_strongest_challenge_of_the_right_realm_is_taken() {
        let offered = [
            "Digest realm=r, nonce=1, algorithm=MD5",
            "Digest realm=r, nonce=2, algorithm=SHA-256",
            "Digest realm=r, nonce=3, algorithm=SHA-256",
            "Digest realm=other, nonce=4, algorithm=SHA-256-sess",
            "Digest realm=r, nonce=5, algorithm=SHA-512",
        ];
        let check = |realm, nonce: Option<&str>| {
            let got = strongest(offered.iter().map(|text| text.as_bytes()), &credentials(realm));
            assert_eq!(got.map(|challenge| challenge.nonce).as_deref(), nonce, "{realm:?}");
        };
        check(Some("r"), Some("2"));
        check(None, Some("4"));
        check(Some("elsewhere"), None);
    }

    #[test]
    fn answers_carry_what_the_challenge_asks_for() {
        let mut challenge = Challenge {
            realm: "biloxi.com".into(),
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093".into(),
            opaque: Some("5ccc069c403ebaf9f0171e9517f40e41".into()),
            algorithm: Algorithm::Md5,
            qop: Some(Qop::Auth),
            stale: false,
        };
        let invite = Protected { method: "INVITE", uri: "sip:bob@biloxi.com", body: b"" };
        // Figures of draft-smith-sipping-auth-examples-01 §3.
        let value = answer(&challenge, &credentials(None), invite, "0a4f113b", 1);
        assert!(value.contains("response=\"89eb0059246c02b2f6ee02c7961d5ea3\""), "{value}");
        assert!(value.contains("qop=auth, cnonce=\"0a4f113b\", nc=00000001"), "{value}");
        assert!(value.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""), "{value}");
        challenge.qop = None;
        let value = answer(&challenge, &credentials(None), invite, "0a4f113b", 1);
        assert!(value.contains("response=\"bf57e4e0d0bffc0fbaedce64d59add5e\""), "{value}");
        assert!(!value.contains("cnonce") && !value.contains("qop"), "{value}");
    }
}
