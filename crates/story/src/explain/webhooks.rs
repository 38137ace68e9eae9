//! Rules about webhooks: what did not arrive, what came late, what was switched off.

use super::facts::{Facts, number, word};
use super::finding::{Finding, Rule, Severity};
use crate::Line;
use model::timeline::TimelineKind;
use std::collections::BTreeMap;

pub(super) const RULES: &[Rule] = &[not_delivered, delivered_late, slow_receiver, disabled];

/// A receiver that takes longer holds up what comes after.
const SLOW_MS: u64 = 2_000;

fn is_good(line: &Line) -> bool {
    number(line, "status").is_some_and(|status| (200..300).contains(&status))
}

/// Attempts by endpoint and event.
fn attempts<'a>(facts: &Facts<'a>) -> BTreeMap<(&'a str, u64), Vec<&'a Line>> {
    let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in facts.of_kind(TimelineKind::Webhook) {
        if let (Some(webhook), Some(sequence), Some(_)) =
            (word(line, "webhook"), number(line, "sequence"), number(line, "attempt"))
        {
            attempts.entry((webhook, sequence)).or_default().push(line);
        }
    }
    attempts
}

fn not_delivered(facts: &Facts<'_>) -> Vec<Finding> {
    let mut failed: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for ((webhook, _), lines) in attempts(facts) {
        if !lines.iter().any(|line| is_good(line)) {
            failed.entry(webhook).or_default().extend(lines);
        }
    }
    let finding = |lines: Vec<&Line>| {
        let last = lines.last()?;
        let why = match (number(last, "status"), word(last, "error")) {
            (Some(status), _) => format!("the receiver answered {status}"),
            (None, Some(error)) => error.to_owned(),
            (None, None) => return None,
        };
        Some(
            Finding::new(
                Severity::Problem,
                "webhook_not_delivered",
                "events have not reached a webhook receiver",
            )
            .because(format!("{why} ({} attempts so far)", lines.len()))
            .remedy("Mend the receiver: attempts go on for a day, and a delivery can be replayed.")
            .shown_by(lines),
        )
    };
    failed.into_values().filter_map(finding).collect()
}

fn delivered_late(facts: &Facts<'_>) -> Vec<Finding> {
    let late: Vec<_> = attempts(facts)
        .into_values()
        .filter(|lines| lines.len() > 1 && lines.iter().any(|line| is_good(line)))
        .flatten()
        .collect();
    if late.is_empty() {
        return Vec::new();
    }
    let finding =
        Finding::new(Severity::Warning, "webhook_retried", "events reached a webhook receiver late")
            .because("they needed more than one attempt")
            .remedy("The receiver must answer 2xx within 15 s.");
    vec![finding.shown_by(late)]
}

fn slow_receiver(facts: &Facts<'_>) -> Vec<Finding> {
    let slow: Vec<_> = facts
        .of_kind(TimelineKind::Webhook)
        .filter(|line| is_good(line) && number(line, "latencyMs").is_some_and(|ms| ms > SLOW_MS))
        .collect();
    let Some(worst) = slow.iter().filter_map(|line| number(line, "latencyMs")).max() else {
        return Vec::new();
    };
    let finding = Finding::new(Severity::Warning, "webhook_slow", "a webhook receiver answers slowly")
        .because(format!("it took up to {:.1} s", worst as f64 / 1_000.0))
        .remedy("Answer 2xx first and work afterwards: later events of this call wait.");
    vec![finding.shown_by(slow)]
}

fn disabled(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Webhook);
    let off = lines.filter(|line| line.entry.summary.starts_with("the webhook endpoint is disabled"));
    off.map(|line| {
        Finding::new(Severity::Problem, "webhook_disabled", "a webhook endpoint was switched off")
            .because(line.entry.summary.clone())
            .remedy("Enable it again with PUT /v1/webhooks/{id} once it works.")
            .shown_by([line])
    })
    .collect()
}
