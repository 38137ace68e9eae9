//! Checks a flow before it rings a phone: what can never run, never end or never be known is refused here, with its
//! place. Pure; knows no call.

mod graph;
mod names;

use graph::Graph;
use model::flow::{Flow, FlowCommand, Step};
use std::collections::BTreeSet;

/// Deepest flow within a flow: a bridge's within a bridge's within the call's.
const DEPTH_MAX: usize = 3;

/// What is wrong with a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowFaultKind {
    /// No way leads to the step.
    Unreachable,
    /// The flow goes round without ever coming to its end.
    EndlessLoop,
    /// The flow can go round without waiting for anything.
    IdleLoop,
    /// There is no such label in this flow.
    UnknownLabel,
    /// The label stands twice.
    DuplicateLabel,
    /// No step before this one gives the variable a value, and none came with the call.
    UndefinedVariable,
    /// What stands between the braces is no name, or the name is taken.
    InvalidVariable,
    /// More steps than a flow may have.
    TooManySteps,
    /// More variables than a call may have.
    TooManyVariables,
    /// Flows within flows, too deep.
    TooDeep,
}

impl FlowFaultKind {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable_step",
            Self::EndlessLoop => "endless_loop",
            Self::IdleLoop => "idle_loop",
            Self::UnknownLabel => "unknown_label",
            Self::DuplicateLabel => "duplicate_label",
            Self::UndefinedVariable => "undefined_variable",
            Self::InvalidVariable => "invalid_variable",
            Self::TooManySteps => "too_many_steps",
            Self::TooManyVariables => "too_many_variables",
            Self::TooDeep => "too_deep",
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowFault {
    /// The step's place, counted from 0; behind it its place in that step's own flow, and so on. Empty for the whole
    /// flow.
    pub steps: Vec<usize>,
    /// The field of the step, as a path (`prompt.say.text`, `media[2]`); none for the whole step.
    pub field: Option<String>,
    /// What is wrong.
    pub kind: FlowFaultKind,
    /// What is wrong and what to do, for the app's developer.
    pub message: String,
}

/// Everything that is wrong with a flow, in the order of its steps. `known` are variables that come with the call.
pub fn check<'a>(flow: &Flow, known: impl IntoIterator<Item = &'a str>) -> Vec<FlowFault> {
    let known: BTreeSet<String> = known.into_iter().map(str::to_owned).collect();
    let mut faults = Vec::new();
    level(flow, &known, &[], &mut faults);
    faults
}

/// One flow, and those within it.
fn level(flow: &Flow, known: &BTreeSet<String>, before: &[usize], faults: &mut Vec<FlowFault>) {
    let mut found = Found { before, faults };
    if before.len() >= DEPTH_MAX {
        let message = format!("flows within flows may be at most {DEPTH_MAX} deep");
        return found.whole(FlowFaultKind::TooDeep, message);
    }
    if flow.steps.len() > Flow::STEPS_MAX {
        let message =
            format!("a flow may have at most {} steps, and this has {}", Flow::STEPS_MAX, flow.steps.len());
        return found.whole(FlowFaultKind::TooManySteps, message);
    }
    let graph = Graph::of(flow, &mut found);
    graph.check(&mut found);
    let defined = names::check(flow, &graph, known, &mut found);
    for (at, step) in flow.steps.iter().enumerate() {
        if let Some(inner) = inner(step) {
            let place: Vec<usize> = before.iter().copied().chain([at]).collect();
            level(inner, &defined, &place, faults);
        }
    }
    faults.sort_by(|one, other| one.steps.cmp(&other.steps));
}

/// The flow within a step.
fn inner(step: &Step) -> Option<&Flow> {
    match &step.command {
        FlowCommand::Bridge(bridge) => bridge.flow.as_ref(),
        _ => None,
    }
}

/// What was found in one flow.
struct Found<'a> {
    before: &'a [usize],
    faults: &'a mut Vec<FlowFault>,
}

impl Found<'_> {
    fn whole(&mut self, kind: FlowFaultKind, message: String) {
        self.faults.push(FlowFault { steps: self.before.to_vec(), field: None, kind, message });
    }

    fn at(&mut self, step: usize, field: Option<&str>, kind: FlowFaultKind, message: impl Into<String>) {
        let steps = self.before.iter().copied().chain([step]).collect();
        self.faults.push(FlowFault { steps, field: field.map(str::to_owned), kind, message: message.into() });
    }
}
