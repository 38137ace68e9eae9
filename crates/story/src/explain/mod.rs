//! A call in plain words: what happened, who ended it, what was not heard and why. Rules are small functions in tables,
//! one file a subject; what the timeline does not say is left out rather than guessed.

mod answerer;
mod facts;
mod finding;
mod flow;
mod outcome;
mod signalling;
mod sound;
mod text;
mod webhooks;

pub use finding::{Finding, Severity};
pub use outcome::{Heard, Step};

use crate::Line;
use facts::Facts;
use finding::Rule;
use model::call::Call;

/// Rules by subject, in the order in which a person looks for a fault.
const RULES: [&[Rule]; 5] = [signalling::RULES, sound::RULES, answerer::RULES, flow::RULES, webhooks::RULES];

/// A call explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The call in one or two sentences.
    pub summary: String,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What each party heard of the other, where it was measured.
    pub heard: Vec<Heard>,
    /// What a developer should know, the gravest first.
    pub findings: Vec<Finding>,
}

impl Explanation {
    /// As text for a terminal.
    pub fn to_text(&self) -> String {
        text::text(self)
    }
}

/// Explains a call by its row and its timeline.
pub fn explain(call: &Call, lines: &[Line]) -> Explanation {
    let facts = Facts::of(call, lines);
    let mut findings: Vec<_> = RULES.iter().copied().flatten().flat_map(|rule| rule(&facts)).collect();
    findings.sort_by_key(|finding| finding.severity);
    Explanation {
        summary: outcome::summary(&facts),
        steps: outcome::steps(&facts),
        heard: outcome::heard(&facts),
        findings,
    }
}

#[cfg(test)]
mod tests;
