//! The early dialogs of a call we placed (RFC 3261 §13.2.2.1, RFC 3262 §4): a forked INVITE rings at several places, each with
//! its own numbers.

use crate::dialog::{CallerSide, Dialog};
use crate::message::rack::rseq;
use crate::message::validate::Response;
use crate::message::{HeaderName, Message};
use crate::session::dialog_request::DialogRequest;
use crate::transaction::ClientId;

/// Early dialogs told apart.
const FORKS_MAX: usize = 16;

/// An early dialog.
pub(super) struct Fork {
    pub(super) dialog: Dialog,
    /// RSeq of the last reliable response.
    rseq: Option<u32>,
    /// The PRACK under way.
    pub(super) prack: Option<(ClientId, DialogRequest)>,
    /// RSeq of a response whose offer waits for the application's answer.
    pub(super) owed: Option<u32>,
    /// Offer and answer were exchanged reliably.
    pub(super) is_agreed: bool,
}

/// What a provisional response is, among those of its dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not reliable.
    Plain,
    /// The next reliable one, with its RSeq: to be acknowledged.
    Next(u32),
    /// Seen before, or one before it is missing: it is passed over, and comes again (RFC 3262 §4).
    OutOfOrder,
}

/// The early dialogs of one INVITE, in order of appearance.
#[derive(Default)]
pub(super) struct Forks {
    known: Vec<Fork>,
}

impl Forks {
    pub(super) const fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    fn position(&self, remote_tag: Option<&str>) -> Option<usize> {
        self.known.iter().position(|fork| fork.dialog.remote_tag() == remote_tag.unwrap_or_default())
    }

    /// The early dialog with this tag, and its number.
    pub(super) fn find(&mut self, remote_tag: Option<&str>) -> Option<(u16, &mut Fork)> {
        let index = self.position(remote_tag)?;
        Some((number(index), self.known.get_mut(index)?))
    }

    pub(super) fn get(&mut self, number: u16) -> Option<&mut Fork> {
        self.known.get_mut(usize::from(number))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Fork> {
        self.known.iter_mut()
    }

    /// Whether a request belongs to one of them.
    pub(super) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.position(remote_tag)
            .and_then(|index| self.known.get(index))
            .is_some_and(|fork| fork.dialog.matches(call_id, remote_tag))
    }

    /// The number of the dialog of a response, which is made if it is new; beyond the limit all count as the last one.
    pub(super) fn number(&mut self, caller: &CallerSide<'_>, response: &Response<'_, '_>) -> u16 {
        let index = self.position(response.to.tag()).unwrap_or_else(|| {
            if self.known.len() < FORKS_MAX {
                let dialog = Dialog::of_caller(caller, response);
                self.known.push(Fork { dialog, rseq: None, prack: None, owed: None, is_agreed: false });
            }
            self.known.len() - 1
        });
        number(index)
    }

    /// Places a provisional response among those of its dialog.
    pub(super) fn place(&mut self, response: &Response<'_, '_>) -> Place {
        let Some(rseq) = reliable(response.message) else { return Place::Plain };
        match self.find(response.to.tag()) {
            Some((_, fork)) if fork.rseq.is_none_or(|last| last.checked_add(1) == Some(rseq)) => {
                fork.rseq = Some(rseq);
                fork.dialog.refresh_target(response.message);
                Place::Next(rseq)
            }
            // Beyond the limit nobody keeps count.
            _ => Place::OutOfOrder,
        }
    }

    /// The dialog that answered, its route set now final; one we have not heard of is made.
    pub(super) fn confirm(&mut self, caller: &CallerSide<'_>, response: &Response<'_, '_>) -> Dialog {
        let known = self.position(response.to.tag()).and_then(|index| self.known.get_mut(index));
        let Some(fork) = known else { return Dialog::of_caller(caller, response) };
        fork.dialog.confirm(response);
        fork.dialog.clone()
    }
}

fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// RSeq of a provisional response that requires its acknowledgement.
fn reliable(message: &Message<'_>) -> Option<u32> {
    let mut tags = message.elements(HeaderName::Require);
    if tags.any(|tag| tag.eq_ignore_ascii_case(b"100rel")) { rseq(message) } else { None }
}
