//! The call in a few sentences, its steps in order, and what was heard each way.

use super::facts::{Facts, word};
use model::call::{CallEnd, Direction, EndReason, EndSource, Mode};
use model::timeline::TimelineKind;
use model::{Timestamp, call::Call};

/// Most steps that are told; the timeline has them all.
const STEPS_MAX: usize = 200;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Its line on the timeline.
    pub line: u32,
    /// What, in words.
    pub text: String,
}

/// What was heard of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who listened: `lyrebird` to the far side, or `far_side` to us.
    pub listener: &'static str,
    /// Packets that arrived, or that were sent to the far side.
    pub packets: u64,
    /// In words.
    pub text: String,
}

/// The call in one or two sentences.
pub(super) fn summary(facts: &Facts<'_>) -> String {
    let call = facts.call;
    let what = match (call.direction, call.mode) {
        (Direction::Outbound, Mode::Live) => "An outbound call",
        (Direction::Outbound, Mode::Test) => "An outbound call to the sandbox",
        (Direction::Inbound, Mode::Live) => "An inbound call",
        (Direction::Inbound, Mode::Test) => "An inbound call from the sandbox",
    };
    let course = match (call.answered_at, &call.end) {
        (None, None) => "is being set up".to_owned(),
        (Some(_), None) => "is answered and goes on".to_owned(),
        (None, Some(end)) => format!("was not answered: {}", ending(call, end)),
        (Some(answered), Some(end)) => {
            let waited = answered.since(call.created_at).as_secs_f64();
            let lasted = call.duration().unwrap_or_default().as_secs_f64();
            format!("was answered after {waited:.1} s and lasted {lasted:.1} s; {}", ending(call, end))
        }
    };
    format!("{what} {course}.")
}

fn ending(call: &Call, end: &CallEnd) -> String {
    let who = match end.source {
        EndSource::Caller => "the caller",
        EndSource::Callee => "the callee",
        EndSource::Api => "the app, by a request,",
        EndSource::Flow => "the call's flow",
        EndSource::Timeout => "a time limit",
        EndSource::MediaTimeout => "missing sound",
        EndSource::System => "the network or this server",
    };
    let said = match (end.cause.code, end.cause.phrase.as_str()) {
        (Some(code), phrase) if call.answered_at.is_none() => format!(" ({code} {phrase})"),
        (None, phrase) if end.reason == EndReason::Failed && !phrase.is_empty() => format!(" ({phrase})"),
        _ => String::new(),
    };
    let how = match end.reason {
        EndReason::Hangup => "ended it",
        EndReason::Rejected => "declined it",
        EndReason::Busy => "was busy",
        EndReason::NoAnswer => "ended it, for nobody answered",
        EndReason::Canceled => "withdrew it",
        EndReason::Failed => "made it fail",
        EndReason::MaxDuration => "ended it: it lasted as long as it may",
        EndReason::MediaTimeout => "ended it",
        EndReason::Voicemail => "ended it in a mailbox",
        EndReason::MachineHangup => "ended it, for a machine answered",
        EndReason::NodeLost | EndReason::ServerShutdown => "ended it: the server stopped",
    };
    format!("{who} {how}{said}")
}

/// What happened, in order: every line but the messages and measures behind it.
pub(super) fn steps(facts: &Facts<'_>) -> Vec<Step> {
    let told = facts.lines.iter().filter(|line| match line.entry.kind {
        TimelineKind::Sip => false,
        TimelineKind::Media => {
            line.entry.detail.get("total").is_none() && line.entry.detail.get("voice").is_none()
        }
        TimelineKind::Webhook => word(line, "error").is_some(),
        _ => true,
    });
    told.take(STEPS_MAX)
        .map(|line| Step { at: line.entry.at, line: line.index, text: line.entry.summary.clone() })
        .collect()
}

/// What was heard each way, where it was measured.
pub(super) fn heard(facts: &Facts<'_>) -> Vec<Heard> {
    let Some((_, figures)) = facts.totals() else { return Vec::new() };
    let packet_s = facts.packet_ms() as f64 / 1_000.0;
    let received = figures.count("receivedPackets");
    let level = figures.measure("receivedLevelDbfs").map(|level| format!(", {level:.0} dBFS loud"));
    let quality =
        figures.measure("mos").filter(|_| received > 0).map(|mos| format!(", quality {mos:.1} of 4.5"));
    let of_far_side = match received {
        0 => "nothing".to_owned(),
        _ => format!(
            "{:.1} s of sound, {:.1} % lost{}{}",
            received as f64 * packet_s,
            figures.loss_percent(),
            level.unwrap_or_default(),
            quality.unwrap_or_default()
        ),
    };
    let sent = figures.count("sentPackets");
    let of_us = match sent {
        0 => "nothing was sent".to_owned(),
        _ => format!("{:.1} s of sound were sent", sent as f64 * packet_s),
    };
    vec![
        Heard { listener: "lyrebird", packets: received, text: of_far_side },
        Heard { listener: "far_side", packets: sent, text: of_us },
    ]
}
