//! The owner of a call's machine: hands its orders out one by one, and holds back what rings a phone or costs money until
//! everything announced before it is durable.

use super::books::Books;
use call::{Input, Machine, Output};
use model::leg::{LegEnd, LegEndKind, LegEndedBy, LegFact, LegOrder, ReleaseCause};
use model::{LegId, Timestamp};
use std::collections::VecDeque;

/// A running call.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) machine: Machine,
    pub(crate) books: Books,
    /// Facts that came of carrying out orders.
    pub(crate) local: VecDeque<Input>,
    held: VecDeque<(Output, Timestamp)>,
    /// The row says that dialling begins.
    started: bool,
}

impl Actor {
    pub(crate) const fn new(machine: Machine, books: Books) -> Self {
        Self { machine, books, local: VecDeque::new(), held: VecDeque::new(), started: false }
    }

    /// Takes the machine's outputs. A leg that is to be hung up while its dialling still waits is never dialled.
    pub(crate) fn collect(&mut self, now: Timestamp) {
        while let Some(output) = self.machine.poll() {
            if let Output::Leg(leg, LegOrder::HangUp) = output
                && self.withdraw(leg)
            {
                continue;
            }
            self.held.push_back((output, now));
        }
    }

    fn withdraw(&mut self, leg: LegId) -> bool {
        let is_dial = |output: &Output| matches!(output, Output::Leg(dialled, LegOrder::Dial { .. }) if *dialled == leg);
        let Some(at) = self.held.iter().position(|(output, _)| is_dial(output)) else { return false };
        self.held.remove(at);
        let cause = ReleaseCause::local("Withdrawn before it was dialled.");
        let end = LegEnd { kind: LegEndKind::Canceled, by: LegEndedBy::Local, cause };
        self.local.push_back(Input::Leg(leg, LegFact::Ended(end)));
        true
    }

    /// The next order that may be carried out now, and when it was given.
    pub(crate) fn next(&mut self) -> Option<(Output, Timestamp)> {
        let (output, _) = self.held.front()?;
        let is_dial = matches!(output, Output::Leg(_, LegOrder::Dial { .. }));
        if is_dial && !std::mem::replace(&mut self.started, true) {
            self.books.row_changed();
        }
        let costly = is_dial || matches!(output, Output::Leg(_, LegOrder::Answer));
        if costly && !self.books.is_clean() {
            return None;
        }
        self.held.pop_front()
    }

    /// Everything is final, written and carried out.
    pub(crate) fn is_done(&self) -> bool {
        self.machine.is_done() && self.held.is_empty() && self.local.is_empty() && self.books.is_clean()
    }
}
