//! The one credential of the sandbox: personas that want proof ask for it, the sandbox's callers know it. It guards
//! nothing but a loopback network; it is there so that a challenge can be seen and answered.

use sip::digest::{Algorithm, Credentials, challenge, verify};
use sip::{IncomingCall, Rejection};

const REALM: &str = "sandbox";
const USER: &str = "lyrebird";
const PASSWORD: &str = "sandbox";

/// Asks who calls, and knows the right answer.
pub(super) struct Gate {
    nonce: String,
}

impl Gate {
    /// A gate with a nonce of its own.
    pub(super) fn new(seed: u64) -> Self {
        Self { nonce: format!("{seed:016x}") }
    }

    /// The answer to a call without proof.
    pub(super) fn challenge(&self) -> Rejection {
        let value = challenge(REALM, &self.nonce, Algorithm::Sha256, false);
        let extra_headers = vec![("WWW-Authenticate".to_owned(), value)];
        Rejection { extra_headers, ..Rejection::with_code(401) }
    }

    /// Whether a call brings the proof.
    pub(super) fn admits(&self, call: &IncomingCall) -> bool {
        let proof = call.authorization.as_ref();
        proof.is_some_and(|value| {
            verify(value.as_bytes(), REALM, &self.nonce, USER, PASSWORD, "INVITE").is_ok()
        })
    }
}

/// What the sandbox's callers answer a challenge with.
pub(super) fn credentials() -> Credentials {
    Credentials { username: USER.to_owned(), password: PASSWORD.to_owned(), realm: Some(REALM.to_owned()) }
}
