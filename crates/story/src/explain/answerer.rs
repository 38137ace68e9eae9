//! Who answered, where the call was listened to for that.

use super::facts::{Facts, word};
use super::finding::{Finding, Rule, Severity};
use model::timeline::TimelineKind;

pub(super) const RULES: &[Rule] = &[nobody_to_talk_to];

/// What answered was no person.
fn nobody_to_talk_to(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Media);
    let finding = |line| {
        let (what, remedy) = match word(line, "amd")? {
            "machine" => {
                ("a machine answered", "To leave a message, set `amd.notifyAfter` to `beep` and speak then.")
            }
            "screening" => {
                ("a screener answered, and waits to hear who is calling", "Say who calls, and why.")
            }
            "fax" => ("a fax machine answered", ""),
            "unknown" => ("it could not be told who answered", ""),
            _ => return None,
        };
        let because = line.entry.summary.as_str();
        let finding = Finding::new(Severity::Hint, "answered_by_no_human", what);
        Some(finding.because(because).remedy(remedy).shown_by([line]))
    };
    lines.filter_map(finding).collect()
}
