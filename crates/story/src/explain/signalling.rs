//! Rules about reaching the other side: refusals, silence, repetitions, setup time, how the call ended.

use super::facts::{Facts, word};
use super::finding::{Finding, Rule, Severity};
use crate::Line;
use model::call::{Direction, EndReason, EndSource};
use model::timeline::TimelineKind;
use serde_json::json;
use std::time::Duration;

pub(super) const RULES: &[Rule] = &[
    nobody_responded,
    refused,
    not_dialled,
    repeated_invites,
    slow_ringing,
    answer_not_confirmed,
    hung_up_at_once,
    ended_by_limit,
    ended_by_server,
    redirected,
    transfer_asked,
];

/// Setting a call up longer than this is felt.
const SETUP_FELT: Duration = Duration::from_secs(4);
/// A callee who hangs up so soon heard nothing.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What a final response to our call means: codes, name of the finding, meaning, remedy.
const REFUSALS: &[(&[u16], &str, &str, &str)] = &[
    (&[486, 600], "callee_busy", "the callee was busy", "Try again later, or call with another number."),
    (&[603, 607], "callee_declined", "the callee declined the call", ""),
    (
        &[401, 407],
        "credentials_refused",
        "the carrier did not accept the trunk's credentials",
        "Check the trunk's user name and password.",
    ),
    (
        &[403],
        "forbidden",
        "the carrier forbids this call",
        "Most carriers mean the calling number, the source address or the destination: check that `from` is a number \
         of yours there and that this server's address is allowed.",
    ),
    (
        &[404, 410, 604],
        "number_unknown",
        "the number does not exist, as the carrier says",
        "Check the number, and whether the carrier wants another spelling (with or without +).",
    ),
    (
        &[484],
        "number_incomplete",
        "the number is incomplete, as the carrier says",
        "Send the whole number in E.164: + and country code.",
    ),
    (
        &[408, 480],
        "callee_unreachable",
        "the callee could not be reached at the moment",
        "The phone is off, not registered, or does not answer; try again later.",
    ),
    (
        &[406, 415, 488, 606],
        "no_common_sound",
        "the far side did not accept the sound that was offered",
        "Give the trunk the codecs (and encryption) that the far side speaks.",
    ),
    (&[482, 483], "loop", "the call went in a circle", "Check the carrier's routing of this number."),
    (
        &[500, 502, 503, 504, 580],
        "carrier_failure",
        "the carrier failed",
        "Nothing can be done here; the carrier's own status page or support knows more. Another trunk helps.",
    ),
];

fn nobody_responded(facts: &Facts<'_>) -> Vec<Finding> {
    let sent: Vec<_> = facts.requests("INVITE", true).collect();
    let Some((_, first)) = sent.first() else { return Vec::new() };
    if facts.heard_any_message() {
        return Vec::new();
    }
    let peer = first.peer;
    let finding = Finding::new(Severity::Problem, "no_response", format!("nobody responds at {peer}"))
        .because(format!("the call was sent {} times, and nothing at all came back", sent.len()))
        .remedy(
            "Check the trunk's host, port and transport, and that no firewall drops what goes there or comes back.",
        );
    vec![finding.shown_by(sent.iter().map(|sent| sent.0))]
}

fn refused(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(end) = &facts.call.end else { return Vec::new() };
    let Some(code) = end.cause.code.filter(|_| facts.call.answered_at.is_none()) else { return Vec::new() };
    // Who withdraws a call gets a refusal as well.
    if matches!(end.reason, EndReason::Canceled) || facts.call.direction == Direction::Inbound {
        return Vec::new();
    }
    let Some((_, name, what, remedy)) = REFUSALS.iter().find(|row| row.0.contains(&code)) else {
        return Vec::new();
    };
    let told: Vec<_> =
        facts.responses("INVITE", false).filter(|told| told.1 == code).map(|told| told.0).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let wait = end.cause.retry_after_s.map(|s| format!(", and asks to wait {s} s")).unwrap_or_default();
    let cause = end.cause.q850.map(|cause| format!(", Q.850 cause {cause}")).unwrap_or_default();
    let because = format!("the answer to the call was {code} {}{cause}{wait}", end.cause.phrase);
    vec![Finding::new(Severity::Problem, name, *what).because(because).remedy(*remedy).shown_by(told)]
}

fn not_dialled(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Call);
    let told = lines.filter_map(|line| Some((line, line.entry.summary.strip_prefix("not dialled: ")?)));
    told.map(|(line, why)| {
        let remedy = if why.ends_with("is not registered") {
            "Let the phone register here, with its user name and password and this server's address."
        } else {
            "Check the trunk's host and its limits."
        };
        Finding::new(Severity::Problem, "not_dialled", "the call never left this server")
            .because(why)
            .remedy(remedy)
            .shown_by([line])
    })
    .collect()
}

fn repeated_invites(facts: &Facts<'_>) -> Vec<Finding> {
    let again: Vec<&Line> =
        facts.requests("INVITE", true).filter(|sent| sent.1.again).map(|sent| sent.0).collect();
    if again.is_empty() || !facts.heard_any_message() {
        return Vec::new();
    }
    let finding =
        Finding::new(Severity::Warning, "messages_lost", "messages to the far side get lost or come late")
            .because(format!("the call had to be sent {} times", again.len() + 1))
            .remedy("Look at the network between here and there; a trunk over TCP or TLS repeats by itself.");
    vec![finding.shown_by(again)]
}

