//! Random words from and to those whom a call meets, and what must hold of them.

use super::program::Dice;
use call::{Input, Output};
use model::call::{CallEnd, EndReason, EndSource};
use model::child::{ChildFact, ChildOrder};
use model::flow::{Bridge, Conference, FlowCommand, Queue, Transfer, TransferMode};
use model::leg::{LegFact, ReleaseCause};
use model::meeting::{Attendance, ConferenceFact, ConferenceOrder, QueueFact, QueueOrder};
use model::sound::{ConferenceId, MediaFact};
use model::transfer::TransferFact;
use model::{CallId, IdSource, LegId, Pii};
use std::collections::BTreeSet;

/// Whom the call meets.
#[derive(Debug, Default)]
pub(super) struct Others {
    children: Vec<CallId>,
    /// Those that nobody has ended and that have not said their last word.
    open: BTreeSet<CallId>,
    last: Option<Attendance>,
    /// It is in a conference or a queue.
    attends: bool,
}

impl Others {
    /// An input is about to be handled.
    pub(super) fn before(&mut self, input: &Input) {
        match input {
            Input::Child(child, ChildFact::Refused { .. } | ChildFact::Ended(_)) => {
                self.open.remove(child);
            }
            Input::Conference(at, ConferenceFact::Refused { .. } | ConferenceFact::Over)
            | Input::Queue(at, QueueFact::Refused { .. } | QueueFact::Parted)
                if self.last == Some(*at) =>
            {
                self.attends = false;
            }
            _ => {}
        }
    }

    /// An output came.
    pub(super) fn after(&mut self, output: &Output) {
        match output {
            Output::Child(child, ChildOrder::Place(_)) => {
                self.children.push(*child);
                assert!(self.open.insert(*child), "each child has an id of its own");
            }
            Output::Child(child, order) => {
                assert!(self.open.contains(child), "{order:?} is ordered of a child that is over");
                if *order == ChildOrder::End {
                    self.open.remove(child);
                }
            }
            Output::Conference(ConferenceOrder::Enter { attendance, .. })
            | Output::Queue(QueueOrder::Wait { attendance, .. } | QueueOrder::Take { attendance, .. }) => {
                assert!(!self.attends, "a call is in one place at a time");
                self.attends = true;
                self.last = Some(*attendance);
            }
            Output::Conference(ConferenceOrder::Leave) | Output::Queue(QueueOrder::Leave) => {
                self.attends = false;
            }
            _ => {}
        }
    }

    /// The call is done.
    pub(super) fn check_whole(&self) {
        assert!(self.open.is_empty(), "no child is left alone");
        assert!(!self.attends, "nobody stays in a conference or a queue after the end");
    }

    /// Something they could say now.
    pub(super) fn input(&self, dice: &mut Dice, leg: LegId) -> Input {
        let attendance = self.last.filter(|_| !dice.one_in(8)).unwrap_or(Attendance(0));
        match dice.below(8) {
            0 => Input::Media(leg, MediaFact::NotJoined { reason: "no such leg".to_owned() }),
            1 => Input::Leg(leg, LegFact::Transfer(transfer(dice))),
            2 | 3 => Input::Conference(attendance, conference(dice)),
            4 => Input::Queue(attendance, queue(dice)),
            _ => {
                let child = dice.pick(&self.children).unwrap_or(leg.call);
                Input::Child(child, child_fact(dice))
            }
        }
    }
}

/// A step that meets somebody.
pub(super) fn step(dice: &mut Dice) -> FlowCommand {
    let to = Pii::new("+15005550001".to_owned());
    match dice.below(6) {
        0..=2 => FlowCommand::Bridge(Box::new(Bridge {
            ring_tone: dice.one_in(2).then(|| "de".to_owned()),
            hangup_after: dice.one_in(4),
            ..Bridge::to(to)
        })),
        3 => FlowCommand::Conference(Conference {
            leave_key: dice.one_in(2).then_some('#'),
            ..Conference::named("room".to_owned())
        }),
        4 => FlowCommand::Queue(Queue {
            take: dice.one_in(2),
            wait_ms_max: dice.millis(),
            ..Queue::named("q".to_owned())
        }),
        _ => FlowCommand::Transfer(Transfer {
            to,
            mode: if dice.one_in(2) { TransferMode::Blind } else { TransferMode::Attended },
            from: None,
            ring_timeout_ms: Transfer::RING_TIMEOUT_MS,
        }),
    }
}

fn child_fact(dice: &mut Dice) -> ChildFact {
    match dice.below(8) {
        0 => ChildFact::Refused { reason: "no".to_owned() },
        1 | 2 => ChildFact::Ringing { early_media: dice.one_in(2) },
        3 => ChildFact::Answered,
        4..=6 => ChildFact::Ready { trunk: None },
        _ => {
            let (reason, source) = (EndReason::Hangup, EndSource::Callee);
            ChildFact::Ended(CallEnd { reason, source, cause: ReleaseCause::default() })
        }
    }
}

fn conference(dice: &mut Dice) -> ConferenceFact {
    match dice.below(6) {
        0 => ConferenceFact::Refused { reason: "full".to_owned() },
        1 => ConferenceFact::Waiting,
        2 | 3 => ConferenceFact::Open { conference: ConferenceId(1) },
        4 => ConferenceFact::Beep,
        _ => ConferenceFact::Over,
    }
}

fn queue(dice: &mut Dice) -> QueueFact {
    match dice.below(5) {
        0 => QueueFact::Refused { reason: "full".to_owned() },
        1 => QueueFact::Waiting,
        2 | 3 => QueueFact::Met {
            with: LegId::new(CallId::generate(&mut IdSource::new(77), crate::score::BEGIN), 0),
        },
        _ => QueueFact::Parted,
    }
}

fn transfer(dice: &mut Dice) -> TransferFact {
    match dice.below(4) {
        0 => TransferFact::Agreed,
        1 => TransferFact::Done,
        2 => TransferFact::Untold,
        _ => TransferFact::Failed { code: 603 },
    }
}
