//! Benchmarks. Here those of the media engine, in `control` those of the whole server: the engine on one core, the generator on the other, and beside it, in the same
//! run, a bare loop that does the same system calls. Prints medians and keeps them as JSON.

mod amd;
mod control;
mod generator;
mod server;
mod stats;
mod wire;

use crate::{complain, say};
use generator::{Generator, Speech};
use serde_json::json;
use server::Server;
use stats::median;
use std::process::ExitCode;
use std::time::Duration;

/// What `cargo xtask help` says of it.
pub(crate) const HELP: &str = "\
  bench   media | record | relay | transcode-laws | transcode-opus | conference
          [--calls N] [--seconds S] [--runs R]
          what a call costs the media engine, beside a bare loop of the same
          system calls; figures also go to target/bench/<name>.json
          answer | originate | api [--rate N] [--seconds S] [--runs R] [--plot]
          calls a second that the real server answers, or places, on one core,
          and what its API takes; --plot draws docs/performance/<name>.svg
          amd [--seed N] [--cases N] [--beeps N] [--list] [--tuning] [--plain]
          how well people, machines, screeners and beeps are told apart, on
          sound made up by seeds; --list shows each that was not
";

/// Runs before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);
/// The packets of one leg in a second.
const PACKETS_PER_SECOND: f64 = 50.0;

/// The nice value of the session while it measures.
const BEFORE_OTHERS: &str = "-10";
/// A tick at either end of the span is not left out.
const TICKS_COUNTED: f64 = 0.998;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scenario {
    name: &'static str,
    work: Work,
    /// What the legs speak, in turn.
    codecs: [&'static str; 2],
    calls: usize,
}

/// What the program under test does for each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// It plays a prompt.
    Play,
    /// It plays a prompt, listens, and records both.
    Record,
    /// It bridges two legs.
    Bridge,
    /// It mixes the calls in conferences of so many.
    Confer(usize),
}

impl Work {
    /// Legs of one call.
    const fn legs(self) -> usize {
        if matches!(self, Self::Bridge) { 2 } else { 1 }
    }

    /// Whether a packet goes out for each that comes in.
    const fn answers(self) -> bool {
        matches!(self, Self::Bridge | Self::Confer(_))
    }
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "media", work: Work::Play, codecs: ["mu"; 2], calls: 2_000 },
    Scenario { name: "record", work: Work::Record, codecs: ["mu"; 2], calls: 500 },
    Scenario { name: "relay", work: Work::Bridge, codecs: ["mu"; 2], calls: 500 },
    Scenario { name: "transcode-laws", work: Work::Bridge, codecs: ["mu", "a"], calls: 500 },
    Scenario { name: "transcode-opus", work: Work::Bridge, codecs: ["mu", "opus"], calls: 100 },
    Scenario { name: "conference", work: Work::Confer(8), codecs: ["mu"; 2], calls: 400 },
];

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    scenario: Scenario,
    calls: usize,
    seconds: u64,
    runs: usize,
}

/// Runs the benchmark that the arguments name.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    if arguments.first() == Some(&"amd") {
        return amd::run(arguments);
    }
    if arguments.first().is_some_and(|name| control::has(name)) {
        return verdict(control::run(arguments));
    }
    verdict(parse(arguments).and_then(|plan| {
        server::build()?;
        wire::raise_open_files();
        wire::pin_to_core(1);
        ask_for_the_cores(BEFORE_OTHERS);
        let done = measure(plan);
        ask_for_the_cores("0");
        done
    }))
}

fn verdict(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&format!("bench: {problem}\n\n{HELP}"));
            ExitCode::FAILURE
        }
    }
}

/// A kernel that shares the cores between sessions looks at the session's priority first. Where it does not, or
/// does not let us, there is nothing to ask.
fn ask_for_the_cores(nice: &str) {
    let _ = std::fs::write("/proc/self/autogroup", nice);
}

