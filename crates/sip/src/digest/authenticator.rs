//! The server's side as a whole: asks who somebody is and judges the answer, for one realm. Where passwords come from is
//! the caller's business. Knows no message and no call.

use super::authorization::{Authorization, is_same};
use super::challenge::Challenge;
use super::hash::{Algorithm, Protected, Qop, Secret, hex};
use super::nonce::{Nonces, Worth};
use model::Timestamp;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::Duration;

/// How long a nonce may be used.
const LIFETIME: Duration = Duration::from_secs(300);
/// Nonces whose counts are remembered.
const USED_MAX: usize = 65_536;
/// What is offered, best first (RFC 8760 §2.4): MD5 for the many phones that know nothing else.
const OFFERED: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is who it says.
    Granted,
    /// The password is right but the nonce was used or is too old: challenge with `stale`.
    Stale,
    /// No answer to a challenge of ours, or one about another request: challenge.
    Unknown,
    /// User name or password is wrong: challenge again, or 403.
    Denied,
}

/// Who may come in at one realm. `Debug` shows no secret.
pub struct Authenticator {
    realm: String,
    secret: [u8; 32],
    opaque: String,
    nonces: Nonces,
    offered: &'static [Algorithm],
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authenticator({})", self.realm)
    }
}

impl Authenticator {
    /// For a realm; nonces are proved by `secret`, which must be drawn anew for each authenticator.
    pub fn new(realm: impl Into<String>, secret: [u8; 32]) -> Self {
        let opaque = Sha256::new_with_prefix(secret).chain_update("opaque").finalize();
        let opaque = hex(opaque.get(..8).unwrap_or_default());
        Self {
            realm: realm.into(),
            secret,
            opaque,
            nonces: Nonces::new(LIFETIME, USED_MAX),
            offered: &OFFERED,
        }
    }

    /// Offers these algorithms instead of the usual ones, best first: some phones give up at the first one that they do
    /// not know.
    #[must_use]
    pub const fn offering(mut self, algorithms: &'static [Algorithm]) -> Self {
        self.offered = algorithms;
        self
    }

    /// The values of WWW-Authenticate, best first.
    pub fn challenges(&mut self, stale: bool, now: Timestamp) -> Vec<String> {
        let nonce = self.nonces.make(&self.secret, now);
        let challenge = |algorithm| Challenge {
            realm: self.realm.clone(),
            nonce: nonce.clone(),
            opaque: Some(self.opaque.clone()),
            algorithm,
            qop: Some(Qop::Auth),
            stale,
        };
        self.offered.iter().map(|algorithm| challenge(*algorithm).to_string()).collect()
    }

