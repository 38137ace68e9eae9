//! The words of a score for whom a call meets: calls that it makes (k1, k2, …), the one that made it, conferences, queues
//! and transfers.

use super::words::{Cue, key, leg, media, millis, option, simple};
use call::{Input, Output};
use model::CallId;
use model::LegId;
use model::call::{CallEnd, EndReason, EndSource};
use model::child::{ChildFact, ChildOrder, ParentFact};
use model::flow::{Bridge, Conference, FlowCommand, Queue, Transfer, TransferMode};
use model::leg::{LegFact, LegOrder, ReleaseCause};
use model::meeting::{Attendance, ConferenceFact, ConferenceOrder, QueueFact, QueueOrder};
use model::sound::{ConferenceId, MediaFact, MediaOrder};
use model::transfer::{TransferFact, TransferId, TransferTarget};
use model::{IdSource, Pii};

/// Another call, that this one did not make.
pub(super) fn stranger() -> CallId {
    CallId::generate(&mut IdSource::new(77), super::BEGIN)
}

/// A step of these; none if it is another.
pub(super) fn step(words: &[String]) -> Option<FlowCommand> {
    let name = words.get(1).cloned().unwrap_or_default();
    let says = |word: &str| words.iter().any(|other| other == word);
    Some(match words[0].as_str() {
        "bridge" => FlowCommand::Bridge(Box::new(Bridge {
            ring_tone: option(words, "tone").map(str::to_owned),
            hangup_after: says("hangup"),
            ..Bridge::to(Pii::new(name))
        })),
        "conference" => FlowCommand::Conference(Conference {
            leave_key: option(words, "leave").map(key),
            muted: says("muted"),
            ..Conference::named(name)
        }),
        "queue" => {
            let wait_ms_max = option(words, "wait").map_or(Queue::WAIT_MS_MAX, millis);
            FlowCommand::Queue(Queue { take: says("take"), wait_ms_max, ..Queue::named(name) })
        }
        "transfer" => FlowCommand::Transfer(Transfer {
            to: Pii::new(name),
            mode: if says("attended") { TransferMode::Attended } else { TransferMode::Blind },
            from: None,
            ring_timeout_ms: Transfer::RING_TIMEOUT_MS,
        }),
        _ => return None,
    })
}

/// An input of these; none if it is another.
pub(super) fn cue(words: &[String], children: &[CallId]) -> Option<Cue> {
    let word = |at: usize| words.get(at).cloned().unwrap_or_default();
    let attendance = || Attendance(word(1).parse().unwrap());
    Some(match words[0].as_str() {
        "child" => {
            let child = children[word(1).trim_start_matches('k').parse::<usize>().unwrap() - 1];
            simple(Input::Child(child, child_fact(&words[2..])))
        }
        "parent" => simple(Input::Parent(match word(1).as_str() {
            "joined" => ParentFact::Joined,
            "parted" => ParentFact::Parted,
            _ => ParentFact::Ended,
        })),
        "conference" => simple(Input::Conference(
            attendance(),
            match word(2).as_str() {
                "waiting" => ConferenceFact::Waiting,
                "open" => ConferenceFact::Open { conference: ConferenceId(5) },
                "beep" => ConferenceFact::Beep,
                "over" => ConferenceFact::Over,
                _ => ConferenceFact::Refused { reason: word(3) },
            },
        )),
        "queue" => simple(Input::Queue(
            attendance(),
            match word(2).as_str() {
                "waiting" => QueueFact::Waiting,
                "met" => QueueFact::Met { with: LegId::new(stranger(), 0) },
                "parted" => QueueFact::Parted,
                _ => QueueFact::Refused { reason: word(3) },
            },
        )),
        "handed" => leg(LegFact::Transfer(match word(1).as_str() {
            "agreed" => TransferFact::Agreed,
            "done" => TransferFact::Done,
            "untold" => TransferFact::Untold,
            code => TransferFact::Failed { code: code.parse().unwrap() },
        })),
        "asked" => leg(LegFact::TransferAsked { transfer: TransferId(7), to: Pii::new(word(1)) }),
        "unjoined" => media(MediaFact::NotJoined { reason: word(1) }),
        _ => return None,
    })
}

fn child_fact(words: &[String]) -> ChildFact {
    let word = |at: usize| words.get(at).cloned().unwrap_or_default();
    match words[0].as_str() {
        "ringing" => ChildFact::Ringing { early_media: word(1) == "early" },
        "answered" => ChildFact::Answered,
        "ready" => ChildFact::Ready { trunk: None },
        "refused" => ChildFact::Refused { reason: word(1) },
        _ => {
            let reason: EndReason = super::words::from_word(&word(1));
            ChildFact::Ended(CallEnd { reason, source: EndSource::Callee, cause: ReleaseCause::default() })
        }
    }
}

/// An output of these; none if it is another.
pub(super) fn output(output: &Output, children: &mut Vec<CallId>) -> Option<String> {
    if let Output::Child(child, ChildOrder::Place(_)) = output {
        children.push(*child);
    }
    let name = |child: CallId| children.iter().position(|other| *other == child).map_or(0, |at| at + 1);
    let party = |leg: LegId| match name(leg.call) {
        0 => "the other".to_owned(),
        child => format!("k{child}"),
    };
    Some(match output {
        Output::Child(child, order) => {
            let name = name(*child);
            match order {
                ChildOrder::Place(setup) => format!("place k{name} {}", setup.to.expose()),
                ChildOrder::Join => format!("join k{name}"),
                ChildOrder::Part => format!("part k{name}"),
                ChildOrder::End => format!("end k{name}"),
            }
        }
        Output::Parent(fact) => format!("parent: {}", parent_word(fact)),
        Output::Conference(ConferenceOrder::Enter { attendance, name, .. }) => {
            format!("conference {} enter {name}", attendance.0)
        }
        Output::Conference(ConferenceOrder::Leave) => "conference leave".to_owned(),
        Output::Queue(QueueOrder::Wait { attendance, name }) => format!("queue {} wait {name}", attendance.0),
        Output::Queue(QueueOrder::Take { attendance, name }) => format!("queue {} take {name}", attendance.0),
        Output::Queue(QueueOrder::Leave) => "queue leave".to_owned(),
        Output::Leg(_, LegOrder::Transfer { target: TransferTarget::Address(to) }) => {
            format!("leg transfer to {}", to.expose())
        }
        Output::Leg(_, LegOrder::Transfer { target: TransferTarget::Leg(leg) }) => {
            format!("leg transfer to {}", party(*leg))
        }
        Output::Leg(_, LegOrder::AnswerTransfer { reply, .. }) => format!("leg transfer {reply:?}"),
        Output::Media(_, MediaOrder::Bridge { with }) => format!("bridge with {}", party(*with)),
        Output::Media(_, MediaOrder::Join { muted, .. }) => {
            format!("join the conference{}", if *muted { " muted" } else { "" })
        }
        Output::Media(_, MediaOrder::Unbridge) => "unbridge".to_owned(),
        _ => return None,
    })
}

fn parent_word(fact: &ChildFact) -> String {
    match fact {
        ChildFact::Refused { .. } => "refused".to_owned(),
        ChildFact::Ringing { early_media: true } => "ringing early".to_owned(),
        ChildFact::Ringing { early_media: false } => "ringing".to_owned(),
        ChildFact::Answered => "answered".to_owned(),
        ChildFact::Ready { .. } => "ready".to_owned(),
        ChildFact::Ended(end) => format!("ended {:?}", end.reason),
    }
}
