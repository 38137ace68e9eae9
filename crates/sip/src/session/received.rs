//! A request within a dialog that waits for its response. Knows no session.

use crate::endpoint::order::{CallKey, Hop};
use crate::endpoint::wire::{Status, Wire};
use crate::message::validate::{Refusal, Request};
use crate::message::{HeaderName, Writer};
use crate::transaction::{ReplyHead, ServerId};
use model::Timestamp;

/// The way to answer a request once.
pub(super) struct Received {
    pub(super) server: ServerId,
    pub(super) head: ReplyHead,
    pub(super) cseq: u32,
}

impl Received {
    /// Opens the transaction of a request.
    pub(super) fn open(request: &Request<'_, '_>, source: Hop, key: CallKey, wire: &mut Wire) -> Self {
        let head = ReplyHead::new(request.message, source);
        let server = wire.servers.open(request, Some(key), head.hop);
        Self { server, head, cseq: request.cseq.number }
    }

    /// Responds by code alone. Requests within a dialog bring our tag.
    pub(super) fn reply(&self, code: u16, wire: &mut Wire, now: Timestamp) {
        self.reply_with(code, wire, now, |writer| writer.end());
    }

    pub(super) fn reply_with(
        &self,
        code: u16,
        wire: &mut Wire,
        now: Timestamp,
        finish: impl FnOnce(&mut Writer<'_>),
    ) -> std::sync::Arc<[u8]> {
        let status = Status { code, reason: None, tag: None };
        wire.reply(self.server, &self.head, status, now, finish)
    }

    pub(super) fn refuse(&self, refusal: &Refusal, wire: &mut Wire, now: Timestamp) {
        let status = Status { code: refusal.code, reason: refusal.reason, tag: None };
        wire.reply(self.server, &self.head, status, now, |writer| {
            if let Some((name, value)) = &refusal.header {
                writer.named(name, value);
            }
            writer.end();
        });
    }

    /// 500 with Retry-After of 0 to 10 s: another request has to be answered first (RFC 3261 §14.2, RFC 3311 §5.2).
    pub(super) fn postpone(&self, wire: &mut Wire, now: Timestamp) {
        let retry_after = wire.tokens.below(11);
        self.reply_with(500, wire, now, |writer| {
            writer.header(HeaderName::RetryAfter, retry_after).end();
        });
    }
}
