//! Benchmarks of the control plane: the real server on core 0, callers, callees and clients on core 1, and a bare loop
//! beside them in the same run. Each step has a server and a data directory of its own.

mod bare;
mod callees;
mod callers;
mod http;
mod ladder;
mod lyrebird;
mod orders;
mod plot;
mod sip;
mod works;

use super::stats::median;
use super::{ask_for_the_cores, keep, wire};
use crate::say;
use ladder::{Climb, Step};
use serde_json::json;
use std::time::Duration;
use works::Work;

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    work: Work,
    /// Calls a second to begin with.
    rate: f64,
    span: Duration,
    runs: usize,
    plot: bool,
}

/// Whether this room has a benchmark of this name.
pub(super) fn has(name: &str) -> bool {
    Work::named(name).is_some()
}

/// Runs the benchmark that the arguments name.
pub(super) fn run(arguments: &[&str]) -> Result<(), String> {
    let plan = parse(arguments)?;
    lyrebird::build()?;
    wire::raise_open_files();
    wire::pin_to_core(1);
    ask_for_the_cores(super::BEFORE_OTHERS);
    let done = measure(plan);
    ask_for_the_cores("0");
    done
}

fn parse(arguments: &[&str]) -> Result<Plan, String> {
    let (name, options) = arguments.split_first().ok_or("which one?")?;
    let work = Work::named(name).ok_or_else(|| format!("there is no benchmark `{name}`"))?;
    let mut plan = Plan { work, rate: work.first_rate(), span: Duration::from_secs(4), runs: 3, plot: false };
    let mut options = options.iter();
    while let Some(key) = options.next() {
        if *key == "--plot" {
            plan.plot = true;
            continue;
        }
        let value = options.next().ok_or_else(|| format!("{key} has no value"))?;
        let number: u32 = value.parse().map_err(|_| format!("{key} {value} is no number"))?;
        match *key {
            "--rate" if number > 0 => plan.rate = number.into(),
            "--seconds" if number > 0 => plan.span = Duration::from_secs(number.into()),
            "--runs" if number > 0 => plan.runs = number as usize,
            _ => return Err(format!("{key} {value} is not understood")),
        }
    }
    Ok(plan)
}

fn measure(plan: Plan) -> Result<(), String> {
    let Plan { work, span, runs, .. } = plan;
    let (mut rate, mut best, mut all, mut bare) = (plan.rate, Vec::new(), Vec::new(), Vec::new());
    for run in 1..=runs {
        let base = work.bare()?;
        say(&format!("run {run} bare loop: {}\n", base.line()));
        bare.push(base);
        let climb = Climb { first: rate, fixed: work.is_fixed() };
        let (clean, steps) = climb.climb(|rate| {
            let step = work.step(rate, span)?;
            say(&format!("run {run} {}\n", step.line()));
            Ok(step)
        })?;
        rate = clean.rate;
        best.push(clean);
        all.extend(steps);
    }
    let of = |field: fn(&Step) -> f64| median(best.iter().map(field).collect());
    let middle = Step {
        rate: of(|it| it.rate),
        is_clean: true,
        cpu_ms: of(|it| it.cpu_ms),
        first: [of(|it| it.first[0]), of(|it| it.first[1])],
        second: [of(|it| it.second[0]), of(|it| it.second[1])],
        problem: None,
    };
    let bare_cpu = median(bare.iter().map(|it| it.cpu_ms).collect());
    let bare_p50 = median(bare.iter().map(|it| it.p50_ms).collect());
    let bare_p99 = median(bare.iter().map(|it| it.p99_ms).collect());
    let ratio = if bare_cpu > 0.0 { middle.cpu_ms / bare_cpu } else { 0.0 };
    let name = work.name();
    say(&format!("\n{name}: medians of {runs} runs, steps of {} s\n{}\n", span.as_secs(), middle.line()));
    say(&format!(
        "bare loop: {bare_cpu:.3} ms of a core a call, p50 {bare_p50:.2} p99 {bare_p99:.2} ms; ratio {ratio:.1}\n"
    ));
    let [first, second] = work.spans();
    let report = json!({
        "name": name, "runs": runs, "seconds": span.as_secs(),
        "cleanPerSecond": middle.rate, "cpuMsPerCall": middle.cpu_ms,
        first: { "p50Ms": middle.first[0], "p99Ms": middle.first[1] },
        second: { "p50Ms": middle.second[0], "p99Ms": middle.second[1] },
        "bareLoop": { "cpuMsPerCall": bare_cpu, "p50Ms": bare_p50, "p99Ms": bare_p99 },
        "cpuRatio": ratio,
        "steps": all.iter().map(Step::as_json).collect::<Vec<_>>(),
    });
    if plan.plot {
        plot::draw(name, first, &all)?;
    }
    keep(name, &report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_or_refused() {
        let check = |arguments: &[&str], expected: Option<(&str, f64, usize, bool)>| {
            let plan = parse(arguments).ok();
            let found = plan.map(|plan| (plan.work.name(), plan.rate, plan.runs, plan.plot));
            assert_eq!(found, expected, "{arguments:?}");
        };
        check(&["answer"], Some(("answer", 400.0, 3, false)));
        check(&["api", "--plot", "--rate", "50", "--runs", "1"], Some(("api", 50.0, 1, true)));
        check(&["originate", "--rate"], None);
        check(&["answer", "--rate", "0"], None);
        check(&["answer", "--speed", "1"], None);
        check(&["nothing"], None);
        check(&[], None);
    }
}
