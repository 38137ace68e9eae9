//! What a rule finds, and the shape of a rule.

use super::facts::Facts;
use crate::Line;
use model::Timestamp;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The call, or a part of it, did not work.
    Problem,
    /// It worked, but not well.
    Warning,
    /// Worth knowing.
    Hint,
}

impl Severity {
    /// The word that doors use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

/// Something a developer should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Names the rule, for programs: `callee_busy`.
    pub code: &'static str,
    /// When it showed first.
    pub at: Option<Timestamp>,
    /// What is the matter.
    pub what: String,
    /// What the timeline shows of it.
    pub because: String,
    /// What to do about it; empty where there is nothing to do.
    pub remedy: String,
    /// Places of the lines that show it.
    pub lines: Vec<u32>,
}

impl Finding {
    /// A finding that no line shows yet.
    pub(super) fn new(severity: Severity, code: &'static str, what: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            at: None,
            what: what.into(),
            because: String::new(),
            remedy: String::new(),
            lines: Vec::new(),
        }
    }

    /// What shows it.
    pub(super) fn because(self, because: impl Into<String>) -> Self {
        Self { because: because.into(), ..self }
    }

    /// What to do about it.
    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// The lines that show it, in order.
    pub(super) fn shown_by<'a>(mut self, lines: impl IntoIterator<Item = &'a Line>) -> Self {
        for line in lines {
            self.at = self.at.or(Some(line.entry.at));
            self.lines.push(line.index);
        }
        self
    }
}

/// Looks at a call for one thing.
pub(super) type Rule = fn(&Facts<'_>) -> Vec<Finding>;
