//! The one credential of the sandbox: personas that want proof ask for it, the sandbox's callers know it. It guards
//! nothing but a loopback network; it is there so that a challenge can be seen and answered.

use model::Timestamp;
use sip::digest::{Authenticator, Credentials, Protected, Secret, Verdict};
use sip::{IncomingCall, Rejection};
use std::sync::{Mutex, MutexGuard, PoisonError};

const REALM: &str = "sandbox";
const USER: &str = "lyrebird";
const PASSWORD: &str = "sandbox";

/// Asks who calls, and knows the right answer.
pub(super) struct Gate(Mutex<Authenticator>);

impl Gate {
    /// A gate whose challenges are proved by `secret`.
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self(Mutex::new(Authenticator::new(REALM, secret)))
    }

    /// The answer to a call without proof.
    pub(super) fn challenge(&self, now: Timestamp) -> Rejection {
        let challenges = self.lock().challenges(false, now);
        let header = |value| ("WWW-Authenticate".to_owned(), value);
        Rejection { extra_headers: challenges.into_iter().map(header).collect(), ..Rejection::with_code(401) }
    }

    /// Whether a call brings the proof.
    pub(super) fn admits(&self, call: &IncomingCall, now: Timestamp) -> bool {
        let mut authenticator = self.lock();
        let Some(claim) = authenticator.claim(call.authorizations.iter().map(String::as_str)) else {
            return false;
        };
        let password = (claim.username == USER).then_some(PASSWORD);
        let body = call.sdp.as_deref().unwrap_or_default();
        let request = Protected { method: "INVITE", uri: &call.request_uri, body };
        authenticator.check(&claim, password.map(Secret::Password), request, now) == Verdict::Granted
    }

    fn lock(&self) -> MutexGuard<'_, Authenticator> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the sandbox's callers answer a challenge with.
pub(super) fn credentials() -> Credentials {
    Credentials { username: USER.to_owned(), password: PASSWORD.to_owned(), realm: Some(REALM.to_owned()) }
}