fn parse(arguments: &[&str]) -> Result<Plan, String> {
    let (name, options) = arguments.split_first().ok_or("which one?")?;
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == *name);
    let scenario = *scenario.ok_or_else(|| format!("there is no benchmark `{name}`"))?;
    let mut plan = Plan { scenario, calls: scenario.calls, seconds: 10, runs: 3 };
    for option in options.chunks(2) {
        let [key, value] = option else { return Err(format!("{} has no value", option.concat())) };
        let number: usize = value.parse().map_err(|_| format!("{key} {value} is no number"))?;
        match *key {
            "--calls" if number > 0 => plan.calls = number,
            "--seconds" if number > 0 => plan.seconds = number as u64,
            "--runs" if number > 0 => plan.runs = number,
            _ => return Err(format!("{key} {value} is not understood")),
        }
    }
    Ok(plan)
}

/// The figures of one run.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    /// Share of a core that one call took, in per cent.
    cpu_per_call: f64,
    /// Share of the packets that were sent and never came, in per cent.
    loss: f64,
    /// Share of the packets that were never sent, because the program was held up too long, in per cent.
    left_out: f64,
    /// Time between two packets of a leg, milliseconds.
    spacing_p50: f64,
    spacing_p99: f64,
    /// Time through the program, milliseconds.
    transit_p50: f64,
    transit_p99: f64,
    /// Memory that one call took, KiB.
    memory_per_call: f64,
}

fn measure(plan: Plan) -> Result<(), String> {
    let mut engine = Vec::new();
    let mut bare = Vec::new();
    for run in 1..=plan.runs {
        for (program, all) in [("bench_server", &mut engine), ("bench_bare", &mut bare)] {
            let figures = measure_once(plan, program)?;
            say(&format!("run {run} {program:<13} {}\n", line(&figures)));
            all.push(figures);
        }
    }
    let (engine, bare) = (medians(&engine), medians(&bare));
    let ratio = if bare.cpu_per_call > 0.0 { engine.cpu_per_call / bare.cpu_per_call } else { 0.0 };
    let Plan { calls, seconds, runs, scenario } = plan;
    say(&format!("\n{}: {calls} calls, medians of {runs} runs of {seconds} s\n", scenario.name));
    say(&format!("engine     {}\nbare loop  {}\nratio      {ratio:.2}\n", line(&engine), line(&bare)));
    let report = json!({
        "name": scenario.name, "calls": calls, "seconds": seconds, "runs": runs,
        "engine": as_json(&engine), "bareLoop": as_json(&bare), "cpuRatio": ratio,
    });
    keep(scenario.name, &report)
}

fn measure_once(plan: Plan, program: &str) -> Result<Figures, String> {
    let scenario = plan.scenario;
    let system = |error: std::io::Error| error.to_string();
    let mut server = Server::start(program)?;
    let mut generator = Generator::new().map_err(system)?;
    let memory_before = server.memory_kib();
    for number in 0..plan.calls * scenario.work.legs() {
        let address = generator.next_address().map_err(system)?;
        let codec = scenario.codecs.get(number % 2).copied().unwrap_or("mu");
        let port = server.ask(&format!("leg {address} {codec}"))?;
        generator.add_leg(port.parse().map_err(|_| format!("`{port}` is no port"))?, Speech::of(codec));
    }
    if scenario.codecs.contains(&"opus") {
        generator.speak_opus(opus_frames()?);
    }
    let folder = spool_folder(scenario.name);
    if scenario.work == Work::Record && program == "bench_server" {
        std::fs::create_dir_all(&folder).map_err(system)?;
        server.ask(&format!("record {}", folder.display()))?;
    }
    match scenario.work {
        Work::Confer(members) if program == "bench_server" => server.ask(&format!("confer {members}"))?,
        Work::Bridge | Work::Confer(_) => server.ask("bridge")?,
        Work::Play | Work::Record => server.ask("play")?,
    };
    let relays = scenario.work.answers();
    // A recording without a sound to record costs less than a true one.
    let sends = relays || scenario.work == Work::Record;
    let timed = scenario.name == "relay";
    generator.run(WARM_UP, sends, timed);
    let cpu_before = server.cpu_ns();
    let mut measured = generator.run(Duration::from_secs(plan.seconds), sends, timed);
    let cpu_ns = server.cpu_ns() - cpu_before;
    let memory_kib = server.memory_kib().saturating_sub(memory_before);
    if relays {
        generator.drain(&mut measured, timed);
    }
    drop(server);
    let _ = std::fs::remove_dir_all(&folder);
    let due = if relays {
        measured.sent as f64
    } else {
        measured.span.as_secs_f64() * PACKETS_PER_SECOND * plan.calls as f64
    };
    Ok(Figures {
        cpu_per_call: cpu_ns as f64 / measured.span.as_nanos() as f64 * 100.0 / plan.calls as f64,
        loss: if relays {
            share(due - measured.received as f64, due)
        } else {
            share(measured.gaps_in_sequence as f64, due)
        },
        left_out: if relays { 0.0 } else { share(due * TICKS_COUNTED - measured.received as f64, due) },
        spacing_p50: measured.spacing.percentile_ms(0.5),
        spacing_p99: measured.spacing.percentile_ms(0.99),
        transit_p50: measured.transit.percentile_ms(0.5),
        transit_p99: measured.transit.percentile_ms(0.99),
        memory_per_call: memory_kib as f64 / plan.calls as f64,
    })
}

