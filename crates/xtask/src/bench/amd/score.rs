//! What the detector said beside what was true: precision and recall of each answer, and how long it took.

use super::Heard;
use super::case::Case;
use model::amd::AmdResult;
use serde_json::{Value, json};
use std::fmt::Write as _;

const RESULTS: [(AmdResult, &str); 5] = [
    (AmdResult::Human, "human"),
    (AmdResult::Machine, "machine"),
    (AmdResult::Screening, "screening"),
    (AmdResult::Fax, "fax"),
    (AmdResult::Unknown, "unknown"),
];

/// Counts of all cases.
#[derive(Debug, Default)]
pub(super) struct Score {
    /// Truth, answer.
    pairs: Vec<(AmdResult, AmdResult)>,
    /// From the end of a person's greeting to the right answer.
    human_ms: Vec<u32>,
    /// From the beginning to the right answer.
    machine_ms: Vec<u32>,
    /// Words counted, of a hundred spoken.
    words_percent: Vec<u32>,
}

impl Score {
    /// Counts a case.
    pub(super) fn count(&mut self, case: &Case, heard: &Heard) {
        let finding = &heard.finding;
        self.pairs.push((case.truth, finding.result));
        if case.truth == finding.result {
            match case.truth {
                AmdResult::Human => self.human_ms.push(finding.at_ms.saturating_sub(case.greeting_end_ms)),
                AmdResult::Machine => self.machine_ms.push(finding.at_ms),
                _ => {}
            }
        }
        if case.words > 0 && finding.at_ms > case.greeting_end_ms {
            let spoken = u32::try_from(case.words).unwrap_or(u32::MAX);
            self.words_percent.push(u32::from(finding.words) * 100 / spoken);
        }
    }

    fn pairs(&self, truth: AmdResult, answer: AmdResult) -> usize {
        self.pairs.iter().filter(|pair| **pair == (truth, answer)).count()
    }

    /// Precision and recall of an answer, 0–1.
    pub(super) fn of(&self, result: AmdResult) -> (f64, f64) {
        let right = self.pairs(result, result) as f64;
        let said = self.pairs.iter().filter(|pair| pair.1 == result).count() as f64;
        let were = self.pairs.iter().filter(|pair| pair.0 == result).count() as f64;
        (right / said.max(1.0), right / were.max(1.0))
    }

    /// Time from the end of the greeting that such a share of people was not kept waiting longer.
    pub(super) fn human_after_greeting_ms(&self, share: f64) -> u32 {
        quantile(&self.human_ms, share)
    }

    /// For a person to read.
    pub(super) fn table(&self) -> String {
        let mut text = format!("{:<11}", "truth");
        for (_, name) in RESULTS {
            let _ = write!(text, "{name:>10}");
        }
        text.push_str("   precision  recall\n");
        for (truth, name) in RESULTS {
            let _ = write!(text, "{name:<11}");
            for (answer, _) in RESULTS {
                let _ = write!(text, "{:>10}", self.pairs(truth, answer));
            }
            let (precision, recall) = self.of(truth);
            let _ = writeln!(text, "   {:>8.1} % {:>5.1} %", precision * 100.0, recall * 100.0);
        }
        let _ = writeln!(text, "a person is known after the greeting's end: {}", times(&self.human_ms));
        let _ = writeln!(text, "a machine is known after the answer: {}", times(&self.machine_ms));
        let _ = writeln!(
            text,
            "words counted, of a hundred spoken: {} median, {} to {} for nine of ten",
            quantile(&self.words_percent, 0.5),
            quantile(&self.words_percent, 0.05),
            quantile(&self.words_percent, 0.95)
        );
        text
    }

    /// For programs.
    pub(super) fn as_json(&self) -> Value {
        let results = RESULTS.map(|(result, name)| {
            let (precision, recall) = self.of(result);
            json!({ "result": name, "precision": precision, "recall": recall })
        });
        let spread = |all: &[u32]| json!([0.5, 0.95, 1.0].map(|share| quantile(all, share)));
        json!({
            "results": results,
            "humanAfterGreetingMs": spread(&self.human_ms),
            "humanAfterGreetingP99Ms": self.human_after_greeting_ms(0.99),
            "machineMs": spread(&self.machine_ms),
        })
    }
}

fn times(all: &[u32]) -> String {
    let at = |share| quantile(all, share);
    format!("{} ms median, {} ms p95, {} ms p99, {} ms at most", at(0.5), at(0.95), at(0.99), at(1.0))
}

/// What such a share of all does not exceed.
fn quantile(all: &[u32], share: f64) -> u32 {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(0)
}
