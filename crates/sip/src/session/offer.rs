//! An offer of the peer within a call that waits for the application (RFC 3264): re-INVITE, UPDATE or PRACK. Knows no
//! session's state.

use super::clock::{Agreed, write_agreed};
use super::received::Received;
use crate::dialog::Dialog;
use crate::endpoint::output::OfferRequest;
use crate::endpoint::wire::Wire;
use crate::message::name::{ALLOW, SUPPORTED};
use crate::message::{HeaderName, Writer};
use model::Timestamp;
use std::sync::Arc;

/// The request, and what is known of it.
pub(super) struct TheirOffer {
    pub(super) received: Received,
    /// Without one our 2xx makes the offer.
    pub(super) has_offer: bool,
    pub(super) request: OfferRequest,
    /// The session timer our 2xx agrees to.
    pub(super) agreed: Option<Agreed>,
}

impl TheirOffer {
    /// Answers it with 200; gives the bytes.
    pub(super) fn answer(&self, dialog: &Dialog, sdp: &[u8], wire: &mut Wire, now: Timestamp) -> Arc<[u8]> {
        self.received.reply_with(200, wire, now, |writer| {
            if self.request != OfferRequest::Prack {
                start_target_refresh(dialog, writer);
                write_agreed(self.agreed, writer);
            }
            finish(writer, sdp);
        })
    }

    /// Refuses it; nothing changes.
    pub(super) fn refuse(&self, code: u16, wire: &mut Wire, now: Timestamp) {
        self.received.reply(code, wire, now);
    }
}

/// The headers of a 2xx to a request that refreshes the target.
pub(super) fn start_target_refresh(dialog: &Dialog, writer: &mut Writer<'_>) {
    writer
        .header(HeaderName::Contact, format_args!("<{}>", dialog.contact()))
        .header(HeaderName::Allow, ALLOW)
        .header(HeaderName::Supported, SUPPORTED);
}

/// Ends a message with a session description, if there is one.
pub(super) fn finish(writer: &mut Writer<'_>, sdp: &[u8]) {
    if sdp.is_empty() {
        writer.end();
    } else {
        writer.body("application/sdp", sdp);
    }
}