/// Some packets of speech in Opus; the engine's own examples make them.
fn opus_frames() -> Result<Vec<Vec<u8>>, String> {
    let mut server = Server::start("bench_server")?;
    let frames = server.ask("opus-frames")?;
    let octet = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).map_err(|error| error.to_string())?;
        u8::from_str_radix(digits, 16).map_err(|error| error.to_string())
    };
    let frame = |word: &str| word.as_bytes().chunks(2).map(octet).collect::<Result<Vec<u8>, String>>();
    frames.split_whitespace().map(frame).collect()
}

/// A part of `whole` in per cent, at least 0.
fn share(part: f64, whole: f64) -> f64 {
    part.max(0.0) / whole.max(1.0) * 100.0
}

fn spool_folder(name: &str) -> std::path::PathBuf {
    server::target_folder().join("bench").join(format!("{name}-spool"))
}

fn medians(runs: &[Figures]) -> Figures {
    let of = |field: fn(&Figures) -> f64| median(runs.iter().map(field).collect());
    Figures {
        cpu_per_call: of(|it| it.cpu_per_call),
        loss: of(|it| it.loss),
        left_out: of(|it| it.left_out),
        spacing_p50: of(|it| it.spacing_p50),
        spacing_p99: of(|it| it.spacing_p99),
        transit_p50: of(|it| it.transit_p50),
        transit_p99: of(|it| it.transit_p99),
        memory_per_call: of(|it| it.memory_per_call),
    }
}

fn line(figures: &Figures) -> String {
    format!(
        "cpu/call {:.4} % of a core, loss {:.3} %, left out {:.3} %, spacing p50 {:.2} p99 {:.2} ms, transit p50 {:.2} p99 {:.2} ms, \
         memory/call {:.1} KiB",
        figures.cpu_per_call,
        figures.loss,
        figures.left_out,
        figures.spacing_p50,
        figures.spacing_p99,
        figures.transit_p50,
        figures.transit_p99,
        figures.memory_per_call,
    )
}

fn as_json(figures: &Figures) -> serde_json::Value {
    json!({
        "cpuPercentOfCorePerCall": figures.cpu_per_call,
        "lossPercent": figures.loss,
        "leftOutPercent": figures.left_out,
        "spacingP50Ms": figures.spacing_p50,
        "spacingP99Ms": figures.spacing_p99,
        "transitP50Ms": figures.transit_p50,
        "transitP99Ms": figures.transit_p99,
        "memoryKibPerCall": figures.memory_per_call,
    })
}

fn keep(name: &str, report: &serde_json::Value) -> Result<(), String> {
    let folder = server::target_folder().join("bench");
    let file = folder.join(format!("{name}.json"));
    let text = format!("{report:#}\n");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&file, text))
        .map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_or_refused() {
        let check = |arguments: &[&str], expected: Option<(&str, usize, u64, usize)>| {
            let plan = parse(arguments).ok();
            let found = plan.map(|plan| (plan.scenario.name, plan.calls, plan.seconds, plan.runs));
            assert_eq!(found, expected, "{arguments:?}");
        };
        check(&["media"], Some(("media", 2_000, 10, 3)));
        check(&["relay", "--calls", "7", "--runs", "1", "--seconds", "2"], Some(("relay", 7, 2, 1)));
        check(&[], None);
        check(&["nothing"], None);
        check(&["media", "--calls"], None);
        check(&["media", "--calls", "0"], None);
        check(&["media", "--calls", "x"], None);
        check(&["media", "--speed", "1"], None);
    }
}
