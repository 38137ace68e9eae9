//! Transfers of a leg: its peer is asked to call somebody else instead of us, or asks us to call somebody for it. The
//! latter is told to the owner only where the leg's rules allow it.

use super::{Leg, Stage};
use model::leg::LegFact;
use model::transfer::{TransferFact, TransferId, TransferReply};
use model::{E164, Pii, Timestamp};
use serde_json::json;
use sip::message::Uri;
use sip::message::uri::escape_user;
use sip::{CallKey, IncomingRefer, Order, Refer, ReferId, ReferProgress, ReferTarget};
use tokio::sync::oneshot;

/// Most bytes of a target that is told.
const TARGET_BYTES_MAX: usize = 256;
/// What a peer hears whose target is not there any more.
const NO_SUCH_CALL: u16 = 481;

/// What a leg may do about transfers.
#[derive(Debug, Clone, Default)]
pub(crate) struct TransferRules {
    /// The host of phone numbers that the peer is asked to call.
    pub(crate) host: String,
    /// Whether the peer's own wishes are told to the owner; else they are refused.
    pub(crate) follows: bool,
}

/// A peer to be transferred.
pub(crate) struct Transfer {
    /// Whom the peer is to call.
    pub(crate) target: Target,
    /// Who hears how it goes.
    pub(crate) asker: Asker,
}

/// Whom a peer is to call.
pub(crate) enum Target {
    /// A number, or a whole URI.
    Address(String),
    /// The party of another call of this agent's; none: it is gone.
    Call(Option<CallKey>),
}

/// Who hears how a peer is transferred.
pub(crate) enum Asker {
    /// The leg's owner, by facts.
    Owner,
    /// Somebody who wants to know whether the peer agreed; dropped unheard when the leg ends first.
    Once(oneshot::Sender<bool>),
}

impl Leg {
    /// Asks the peer; one wish at a time.
    pub(super) fn transfer(&mut self, transfer: Transfer, orders: &mut Vec<Order>) {
        if self.stage != Stage::Talking || self.transferring.is_some() {
            return;
        }
        let Transfer { target, asker } = transfer;
        self.transferring = Some(asker);
        let target = match target {
            Target::Address(address) => ReferTarget::Uri(self.uri_of(&address)),
            Target::Call(Some(key)) => ReferTarget::Call(key),
            Target::Call(None) => {
                return self.transfer_progress(&ReferProgress::Failed { code: NO_SUCH_CALL });
            }
        };
        let refer = Refer { target, referred_by: true, wants_progress: true };
        orders.push(Order::Refer { key: self.call, refer });
    }

    /// A number lives at the host that the leg's rules name.
    fn uri_of(&self, address: &str) -> String {
        if address.starts_with("sip:") || address.starts_with("sips:") || address.starts_with("tel:") {
            return address.to_owned();
        }
        let host = self.body.as_ref().map_or("", |body| body.transfers.host.as_str());
        format!("sip:{}@{host}", escape_user(address))
    }

    /// How it goes.
    pub(super) fn transfer_progress(&mut self, progress: &ReferProgress) {
        let Some(asker) = self.transferring.take() else { return };
        let fact = match progress {
            ReferProgress::Accepted | ReferProgress::Trying { .. } => TransferFact::Agreed,
            ReferProgress::Succeeded { .. } => TransferFact::Done,
            ReferProgress::Failed { code } => TransferFact::Failed { code: *code },
            ReferProgress::Untold => TransferFact::Untold,
        };
        match asker {
            // Whoever asked may have gone.
            Asker::Once(answered) => drop(answered.send(!matches!(fact, TransferFact::Failed { .. }))),
            Asker::Owner => {
                if fact == TransferFact::Agreed {
                    self.transferring = Some(Asker::Owner);
                }
                if !matches!(progress, ReferProgress::Trying { .. }) {
                    self.fact(LegFact::Transfer(fact));
                }
            }
        }
    }

    /// The peer wishes that we call somebody for it. That call would be paid for here, and one that is to take the place
    /// of another would be somebody else's: who may not wish it is refused.
    pub(super) fn asked_to_transfer(
        &mut self,
        refer: ReferId,
        request: &IncomingRefer,
        now: Timestamp,
        orders: &mut Vec<Order>,
    ) {
        let attended = request.replaces.is_some();
        let follows = self.stage == Stage::Talking
            && !attended
            && self.body.as_ref().is_some_and(|body| body.transfers.follows);
        let target = wanted(&request.target_uri).filter(|_| follows);
        let line = match target {
            Some(_) => "The far side asks to be transferred",
            None => "Transfer refused: the far side may not transfer calls",
        };
        self.story.signalling(line, json!({ "attended": attended }), now);
        match target {
            Some(to) => self.fact(LegFact::TransferAsked { transfer: TransferId(refer.0), to: Pii::new(to) }),
            None => orders.push(Order::AnswerRefer { key: self.call, refer, code: 603 }),
        }
    }

    /// Tells the peer how it goes. What comes too late is not sent.
    pub(super) fn answer_transfer(
        &self,
        transfer: TransferId,
        reply: TransferReply,
        orders: &mut Vec<Order>,
    ) {
        let (key, refer) = (self.call, ReferId(transfer.0));
        let told = |code| Order::NotifyRefer { key, refer, code, reason: None };
        orders.push(match reply {
            TransferReply::Refused => Order::AnswerRefer { key, refer, code: 603 },
            TransferReply::Agreed => Order::AnswerRefer { key, refer, code: 202 },
            TransferReply::Ringing => told(180),
            TransferReply::Done => told(200),
            TransferReply::Failed => told(480),
        });
    }
}

/// Whom a Refer-To names: a number, with its plus sign where it is one, or a user name.
fn wanted(target_uri: &str) -> Option<String> {
    let user = Uri::parse(target_uri).ok()?.user_plain();
    let name = user.split(';').next().unwrap_or_default();
    let number = name.parse::<E164>().map_or_else(|_| name.to_owned(), Into::into);
    (!number.is_empty() && number.len() <= TARGET_BYTES_MAX).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_a_number_or_a_user_name() {
        let check = |uri: &str, expected: Option<&str>| assert_eq!(wanted(uri).as_deref(), expected, "{uri}");
        check("sip:+4930123456@192.0.2.4;transport=tcp", Some("+4930123456"));
        check("sip:+4930123456;phone-context=x@192.0.2.4", Some("+4930123456"));
        check("sip:bob@192.0.2.4", Some("bob"));
        check("sip:192.0.2.4", None);
        check("nothing", None);
    }
}
