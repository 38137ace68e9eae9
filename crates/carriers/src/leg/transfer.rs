//! A leg that asks its peer to call somebody else instead.

use super::{Leg, Stage};
use sip::{Order, Refer, ReferProgress, ReferTarget};
use tokio::sync::oneshot;

/// Whom the peer is to call, and who hears whether it agrees.
pub(crate) struct Transfer {
    /// Whom to call.
    pub(crate) to_uri: String,
    /// Hears whether the peer agreed; dropped unheard when the leg ends first.
    pub(crate) answered: oneshot::Sender<bool>,
}

impl Leg {
    /// Asks the peer; one wish at a time.
    pub(super) fn transfer(&mut self, transfer: Transfer, orders: &mut Vec<Order>) {
        if self.stage != Stage::Talking || self.transferring.is_some() {
            return;
        }
        let Transfer { to_uri, answered } = transfer;
        self.transferring = Some(answered);
        let refer = Refer { target: ReferTarget::Uri(to_uri), referred_by: true, wants_progress: true };
        orders.push(Order::Refer { key: self.call, refer });
    }

    /// How it goes: the first word says whether the peer agreed.
    pub(super) fn transfer_progress(&mut self, progress: &ReferProgress) {
        let Some(answered) = self.transferring.take() else { return };
        let agreed = !matches!(progress, ReferProgress::Failed { .. });
        // Whoever asked may have gone.
        let _ = answered.send(agreed);
    }
}
