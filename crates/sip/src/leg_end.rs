//! What the end of a SIP call means for its leg. The one place where status codes (RFC 3261 §21) turn into words
//! that fit any signalling; nothing the peer said is lost on the way.

use crate::{EndedBy, FailedBy, Failure, Q850, Rejection};
use model::leg::{LegEnd, LegEndKind, LegEndedBy, Refusal, ReleaseCause};

/// Most bytes of a phrase that are kept.
const PHRASE_BYTES_MAX: usize = 128;

/// An outgoing call that was not answered.
pub fn of_failure(failure: &Failure) -> LegEnd {
    let (kind, by) = match failure.by {
        FailedBy::Remote => (kind_of_status(failure.code), LegEndedBy::Remote),
        FailedBy::RingTimeout => (LegEndKind::NoAnswer, LegEndedBy::Timeout),
        FailedBy::NoResponse => (LegEndKind::Failed, LegEndedBy::Timeout),
        FailedBy::Transport => (LegEndKind::Failed, LegEndedBy::Transport),
    };
    let phrase = match failure.by {
        FailedBy::Remote => failure.reason.as_str(),
        FailedBy::RingTimeout => "Not answered within the ring timeout",
        FailedBy::NoResponse => "The carrier's host does not respond",
        FailedBy::Transport => "The carrier's host cannot be reached",
    };
    let exchanged = failure.by == FailedBy::Remote;
    let cause = ReleaseCause {
        code: exchanged.then_some(failure.code),
        phrase: cut(phrase),
        q850: failure.q850.as_ref().map(|reason| reason.cause),
        retry_after_s: failure.retry_after_secs,
    };
    LegEnd { kind, by, cause }
}

/// What a final response that is not 2xx says about the callee.
const fn kind_of_status(code: u16) -> LegEndKind {
    match code {
        486 | 600 => LegEndKind::Busy,
        603 | 607 | 608 => LegEndKind::Declined,
        408 | 480 | 487 => LegEndKind::NoAnswer,
        _ => LegEndKind::Failed,
    }
}

/// An answered call that ended.
pub fn of_ended(by: EndedBy, q850: Option<&Q850>) -> LegEnd {
    let phrase = match by {
        EndedBy::Remote => "The far side hung up",
        EndedBy::Local => "Hung up",
        EndedBy::Timeout => "The far side does not respond",
        EndedBy::Transport => "The far side cannot be reached",
        EndedBy::SessionExpired => "The far side gave no sign of life within the session's interval",
        EndedBy::Replaced => "Another call took its place",
    };
    end(LegEndKind::HungUp, side(by), phrase, q850)
}

/// A call withdrawn before an answer.
pub fn of_canceled(by: EndedBy, q850: Option<&Q850>) -> LegEnd {
    let phrase = match by {
        EndedBy::Local => "Withdrawn before it was answered",
        _ => "The caller gave up",
    };
    end(LegEndKind::Canceled, side(by), phrase, q850)
}

/// An incoming call that we refused.
pub fn of_rejection(rejection: &Rejection) -> LegEnd {
    let cause = ReleaseCause {
        code: Some(rejection.code),
        phrase: cut(rejection.reason.as_deref().unwrap_or("Refused")),
        q850: rejection.q850.as_ref().map(|reason| reason.cause),
        retry_after_s: rejection.retry_after_secs,
    };
    LegEnd { kind: kind_of_status(rejection.code), by: LegEndedBy::Local, cause }
}

/// A leg that we end because of something wrong that is ours to tell.
pub fn failed(by: LegEndedBy, phrase: &str) -> LegEnd {
    end(LegEndKind::Failed, by, phrase, None)
}

/// How a refusal is said to an inbound caller.
pub fn rejection(refusal: Refusal) -> Rejection {
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

const fn side(by: EndedBy) -> LegEndedBy {
    match by {
        EndedBy::Remote | EndedBy::Replaced => LegEndedBy::Remote,
        EndedBy::Local => LegEndedBy::Local,
        EndedBy::Timeout | EndedBy::SessionExpired => LegEndedBy::Timeout,
        EndedBy::Transport => LegEndedBy::Transport,
    }
}

fn end(kind: LegEndKind, by: LegEndedBy, phrase: &str, q850: Option<&Q850>) -> LegEnd {
    let q850 = q850.map(|reason| reason.cause);
    LegEnd { kind, by, cause: ReleaseCause { q850, ..ReleaseCause::local(phrase) } }
}

fn cut(phrase: &str) -> String {
    phrase.get(..phrase.floor_char_boundary(PHRASE_BYTES_MAX)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u16, by: FailedBy, kind: LegEndKind, ended_by: LegEndedBy, kept: Option<u16>) {
        let failure = Failure {
            code,
            reason: "As The Peer Said".into(),
            q850: Some(Q850 { cause: 17, text: None }),
            retry_after_secs: Some(7),
            contacts: Vec::new(),
            by,
        };
        let end = of_failure(&failure);
        assert_eq!((end.kind, end.by, end.cause.code), (kind, ended_by, kept), "{code} {by:?}");
        assert_eq!((end.cause.q850, end.cause.retry_after_s), (Some(17), Some(7)), "{code} {by:?}");
        assert_eq!(end.cause.phrase == "As The Peer Said", by == FailedBy::Remote, "{code} {by:?}");
    }

    #[test]
    fn a_status_says_what_became_of_the_callee() {
        for (codes, kind) in [
            (&[486, 600][..], LegEndKind::Busy),
            (&[603, 607, 608], LegEndKind::Declined),
            (&[408, 480, 487], LegEndKind::NoAnswer),
            (&[302, 400, 401, 403, 404, 407, 410, 484, 488, 500, 503, 504, 604, 606], LegEndKind::Failed),
        ] {
            for &code in codes {
                check(code, FailedBy::Remote, kind, LegEndedBy::Remote, Some(code));
            }
        }
    }

    #[test]
    fn our_own_timers_and_sockets_invent_no_status() {
        check(408, FailedBy::RingTimeout, LegEndKind::NoAnswer, LegEndedBy::Timeout, None);
        check(408, FailedBy::NoResponse, LegEndKind::Failed, LegEndedBy::Timeout, None);
        check(503, FailedBy::Transport, LegEndKind::Failed, LegEndedBy::Transport, None);
    }

    #[test]
    fn long_phrases_are_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(100)).len(), 128);
        assert_eq!(cut(&format!("a{}", "é".repeat(100))).len(), 127);
    }
}
