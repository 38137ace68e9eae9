//! Where a flow can go from each of its steps: what is never reached, loops without an exit, loops without a wait.

use super::{FlowFaultKind, Found};
use model::flow::{Flow, FlowCommand, Step};
use std::collections::{BTreeMap, BTreeSet};

/// The ways from step to step. The number behind the last step stands for the flow's end.
pub(super) struct Graph {
    ways: Vec<Vec<usize>>,
    /// Steps that wait for something whenever the flow comes by.
    waits: Vec<bool>,
    /// Steps that may be reached.
    reached: BTreeSet<usize>,
}

impl Graph {
    /// The ways of a flow; labels that are missing or stand twice are told.
    pub(super) fn of(flow: &Flow, found: &mut Found<'_>) -> Self {
        let labels = labels(flow, found);
        let fetches = flow.steps.iter().any(|step| matches!(step.command, FlowCommand::Webhook(_)));
        let steps = || flow.steps.iter().enumerate();
        let ways: Vec<Vec<usize>> = steps().map(|(at, step)| ways(at, step, &labels, flow, found)).collect();
        let waits = steps().map(|(_, step)| step.conditions.is_empty() && waits(&step.command)).collect();
        // What is fetched may jump to any label.
        let starts = if fetches { labels.values().copied().collect() } else { Vec::new() };
        let reached = reach(&ways, starts.into_iter().chain([0]));
        Self { ways, waits, reached }
    }

    /// Tells what is wrong with the ways.
    pub(super) fn check(&self, found: &mut Found<'_>) {
        self.check_reached(found);
        self.check_ends(found);
        self.check_waits(found);
    }

    /// The steps in an order in which each comes after one that leads to it, where the flow can come by.
    pub(super) fn ways_from(&self, step: usize) -> &[usize] {
        self.ways.get(step).map_or(&[], Vec::as_slice)
    }

    /// Whether the flow can come by.
    pub(super) fn is_reached(&self, step: usize) -> bool {
        self.reached.contains(&step)
    }

    fn check_reached(&self, found: &mut Found<'_>) {
        let dead = |step: usize| step < self.ways.len() && !self.reached.contains(&step);
        for step in (0..self.ways.len()).filter(|step| dead(*step)) {
            if step == 0 || !dead(step - 1) {
                let message = "no way leads to this step; remove it, or jump to it";
                found.at(step, None, FlowFaultKind::Unreachable, message);
            }
        }
    }

    /// From each step there must be a way to the end.
    fn check_ends(&self, found: &mut Found<'_>) {
        let mut back: Vec<Vec<usize>> = vec![Vec::new(); self.ways.len() + 1];
        for (from, ways) in self.ways.iter().enumerate() {
            for to in ways {
                if let Some(back) = back.get_mut(*to) {
                    back.push(from);
                }
            }
        }
        let ending = reach(&back, [self.ways.len()]);
        let stuck = |step: &usize| self.reached.contains(step) && !ending.contains(step);
        // The jump back is where the loop is best seen; one is told.
        let steps = (0..self.ways.len()).filter(stuck);
        let jump = steps.clone().find(|step| self.ways_from(*step).iter().any(|to| to <= step));
        if let Some(step) = jump.or_else(|| steps.clone().next()) {
            let message =
                "the flow goes round here and can never end; jump under a condition, or hang up in the loop";
            found.at(step, None, FlowFaultKind::EndlessLoop, message);
        }
    }

    /// Without the steps that wait, no way may lead round.
    fn check_waits(&self, found: &mut Found<'_>) {
        let idle = |step: usize| self.waits.get(step).is_some_and(|waits| !waits);
        for step in (0..self.ways.len()).filter(|step| idle(*step) && self.reached.contains(step)) {
            let back: Vec<usize> = self.ways_from(step).iter().copied().filter(|to| *to <= step).collect();
            let narrowed: Vec<Vec<usize>> = (0..self.ways.len())
                .map(|from| if idle(from) { self.ways_from(from).to_vec() } else { Vec::new() })
                .collect();
            if back.iter().any(|to| reach(&narrowed, [*to]).contains(&step)) {
                let message = "the flow can go round here without waiting for anything; put a gather, a pause or another \
                               step that takes time, without conditions, into the loop";
                return found.at(step, None, FlowFaultKind::IdleLoop, message);
            }
        }
    }
}

/// Where each label stands.
fn labels<'a>(flow: &'a Flow, found: &mut Found<'_>) -> BTreeMap<&'a str, usize> {
    let mut labels = BTreeMap::new();
    for (at, step) in flow.steps.iter().enumerate() {
        if let FlowCommand::Label(label) = &step.command
            && let Some(first) = labels.get(label.name.as_str())
        {
            let message = format!("the label {} stands at step {first} already", label.name);
            found.at(at, Some("name"), FlowFaultKind::DuplicateLabel, message);
        } else if let FlowCommand::Label(label) = &step.command {
            labels.insert(label.name.as_str(), at);
        }
    }
    labels
}

/// Where the flow can go on after a step.
fn ways(
    at: usize,
    step: &Step,
    labels: &BTreeMap<&str, usize>,
    flow: &Flow,
    found: &mut Found<'_>,
) -> Vec<usize> {
    let (jump, field) = match &step.command {
        FlowCommand::Goto(goto) => (Some(goto.label.as_str()), "label"),
        FlowCommand::Webhook(webhook) => (webhook.on_failure.as_deref(), "onFailure"),
        _ => (None, ""),
    };
    let mut ways = Vec::with_capacity(2);
    if let Some(label) = jump {
        match labels.get(label) {
            Some(to) => ways.push(*to),
            None => {
                let message = format!("there is no label {label} in this flow");
                found.at(at, Some(field), FlowFaultKind::UnknownLabel, message);
                ways.push(at + 1);
            }
        }
    }
    let leaves = matches!(step.command, FlowCommand::Goto(_) | FlowCommand::Hangup(_));
    if !leaves || !step.conditions.is_empty() {
        ways.push(at + 1);
    }
    if matches!(step.command, FlowCommand::Hangup(_)) {
        ways.push(flow.steps.len());
    }
    ways
}

/// Whether the command takes time.
const fn waits(command: &FlowCommand) -> bool {
    match command {
        FlowCommand::Label(_)
        | FlowCommand::Goto(_)
        | FlowCommand::Set(_)
        | FlowCommand::Answer
        | FlowCommand::Ringing(_)
        | FlowCommand::Hangup(_) => false,
        FlowCommand::Say(_)
        | FlowCommand::Playback(_)
        | FlowCommand::Gather(_)
        | FlowCommand::Record(_)
        | FlowCommand::Pause(_)
        | FlowCommand::Bridge(_)
        | FlowCommand::Dtmf(_)
        | FlowCommand::Webhook(_)
        | FlowCommand::Transfer(_)
        | FlowCommand::Conference(_)
        | FlowCommand::Queue(_) => true,
    }
}

/// Everything that ways lead to, the starts among it.
fn reach(ways: &[Vec<usize>], starts: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let (mut reached, mut open) = (BTreeSet::new(), Vec::from_iter(starts));
    while let Some(step) = open.pop() {
        if reached.insert(step) {
            open.extend(ways.get(step).into_iter().flatten().copied());
        }
    }
    reached
}
