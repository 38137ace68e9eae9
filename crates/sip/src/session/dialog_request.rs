//! A request within a dialog as long as it is under way: what it says stays, and may have to be said again with
//! credentials. Knows no session.

use crate::dialog::Dialog;
use crate::endpoint::wire::Wire;
use crate::message::name::{ALLOW, SUPPORTED_WITHIN};
use crate::message::{HeaderName, Writer};
use crate::transaction::{ClientId, Owner};
use model::Timestamp;
use std::fmt;

/// Challenges answered for one request: one, and another whose nonce was stale.
pub(super) const CHALLENGES_MAX: u8 = 2;

/// How often a request is sent again because a later one overtook it.
const OVERTAKINGS_MAX: u8 = 3;

/// What a request says beyond what its dialog says.
#[derive(Clone)]
pub(super) struct DialogRequest {
    pub(super) method: &'static str,
    lines: Vec<u8>,
    content_type: &'static str,
    body: Vec<u8>,
    /// Challenges answered.
    pub(super) challenges: u8,
    /// CSeq it was sent with.
    cseq: u32,
    overtakings: u8,
}

impl DialogRequest {
    pub(super) const fn new(method: &'static str) -> Self {
        Self {
            method,
            lines: Vec::new(),
            content_type: "",
            body: Vec::new(),
            challenges: 0,
            cseq: 0,
            overtakings: 0,
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        Writer::fragment(&mut self.lines).header(name, value);
        self
    }

    /// Header lines as a writer made them.
    pub(super) fn lines(mut self, lines: &[u8]) -> Self {
        self.lines.extend_from_slice(lines);
        self
    }

    /// The headers of a request that refreshes the target (RFC 3261 §12.2.1.1, §20.5, §20.37).
    pub(super) fn target_refresh(self, dialog: &Dialog) -> Self {
        self.header(HeaderName::Contact, format_args!("<{}>", dialog.contact()))
            .header(HeaderName::Allow, ALLOW)
            .header(HeaderName::Supported, SUPPORTED_WITHIN)
    }

    pub(super) fn body(mut self, content_type: &'static str, body: &[u8]) -> Self {
        self.content_type = content_type;
        self.body = body.to_vec();
        self
    }

    pub(super) fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// A session description; empty for none.
    pub(super) fn sdp(self, sdp: &[u8]) -> Self {
        self.body("application/sdp", sdp)
    }

    /// Sends it; `authorization` is a header line, or empty.
    pub(super) fn send(
        &mut self,
        dialog: &mut Dialog,
        authorization: &[u8],
        owner: Owner,
        wire: &mut Wire,
        now: Timestamp,
    ) -> ClientId {
        let transaction = wire.request(dialog, self.method, owner, now, |writer| {
            writer.lines(authorization).lines(&self.lines);
            if self.body.is_empty() {
                writer.end();
            } else {
                writer.body(self.content_type, &self.body);
            }
        });
        self.cseq = dialog.last_cseq();
        transaction
    }

    /// Whether this response says no more than that a later request of ours came first (RFC 3261 §12.2.2): the request is
    /// worth sending again, with a new number.
    pub(super) fn was_overtaken(&mut self, code: u16, dialog: &Dialog) -> bool {
        let overtaken = code == 500 && dialog.last_cseq() > self.cseq && self.overtakings < OVERTAKINGS_MAX;
        self.overtakings += u8::from(overtaken);
        overtaken
    }
}
