//! How well answering machines are told from people: a corpus made up by seeds, judged by the detector, and counted.
//! Even seeds are for tuning, odd ones are reported: a figure is never of sound that a threshold was chosen by.

mod case;
mod dice;
mod score;
mod sound;
mod texts;
mod voices;

use super::{keep, verdict};
use crate::say;
use audio::amd::AmdDetector;
use case::{Case, Wish};
use model::amd::{AmdFinding, AmdNews, AmdResult, AmdSettings, AmdSign};
use score::Score;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use voices::Choir;

/// Samples of a frame: 20 ms.
const FRAME: usize = 160;
/// How much earlier or later than it ends a beep may be told.
const BEEP_SLACK_MS: (u32, u32) = (150, 600);

/// What to run.
#[derive(Debug, Clone, Copy)]
struct Plan {
    seed: u64,
    cases: usize,
    beeps: usize,
    tuning: bool,
    choir: Choir,
    list: bool,
}

/// What the detector said of a case.
pub(super) struct Heard {
    finding: AmdFinding,
    /// Beginning, end and time of telling of each beep.
    beeps: Vec<(u32, u32, u32)>,
}

/// Runs the benchmark.
pub(super) fn run(arguments: &[&str]) -> ExitCode {
    verdict(parse(arguments).and_then(measure))
}

fn parse(arguments: &[&str]) -> Result<Plan, String> {
    let mut plan =
        Plan { seed: 1, cases: 2_000, beeps: 500, tuning: false, choir: Choir::Programs, list: false };
    let mut rest = arguments.iter().skip(1);
    while let Some(option) = rest.next() {
        let mut number = || {
            let value = rest.next().ok_or_else(|| format!("{option} has no value"))?;
            value.parse::<u64>().map_err(|_| format!("{option} {value} is no number"))
        };
        match *option {
            "--seed" => plan.seed = number()?,
            "--cases" => plan.cases = number()? as usize,
            "--beeps" => plan.beeps = number()? as usize,
            "--tuning" => plan.tuning = true,
            "--plain" => plan.choir = Choir::Plain,
            "--list" => plan.list = true,
            _ => return Err(format!("{option} is not understood")),
        }
    }
    Ok(plan)
}

fn measure(plan: Plan) -> Result<(), String> {
    let mut score = Score::default();
    for case in cases(plan, plan.cases, Wish::Anybody) {
        let case = case?;
        let (heard, _) = listen(&case);
        score.count(&case, &heard);
        if plan.list && heard.finding.result != case.truth {
            say(&wrong(&case, &heard));
        }
    }
    let beeps = beeps(plan)?;
    say(&score.table());
    say(&format!(
        "beeps: {} of {} missed, {} calls with one invented among {} without and {} with\n",
        beeps.missed, plan.beeps, beeps.invented, plan.beeps, plan.beeps
    ));
    say(&format!("a frame of 20 ms takes {:.1} µs\n", beeps.frame_us));
    let report = json!({
        "name": "amd", "seed": plan.seed, "cases": plan.cases, "scores": score.as_json(),
        "beepsMissed": beeps.missed, "beepsInvented": beeps.invented, "beepCases": plan.beeps,
        "frameUs": beeps.frame_us,
    });
    keep("amd", &report)
}

/// Even seeds are for tuning, odd ones are reported.
fn cases(plan: Plan, count: usize, wish: Wish) -> impl Iterator<Item = Result<Case, String>> {
    let first = plan.seed.wrapping_mul(1_000_000) | u64::from(!plan.tuning);
    (0..count as u64).map(move |n| Case::new(first + 2 * n, wish, plan.choir))
}

struct Beeps {
    missed: usize,
    invented: usize,
    frame_us: f64,
}

fn beeps(plan: Plan) -> Result<Beeps, String> {
    let mut beeps = Beeps { missed: 0, invented: 0, frame_us: 0.0 };
    let mut frame_us = Vec::new();
    for wish in [Wish::Beep, Wish::NoBeep] {
        for case in cases(plan, plan.beeps, wish) {
            let case = case?;
            let (heard, time) = listen(&case);
            frame_us.push(time.as_secs_f64() * 1e6 / (case.pcm.len() / FRAME).max(1) as f64);
            let true_ones = heard.beeps.iter().filter(|beep| is_true(&case, beep)).count();
            let missed = case.beep_ms.is_some() && true_ones == 0;
            let invented = heard.beeps.len() > true_ones;
            beeps.missed += usize::from(missed);
            beeps.invented += usize::from(invented);
            if plan.list && (missed || invented) {
                say(&format!("beep {:?}, told {:?}: {}", case.beep_ms, heard.beeps, wrong(&case, &heard)));
            }
        }
    }
    // Of a call; one during which another program had the core says nothing.
    frame_us.sort_by(f64::total_cmp);
    beeps.frame_us = frame_us.get(frame_us.len() / 2).copied().unwrap_or(0.0);
    Ok(beeps)
}

fn is_true(case: &Case, &(start, end, told): &(u32, u32, u32)) -> bool {
    case.beep_ms.is_some_and(|(from, to)| {
        start + BEEP_SLACK_MS.0 >= from && end <= to + BEEP_SLACK_MS.0 && told <= to + BEEP_SLACK_MS.1
    })
}

/// Lets the detector listen to all of a case; and how long that took.
fn listen(case: &Case) -> (Heard, Duration) {
    let mut detector = AmdDetector::new(&AmdSettings::default(), 8_000);
    let (mut finding, mut beeps, mut now_ms) = (None, Vec::new(), 0);
    let begun = Instant::now();
    for frame in case.pcm.chunks_exact(FRAME) {
        now_ms += 20;
        detector.on_frame(frame, |news| match news {
            AmdNews::Decided(found) => finding = Some(found),
            AmdNews::Beep(beep) => beeps.push((beep.at_ms, beep.at_ms + beep.length_ms, now_ms)),
            AmdNews::Silence { .. } => {}
        });
    }
    let took = begun.elapsed();
    // Who says nothing until the sound ends has not decided.
    let evidence = model::amd::AmdEvidence::default();
    let (result, sign) = (AmdResult::Unknown, AmdSign::CallEnded);
    let none = AmdFinding { result, sign, words: 0, at_ms: now_ms, evidence };
    (Heard { finding: finding.unwrap_or(none), beeps }, took)
}

fn wrong(case: &Case, heard: &Heard) -> String {
    let AmdFinding { result, sign, words, at_ms, evidence } = heard.finding;
    format!(
        "seed {} {:?} ({}, {} words, ends {}): {result:?} by {sign:?} at {at_ms}, {words} words, {evidence:?}\n",
        case.seed, case.truth, case.kind, case.words, case.greeting_end_ms
    )
}

#[cfg(test)]
mod tests;