fn slow_ringing(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((sent, _)) = facts.requests("INVITE", true).next() else { return Vec::new() };
    let Some((rings, _)) = facts.responses("INVITE", false).find(|told| (101..300).contains(&told.1)) else {
        return Vec::new();
    };
    let setup = rings.entry.at.since(sent.entry.at);
    if setup < SETUP_FELT {
        return Vec::new();
    }
    let seconds = setup.as_secs_f64();
    let finding =
        Finding::new(Severity::Warning, "slow_setup", format!("it took {seconds:.1} s until it rang"))
            .because("so long passed from the call's first message to the first sign of ringing")
            .remedy("That time is spent by the carrier; another route or carrier may be quicker.");
    vec![finding.shown_by([sent, rings])]
}

fn answer_not_confirmed(facts: &Facts<'_>) -> Vec<Finding> {
    let answers: Vec<_> =
        facts.responses("INVITE", true).filter(|sent| sent.1 == 200).map(|sent| sent.0).collect();
    if answers.is_empty() || facts.requests("ACK", false).next().is_some() {
        return Vec::new();
    }
    let finding = Finding::new(Severity::Problem, "answer_not_confirmed", "the caller's side never confirmed our answer")
        .because(format!("the answer was sent {} times, and no ACK came", answers.len()))
        .remedy("Our Contact address cannot be reached from there: set the address to advertise, or open the firewall.");
    vec![finding.shown_by(answers)]
}

fn hung_up_at_once(facts: &Facts<'_>) -> Vec<Finding> {
    let (Some(answered), Some(ended), Some(end)) =
        (facts.call.answered_at, facts.call.ended_at, &facts.call.end)
    else {
        return Vec::new();
    };
    let remote = match facts.call.direction {
        Direction::Outbound => EndSource::Callee,
        Direction::Inbound => EndSource::Caller,
    };
    let lasted = ended.since(answered);
    if end.source != remote || lasted >= AT_ONCE {
        return Vec::new();
    }
    let what = format!("the far side hung up {:.1} s after the answer", lasted.as_secs_f64());
    let finding = Finding::new(Severity::Hint, "hung_up_at_once", what)
        .because("a BYE came that soon")
        .remedy("Perhaps nothing was heard there: say something at once, and look at the sound's findings.");
    vec![finding.shown_by(facts.requests("BYE", false).map(|bye| bye.0))]
}

fn ended_by_limit(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(end) = &facts.call.end else { return Vec::new() };
    let (code, what, remedy) = match end.reason {
        EndReason::MaxDuration => (
            "max_duration",
            "the call lasted as long as it may",
            "Ask for a longer `maxDurationSeconds` if it should have gone on.",
        ),
        EndReason::NoAnswer => {
            ("no_answer", "nobody answered in time", "Let it ring longer, or leave it to voicemail.")
        }
        _ => return Vec::new(),
    };
    let lines = facts.saying(TimelineKind::Call, "reason", &word_of(end.reason));
    vec![
        Finding::new(Severity::Hint, code, what)
            .because("the call's own limit ended it")
            .remedy(remedy)
            .shown_by(lines),
    ]
}

fn ended_by_server(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(end) = &facts.call.end else { return Vec::new() };
    let (what, remedy) = match end.reason {
        EndReason::NodeLost => (
            "the server that ran the call stopped without warning",
            "Look at that server's log and memory; the call was ended when it came back.",
        ),
        EndReason::ServerShutdown => (
            "the server was stopped while the call ran",
            "A longer `shutdown.drain_ms` lets running calls end by themselves.",
        ),
        _ => return Vec::new(),
    };
    let lines = facts.saying(TimelineKind::Call, "reason", &word_of(end.reason));
    vec![
        Finding::new(Severity::Problem, "server_ended_call", what)
            .because(format!("the call ended with {}", word_of(end.reason)))
            .remedy(remedy)
            .shown_by(lines),
    ]
}

fn redirected(facts: &Facts<'_>) -> Vec<Finding> {
    let told: Vec<_> = facts
        .responses("INVITE", false)
        .filter(|told| (300..400).contains(&told.1))
        .map(|told| told.0)
        .collect();
    if told.is_empty() {
        return Vec::new();
    }
    let followed = facts.call.answered_at.is_some();
    let severity = if followed { Severity::Hint } else { Severity::Problem };
    vec![
        Finding::new(severity, "redirected", "the far side sent the call elsewhere")
            .because("its answer was a redirection (3xx)")
            .remedy("Redirections are followed only where the trunk's policy allows it.")
            .shown_by(told),
    ]
}

fn transfer_asked(facts: &Facts<'_>) -> Vec<Finding> {
    let asked: Vec<_> = facts.requests("REFER", false).map(|asked| asked.0).collect();
    if asked.is_empty() {
        return Vec::new();
    }
    let accepted = facts.responses("REFER", true).any(|sent| (200..300).contains(&sent.1));
    let outcome = if accepted { "accepted" } else { "refused by this server's policy" };
    vec![
        Finding::new(Severity::Hint, "transfer_asked", "the far side asked to transfer the call")
            .because(format!("its REFER was {outcome}"))
            .shown_by(asked),
    ]
}

/// The word under which a reason stands in details.
fn word_of(reason: EndReason) -> String {
    json!(reason).as_str().unwrap_or_default().to_owned()
}

/// The far side's word on a line, for rules of other files.
pub(super) fn reason(line: &Line) -> &str {
    word(line, "reason").unwrap_or_default()
}
