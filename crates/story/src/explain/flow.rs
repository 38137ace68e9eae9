//! Rules about what the app asked for: commands, steps, keys, prompts, recordings.

use super::facts::{Facts, number, word};
use super::finding::{Finding, Rule, Severity};
use super::signalling::reason;
use model::call::Direction;
use model::timeline::TimelineKind;
use serde_json::Value;

pub(super) const RULES: &[Rule] = &[
    failed_commands,
    refused_requests,
    skipped_steps,
    no_keys,
    prompts_not_ready,
    not_understood,
    slow_prompts,
    keys_not_sent,
    recording_failed,
    nothing_to_do,
    timeline_full,
];

/// A prompt that takes longer to make is heard as silence.
const PROMPT_SLOW_MS: u64 = 1_500;

fn failed_commands(facts: &Facts<'_>) -> Vec<Finding> {
    let failed = facts.saying(TimelineKind::Flow, "status", "failed");
    let finding = |line| {
        let command = word(line, "command").unwrap_or("command");
        Finding::new(Severity::Problem, "command_failed", format!("{command} failed"))
            .because(reason(line))
            .shown_by([line])
    };
    failed.into_iter().map(finding).collect()
}

fn refused_requests(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Api);
    let refused =
        lines.filter_map(|line| Some((line, line.entry.summary.strip_prefix("request refused: ")?)));
    refused
        .map(|(line, why)| {
            Finding::new(Severity::Warning, "request_refused", "a request about this call was refused")
                .because(why)
                .remedy("The call's state did not allow it at that moment.")
                .shown_by([line])
        })
        .collect()
}

fn skipped_steps(facts: &Facts<'_>) -> Vec<Finding> {
    let skipped = facts.saying(TimelineKind::Flow, "status", "skipped");
    if skipped.is_empty() {
        return Vec::new();
    }
    let names: Vec<_> = skipped.iter().filter_map(|line| word(line, "command")).collect();
    let finding = Finding::new(Severity::Hint, "steps_skipped", format!("skipped: {}", names.join(", ")))
        .because("their conditions did not hold for what was keyed or said");
    vec![finding.shown_by(skipped)]
}

fn no_keys(facts: &Facts<'_>) -> Vec<Finding> {
    let gathered = facts.saying(TimelineKind::Flow, "endedBy", "timeout");
    let empty = gathered.into_iter().filter(|line| line.entry.summary.contains("\"\""));
    empty
        .map(|line| {
            let pressed = facts.of_kind(TimelineKind::Dtmf).count();
            let because = match pressed {
                0 => "no key arrived during the whole call".to_owned(),
                _ => format!("its time ran out; {pressed} keys arrived at other moments"),
            };
            Finding::new(Severity::Warning, "no_keys", "a gather got no keys")
                .because(because)
                .remedy("If keys were pressed, look which way digits were agreed (RFC 4733 or tones) on the timeline.")
                .shown_by([line])
        })
        .collect()
}

fn prompts_not_ready(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Speech).chain(facts.of_kind(TimelineKind::Media));
    let failed = lines.filter_map(|line| Some((line, line.entry.summary.strip_prefix("not ready: ")?)));
    failed
        .map(|(line, why)| {
            Finding::new(Severity::Problem, "prompt_not_ready", "a prompt could not be made")
                .because(why)
                .shown_by([line])
        })
        .collect()
}

fn not_understood(facts: &Facts<'_>) -> Vec<Finding> {
    let failed = facts
        .of_kind(TimelineKind::Speech)
        .filter_map(|line| Some((line, line.entry.summary.split_once("speech not understood: ")?.1)));
    failed
        .map(|(line, why)| {
            Finding::new(Severity::Problem, "not_understood", "what was said could not be understood")
                .because(why)
                .remedy("Let the gather take keys as well, or see docs/speech.md for engines and languages.")
                .shown_by([line])
        })
        .collect()
}

fn slow_prompts(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Speech).chain(facts.of_kind(TimelineKind::Media));
    let slow: Vec<_> =
        lines.filter(|line| number(line, "latencyMs").is_some_and(|ms| ms > PROMPT_SLOW_MS)).collect();
    let Some(worst) = slow.iter().filter_map(|line| number(line, "latencyMs")).max() else {
        return Vec::new();
    };
    let finding = Finding::new(Severity::Warning, "prompt_slow", "a prompt took long to be ready")
        .because(format!("the slowest took {:.1} s", worst as f64 / 1_000.0))
        .remedy("A file's host or a speaking engine is slow; what was played before comes from a cache.");
    vec![finding.shown_by(slow)]
}

fn keys_not_sent(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Media);
    let failed = lines.filter_map(|line| Some((line, line.entry.summary.strip_prefix("keys not sent: ")?)));
    failed
        .map(|(line, why)| {
            Finding::new(Severity::Problem, "keys_not_sent", "keys were not sent to the far side")
                .because(why)
                .shown_by([line])
        })
        .collect()
}

fn recording_failed(facts: &Facts<'_>) -> Vec<Finding> {
    let failed = facts.saying(TimelineKind::Recording, "status", "failed");
    let finding = |line| {
        let why = Some(reason(line)).filter(|why| !why.is_empty()).unwrap_or("no reason is known");
        Finding::new(Severity::Problem, "recording_failed", "a recording has no file")
            .because(why)
            .shown_by([line])
    };
    failed.into_iter().map(finding).collect()
}

fn nothing_to_do(facts: &Facts<'_>) -> Vec<Finding> {
    let asked = facts.of_kind(TimelineKind::Flow).next().is_some()
        || facts.of_kind(TimelineKind::Api).any(|line| line.entry.detail.get("commandId").is_some());
    if asked || facts.call.answered_at.is_none() || facts.call.direction == Direction::Inbound {
        return Vec::new();
    }
    let finding =
        Finding::new(Severity::Hint, "nothing_to_do", "the call was answered and nothing was done with it")
            .because("it had no flow, and no command came")
            .remedy("Give `flow` with the call, or send commands when it is answered.");
    vec![finding]
}

fn timeline_full(facts: &Facts<'_>) -> Vec<Finding> {
    let last = facts.lines.last().filter(|line| {
        line.entry.detail == Value::Null && line.entry.summary.starts_with("the timeline is full")
    });
    let finding = |line| {
        Finding::new(Severity::Hint, "timeline_full", "the end of this story is missing")
            .because("the timeline holds no more lines")
            .shown_by([line])
    };
    last.map(finding).into_iter().collect()
}
