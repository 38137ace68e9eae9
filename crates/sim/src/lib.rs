//! Whole calls in virtual time: the call machine, SIP, RTP and the personas in one thread, over a seeded network and with
//! seeded faults. The same seed gives the same timeline and the same packets, byte for byte. After each step the
//! invariants of a call are checked. Knows no socket, no clock, no store and no request.

mod agenda;
mod dice;
mod faults;
mod leg;
mod network;
mod office;
mod party;
mod plan;
mod random;
mod recorded;
mod reference;
mod report;
mod shrink;
mod sound;
mod violation;
mod world;

pub use dice::Dice;
pub use faults::{Faults, Lie};
pub use network::{Arrivals, Network, NetworkError, NetworkProfile};
pub use plan::{Plan, Program};
pub use random::random;
pub use recorded::{Inputs, InputsError};
pub use reference::disagreement;
pub use report::{CallReport, Report, timeline_text};
pub use shrink::shrink;
pub use violation::Violation;
pub use world::{BEGIN, Limits, Telling, World};

use std::time::Duration;

/// Longer than webhooks are tried, and more than any program needs.
const EVERYTHING: Limits = Limits { time: Duration::from_secs(30 * 24 * 3_600), steps: 5_000_000 };

/// Runs a program to its end. What broke, if anything did, stands in the report: an invariant, or the reference model.
pub fn run(program: &Program, telling: Telling) -> Report {
    let mut report = to_its_end(World::new(program, telling), EVERYTHING);
    if report.violation.is_none() {
        report.violation = disagreement(program, &report);
    }
    report
}

/// Runs a world that must come to its end within the limits.
fn to_its_end(world: World, limits: Limits) -> Report {
    let mut report = world.run(limits);
    if !report.finished && report.violation.is_none() {
        let what = "something is still going on: a call, a timer or an open port".to_owned();
        report.violation = Some(Violation { call: 0, at: report.ended_at, what });
    }
    report
}
