//! Makes a failing simulation smaller: leaves out calls, commands, steps, faults and troubles of the network, one after
//! the other, as long as it still fails.

use crate::network::NetworkProfile;
use crate::plan::{Plan, Program};
use persona::Settings;

/// Most programs that are tried.
const TRIES_MAX: usize = 400;

/// The smallest program found that still fails.
pub fn shrink(program: &Program, fails: impl Fn(&Program) -> bool) -> Program {
    let mut smallest = program.clone();
    let mut tries = 0;
    loop {
        let next = candidates(&smallest).into_iter().find(|candidate| {
            tries += 1;
            tries <= TRIES_MAX && fails(candidate)
        });
        match next {
            Some(next) => smallest = next,
            None => return smallest,
        }
    }
}

/// Each program that is one thing smaller.
fn candidates(program: &Program) -> Vec<Program> {
    let mut found = Vec::new();
    let with = |calls: Vec<Plan>| Program { calls, ..program.clone() };
    for at in 0..program.calls.len() {
        if program.calls.len() > 1 {
            found.push(with(without(&program.calls, at)));
        }
    }
    if program.shutdown_at_ms.is_some() {
        found.push(Program { shutdown_at_ms: None, ..program.clone() });
    }
    found.extend(program.faults.smaller().into_iter().map(|faults| Program { faults, ..program.clone() }));
    if program.network != NetworkProfile::CLEAN {
        found.push(Program { network: NetworkProfile::CLEAN, ..program.clone() });
    }
    for (at, plan) in program.calls.iter().enumerate() {
        for smaller in smaller(plan) {
            let mut calls = program.calls.clone();
            if let Some(place) = calls.get_mut(at) {
                *place = smaller;
            }
            found.push(with(calls));
        }
    }
    found
}

fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut found = Vec::new();
    for at in 0..plan.commands.len() {
        found.push(Plan { commands: without(&plan.commands, at), ..plan.clone() });
    }
    if let Some(flow) = &plan.flow {
        for at in 0..flow.steps.len() {
            let steps = without(&flow.steps, at);
            found.push(Plan { flow: Some(model::flow::Flow { steps }), ..plan.clone() });
        }
    }
    if plan.settings != Settings::default() {
        found.push(Plan { settings: Settings::default(), ..plan.clone() });
    }
    if plan.repeated {
        found.push(Plan { repeated: false, ..plan.clone() });
    }
    found
}

fn without<T: Clone>(all: &[T], left_out: usize) -> Vec<T> {
    let kept = all.iter().enumerate().filter(|(at, _)| *at != left_out);
    kept.map(|(_, one)| one.clone()).collect()
}
