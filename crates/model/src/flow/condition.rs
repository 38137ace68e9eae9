//! Conditions: tests against what the last gather took and against variables.

use serde::{Deserialize, Serialize};

/// A test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What is tested.
    pub variable: Variable,
    /// How.
    pub operator: Operator,
    /// Against what, at most [`Condition::VALUE_MAX`] characters.
    pub value: String,
}

impl Condition {
    /// Most conditions of one step.
    pub const COUNT_MAX: usize = 10;
    /// Longest value, in characters.
    pub const VALUE_MAX: usize = 256;

    /// Whether `actual` passes. Letter case does not matter to what was said, for no recogniser means it.
    pub fn holds(&self, actual: &str) -> bool {
        if self.variable == Variable::Speech {
            return self.operator.compare(&actual.to_lowercase(), &self.value.to_lowercase());
        }
        self.operator.compare(actual, &self.value)
    }
}

/// What a condition tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// The keys of the last gather.
    Keys,
    /// What the last gather heard.
    Speech,
    /// A variable by its name.
    Named(String),
}

impl Variable {
    /// Its name in templates.
    pub fn name(&self) -> &str {
        match self {
            Self::Keys => "keys",
            Self::Speech => "speech",
            Self::Named(name) => name,
        }
    }
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Is the value.
    Eq,
    /// Is not the value.
    Ne,
    /// Holds the value.
    Contains,
}

impl Operator {
    fn compare(self, actual: &str, value: &str) -> bool {
        match self {
            Self::Eq => actual == value,
            Self::Ne => actual != value,
            Self::Contains => actual.contains(value),
        }
    }
}
