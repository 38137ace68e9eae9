//! Random simulated calls under every invariant: how many fail, and how many a second of processor time runs.
//! Builds itself optimised first; what is measured otherwise says nothing.

use crate::{complain, say};
use sim::{Program, Telling, random, run as simulate, shrink};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

/// How to use it.
pub(crate) const HELP: &str = "\
  sim [--seeds N] [--from S]
          run random simulated calls; a failing seed is made smaller and printed
";

const SEEDS: u64 = 1_000;
/// Most failing seeds that are told.
const FAILURES_MAX: u64 = 5;
/// Clock ticks a second of /proc/self/stat (USER_HZ, the same on every Linux).
const TICKS_A_SECOND: f64 = 100.0;

/// Runs the chore.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    if cfg!(debug_assertions) {
        return optimised(arguments);
    }
    let Some((from, seeds)) = read(arguments) else {
        complain(&format!("sim takes --seeds N and --from S\n\n{HELP}"));
        return ExitCode::from(2);
    };
    let began = cpu_s();
    let (mut calls, mut packets, mut failures) = (0u64, 0u64, 0u64);
    for seed in from..from.saturating_add(seeds) {
        let program = random(seed);
        let report = simulate(&program, Telling::Nothing);
        calls += u64::try_from(program.calls.len()).unwrap_or_default();
        packets += report.packets;
        if let Some(violation) = report.violation {
            failures += 1;
            complain(&format!("seed {seed}: {violation}\n{}", smaller(&program)));
            complain(&format!("again: cargo xtask sim --seeds 1 --from {seed}"));
        }
        if failures >= FAILURES_MAX {
            break;
        }
    }
    let spent = (cpu_s() - began).max(0.01);
    let rate = calls as f64 / spent;
    say(&format!(
        "seeds from {from}: {calls} calls, {packets} sound packets, {failures} failures, {spent:.2} s of processor \
         time, {rate:.0} calls a second\n"
    ));
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn optimised(arguments: &[&str]) -> ExitCode {
    let own = ["run", "--release", "--quiet", "--package", "xtask", "--", "sim"];
    match Command::new("cargo").args(own).args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            complain(&format!("cargo does not run: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn read(arguments: &[&str]) -> Option<(u64, u64)> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (mut from, mut seeds) = (clock, SEEDS);
    for pair in arguments.chunks(2) {
        match *pair {
            ["--seeds", number] => seeds = number.parse().ok()?,
            ["--from", number] => from = number.parse().ok()?,
            _ => return None,
        }
    }
    Some((from, seeds))
}

/// The smallest program that still fails, and what happens in it.
fn smaller(program: &Program) -> String {
    let small = shrink(program, |program| simulate(program, Telling::Nothing).violation.is_some());
    let report = simulate(&small, Telling::All);
    let what = report.violation.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("made smaller ({what}):\n{small:#?}\n{}", report.to_text())
}

/// Processor time of this process in seconds (proc(5): utime and stime are fields 14 and 15).
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_A_SECOND
}