    /// The answer for this realm among the values of Authorization; its `username` is whose password to look up.
    pub fn claim<'v>(&self, values: impl IntoIterator<Item = &'v str>) -> Option<Authorization> {
        let mut claims = values.into_iter().filter_map(|value| Authorization::parse(value.as_bytes()));
        claims.find(|claim| claim.realm == self.realm)
    }

    /// Judges a claim about a request, whose `uri` is its Request-URI. `secret` is the user's, none if there is no such
    /// user; that takes as long as a wrong one.
    pub fn check(
        &mut self,
        claim: &Authorization,
        secret: Option<Secret<'_>>,
        request: Protected<'_>,
        now: Timestamp,
    ) -> Verdict {
        let offered = self.offered.contains(&claim.algorithm);
        let opaque_came_back = claim.opaque.as_ref().is_none_or(|opaque| is_same(opaque, &self.opaque));
        let worth = self.nonces.judge(&claim.nonce, claim.count, &self.secret, now);
        let is_ours = worth != Worth::Foreign && claim.realm == self.realm && opaque_came_back;
        if !is_ours || !offered || !claim.is_about(request.uri) {
            return Verdict::Unknown;
        }
        let is_right = claim.is_right(secret.unwrap_or(Secret::Password("")), request.method, request.body);
        match worth {
            _ if !is_right || secret.is_none() => Verdict::Denied,
            Worth::Stale | Worth::Foreign => Verdict::Stale,
            Worth::Good => {
                self.nonces.take(&claim.nonce, claim.count, &self.secret, now);
                Verdict::Granted
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Credentials, answer, strongest};

    struct Bench {
        authenticator: Authenticator,
        now: Timestamp,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                authenticator: Authenticator::new("lyre", [1; 32]),
                now: Timestamp::from_millis(1_777_000_000_000),
            }
        }

        fn challenge(&mut self) -> Challenge {
            let values = self.authenticator.challenges(false, self.now);
            strongest(values.iter().map(|value| value.as_bytes()), &credentials("pw")).unwrap()
        }

        fn check(&mut self, value: &str, password: Option<&str>) -> Verdict {
            let Some(claim) = self.authenticator.claim([value]) else { return Verdict::Unknown };
            let request = Protected { method: "REGISTER", uri: "sip:lyre", body: b"" };
            self.authenticator.check(&claim, password.map(Secret::Password), request, self.now)
        }
    }

    fn credentials(password: &str) -> Credentials {
        Credentials { username: "al".into(), password: password.into(), realm: None }
    }

    fn answered(challenge: &Challenge, password: &str, count: u32) -> String {
        let protected = Protected { method: "REGISTER", uri: "sip:lyre", body: b"" };
        answer(challenge, &credentials(password), protected, "c", count)
    }

    #[test]
    fn the_right_password_comes_in_once_for_each_count() {
        let mut bench = Bench::new();
        let challenge = bench.challenge();
        assert_eq!(challenge.algorithm, Algorithm::Sha256);
        for (count, wanted) in [
            (1, Verdict::Granted),
            (1, Verdict::Stale),
            (2, Verdict::Granted),
            (9, Verdict::Granted),
            (3, Verdict::Granted),
        ] {
            assert_eq!(bench.check(&answered(&challenge, "pw", count), Some("pw")), wanted, "{count}");
        }
        bench.now = bench.now + LIFETIME + Duration::from_secs(1);
        assert_eq!(bench.check(&answered(&challenge, "pw", 10), Some("pw")), Verdict::Stale);
        assert_eq!(bench.check(&answered(&challenge, "no", 10), Some("pw")), Verdict::Denied);
    }

    #[test]
    fn everything_else_stays_out() {
        let mut bench = Bench::new();
        let challenge = bench.challenge();
        let mut check = |value: String, password, wanted| {
            assert_eq!(bench.check(&value, password), wanted, "{value}");
        };
        check(answered(&challenge, "no", 1), Some("pw"), Verdict::Denied);
        check(answered(&challenge, "", 1), None, Verdict::Denied);
        check(answered(&challenge, "pw", 0), Some("pw"), Verdict::Stale);
        let foreign = Challenge { nonce: "n".into(), ..challenge.clone() };
        check(answered(&foreign, "pw", 1), Some("pw"), Verdict::Unknown);
        let realm = Challenge { realm: "else".into(), ..challenge.clone() };
        check(answered(&realm, "pw", 1), Some("pw"), Verdict::Unknown);
        let opaque = Challenge { opaque: Some("x".into()), ..challenge.clone() };
        check(answered(&opaque, "pw", 1), Some("pw"), Verdict::Unknown);
        let weak = Challenge { algorithm: Algorithm::Md5Sess, ..challenge.clone() };
        check(answered(&weak, "pw", 1), Some("pw"), Verdict::Unknown);
        check("Basic x".into(), Some("pw"), Verdict::Unknown);
        let elsewhere = Protected { method: "REGISTER", uri: "sip:else", body: b"" };
        let elsewhere = answer(&challenge, &credentials("pw"), elsewhere, "c", 1);
        check(elsewhere, Some("pw"), Verdict::Unknown);
        let old = Challenge { qop: None, ..challenge };
        check(answered(&old, "pw", 1), Some("pw"), Verdict::Granted);
        check(answered(&old, "pw", 1), Some("pw"), Verdict::Stale);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Authenticator::new("lyre", [1; 32])), "Authenticator(lyre)");
    }
}
