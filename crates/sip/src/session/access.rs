//! Who gets our credentials within a dialog. A callee behind the trunk can send a challenge that looks like the trunk's,
//! with a nonce of its choice, and would read the answer that passes through. So a challenge is answered only if its realm
//! challenged the INVITE before anybody rang, it comes from the machine the INVITE went to, and nobody beyond that
//! machine is in the dialog: its Contact and every Record-Route stand there by that one address. That is how trunks look
//! that challenge within a call (they are back-to-back); a proxy that only routes is taken at its word by nobody.

use super::dialog_request::{CHALLENGES_MAX, DialogRequest};
use crate::dialog::Dialog;
use crate::digest::{self, Credentials, Protected};
use crate::endpoint::order::Hop;
use crate::endpoint::wire::Wire;
use crate::message::HeaderName;
use crate::message::validate::Response;

/// Realms remembered: a proxy's and a server's, and one more.
const REALMS_MAX: usize = 3;

/// Credentials, and where they may be used.
#[derive(Clone)]
pub(crate) struct Access {
    credentials: Credentials,
    /// Where the INVITE went.
    trunk: Hop,
    /// The realms that challenged the INVITE; true for a proxy's.
    realms: Vec<(bool, String)>,
    /// The nonce answered last, and how often.
    nonce: (String, u32),
}

impl Access {
    pub(crate) fn new(credentials: Credentials, trunk: Hop, mut realms: Vec<(bool, String)>) -> Self {
        realms.truncate(REALMS_MAX);
        Self { credentials, trunk, realms, nonce: (String::new(), 0) }
    }

    pub(super) fn realms(&self) -> &[(bool, String)] {
        &self.realms
    }

    /// The line that answers a 401 or 407 to a request within the dialog; `None` if it is not to be answered.
    pub(super) fn answer(
        &mut self,
        response: &Response<'_, '_>,
        source: Hop,
        dialog: &Dialog,
        request: &mut DialogRequest,
        wire: &mut Wire,
    ) -> Option<Vec<u8>> {
        let is_proxy = response.code == 407;
        let (asks, answers) = headers(is_proxy);
        let machine = self.trunk.address.ip();
        let goes_there = dialog.hop().address.ip() == machine && dialog.stays_at(machine);
        if source.address.ip() != machine || !goes_there || request.challenges == CHALLENGES_MAX {
            return None;
        }
        let challenge = digest::strongest(response.message.values(asks), &self.credentials)?;
        let known = self.realms.iter().any(|(proxy, realm)| *proxy == is_proxy && *realm == challenge.realm);
        if !known || (request.challenges > 0 && !challenge.stale) {
            return None;
        }
        request.challenges += 1;
        let count = if self.nonce.0 == challenge.nonce { self.nonce.1 + 1 } else { 1 };
        self.nonce = (challenge.nonce.clone(), count);
        let cnonce = wire.tokens.tag();
        let uri = dialog.request_uri();
        let protected = Protected { method: request.method, uri, body: request.body_bytes() };
        let value = digest::answer(&challenge, &self.credentials, protected, &cnonce, count);
        Some(authorization_line(answers, &value))
    }
}

/// The headers of a challenge and its answer.
pub(super) const fn headers(is_proxy: bool) -> (HeaderName, HeaderName) {
    match is_proxy {
        false => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
        true => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
    }
}

/// A header line with credentials.
pub(super) fn authorization_line(name: HeaderName, value: &str) -> Vec<u8> {
    format!("{}: {}\r\n", name.as_str(), value.replace(|c: char| c.is_control(), " ")).into_bytes()
}
