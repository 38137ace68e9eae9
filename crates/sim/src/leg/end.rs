//! What the end of a simulated leg is called, in the words that the server's own carriers use.

use model::leg::{LegEnd, LegEndKind, LegEndedBy, Refusal, ReleaseCause};
use sip::{EndedBy, FailedBy, Failure, Q850, Rejection};

/// An outgoing call that was not answered.
pub(crate) fn of_failure(failure: &Failure) -> LegEnd {
    let (kind, by, phrase) = match failure.by {
        FailedBy::Remote => (kind_of_status(failure.code), LegEndedBy::Remote, failure.reason.as_str()),
        FailedBy::RingTimeout => {
            (LegEndKind::NoAnswer, LegEndedBy::Timeout, "Not answered within the ring timeout")
        }
        FailedBy::NoResponse => {
            (LegEndKind::Failed, LegEndedBy::Timeout, "The carrier's host does not respond")
        }
        FailedBy::Transport => {
            (LegEndKind::Failed, LegEndedBy::Transport, "The carrier's host cannot be reached")
        }
    };
    let cause = ReleaseCause {
        code: (failure.by == FailedBy::Remote).then_some(failure.code),
        phrase: phrase.to_owned(),
        q850: failure.q850.as_ref().map(|reason| reason.cause),
        retry_after_s: failure.retry_after_secs,
    };
    LegEnd { kind, by, cause }
}

const fn kind_of_status(code: u16) -> LegEndKind {
    match code {
        486 | 600 => LegEndKind::Busy,
        603 | 607 | 608 => LegEndKind::Declined,
        408 | 480 | 487 => LegEndKind::NoAnswer,
        _ => LegEndKind::Failed,
    }
}

/// An answered call that ended.
pub(crate) fn of_ended(by: EndedBy, q850: Option<&Q850>) -> LegEnd {
    let phrase = match by {
        EndedBy::Local => "Hung up",
        EndedBy::Timeout | EndedBy::SessionExpired => "The far side does not respond",
        EndedBy::Transport => "The far side cannot be reached",
        _ => "The far side hung up",
    };
    end(LegEndKind::HungUp, by, phrase, q850)
}

/// A call withdrawn before an answer.
pub(crate) fn of_canceled(by: EndedBy, q850: Option<&Q850>) -> LegEnd {
    let phrase = match by {
        EndedBy::Local => "Withdrawn before it was answered",
        _ => "The caller gave up",
    };
    end(LegEndKind::Canceled, by, phrase, q850)
}

/// An incoming call that was refused.
pub(crate) fn of_rejection(rejection: &Rejection) -> LegEnd {
    let cause = ReleaseCause {
        code: Some(rejection.code),
        phrase: rejection.reason.clone().unwrap_or_else(|| "Refused".to_owned()),
        q850: rejection.q850.as_ref().map(|reason| reason.cause),
        retry_after_s: rejection.retry_after_secs,
    };
    LegEnd { kind: kind_of_status(rejection.code), by: LegEndedBy::Local, cause }
}

/// A leg that ends because of something wrong on this side.
pub(crate) fn failed(phrase: &str) -> LegEnd {
    end(LegEndKind::Failed, EndedBy::Local, phrase, None)
}

/// How a refusal is said to an inbound caller.
pub(crate) fn rejection(refusal: Refusal) -> Rejection {
    let (code, phrase, cause) = match refusal {
        Refusal::Busy => (486, "Busy Here", 17),
        Refusal::Declined => (603, "Decline", 21),
        Refusal::Unavailable => (480, "Temporarily Unavailable", 18),
        Refusal::NotFound => (404, "Not Found", 1),
        Refusal::ServerBusy => (503, "Service Unavailable", 41),
    };
    let q850 = Some(Q850 { cause, text: None });
    Rejection { reason: Some(phrase.to_owned()), q850, ..Rejection::with_code(code) }
}

fn end(kind: LegEndKind, by: EndedBy, phrase: &str, q850: Option<&Q850>) -> LegEnd {
    let by = match by {
        EndedBy::Local => LegEndedBy::Local,
        EndedBy::Timeout | EndedBy::SessionExpired => LegEndedBy::Timeout,
        EndedBy::Transport => LegEndedBy::Transport,
        _ => LegEndedBy::Remote,
    };
    let q850 = q850.map(|reason| reason.cause);
    LegEnd { kind, by, cause: ReleaseCause { q850, ..ReleaseCause::local(phrase) } }
}
