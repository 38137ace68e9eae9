//! Variables of a flow: each must have a value before it is used.

use super::graph::Graph;
use super::{FlowFaultKind, Found};
use crate::template;
use model::flow::{Flow, FlowCommand, Step, Variable, variable};
use std::collections::BTreeSet;

/// Tells what is wrong with the variables; all that the flow and the call define.
pub(super) fn check(
    flow: &Flow,
    graph: &Graph,
    known: &BTreeSet<String>,
    found: &mut Found<'_>,
) -> BTreeSet<String> {
    let mut defined = known.clone();
    for (at, step) in flow.steps.iter().enumerate() {
        let FlowCommand::Set(set) = &step.command else { continue };
        let name = set.variable.as_str();
        if !variable::is_name(name) || variable::BUILT_IN.contains(&name) {
            let built_in = variable::BUILT_IN.join(", ");
            let message = format!("must be a name of letters, digits and _, and none of {built_in}");
            found.at(at, Some("variable"), FlowFaultKind::InvalidVariable, message);
        }
        defined.insert(name.to_owned());
    }
    if defined.len() > variable::COUNT_MAX {
        let message = format!("a call may have at most {} variables", variable::COUNT_MAX);
        found.whole(FlowFaultKind::TooManyVariables, message);
    }
    let before = defined_before(flow, graph, known);
    for (at, (step, before)) in flow.steps.iter().zip(&before).enumerate() {
        // A step that is never reached is told of already.
        if graph.is_reached(at) {
            uses(step, &mut |field, name| judge(at, field, name, before, found));
        }
    }
    defined
}

fn judge(at: usize, field: &str, name: &str, before: &BTreeSet<String>, found: &mut Found<'_>) {
    if !variable::is_name(name) {
        let message = "between {{ and }} stands the name of a variable: letters, digits and _";
        return found.at(at, Some(field), FlowFaultKind::InvalidVariable, message);
    }
    if !variable::BUILT_IN.contains(&name) && !before.contains(name) {
        let message = format!(
            "no step before this one sets the variable {name}; set it, or give it in variables with the call"
        );
        found.at(at, Some(field), FlowFaultKind::UndefinedVariable, message);
    }
}

/// For each step the variables that some way to it defines.
fn defined_before(flow: &Flow, graph: &Graph, known: &BTreeSet<String>) -> Vec<BTreeSet<String>> {
    let mut before: Vec<BTreeSet<String>> = vec![known.clone(); flow.steps.len()];
    let mut open: Vec<usize> = (0..flow.steps.len()).rev().collect();
    while let Some(at) = open.pop() {
        let (Some(step), Some(mut after)) = (flow.steps.get(at), before.get(at).cloned()) else { continue };
        if let FlowCommand::Set(set) = &step.command {
            after.insert(set.variable.clone());
        }
        for to in graph.ways_from(at) {
            let Some(before) = before.get_mut(*to) else { continue };
            let size = before.len();
            before.extend(after.iter().cloned());
            if before.len() > size {
                open.push(*to);
            }
        }
    }
    before
}

/// Each variable that a step uses, with its field.
fn uses(step: &Step, each: &mut dyn FnMut(&str, &str)) {
    template::visit(&mut step.command.clone(), &mut |field, text| {
        template::names(text).for_each(|name| each(field, name));
        None
    });
    for (at, condition) in step.conditions.iter().enumerate() {
        if let Variable::Named(name) = &condition.variable {
            each(&format!("conditions[{at}].variable"), name);
        }
    }
}
