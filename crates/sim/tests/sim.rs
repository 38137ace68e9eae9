//! Whole calls in virtual time: that equal seeds are equal, what personas make of flows, and random programs under every
//! invariant.
#![cfg(test)]

use model::call::{EndReason, EndSource};
use model::event::{CommandOutcome, EventBody};
use model::flow::{CallCommand, Flow, FlowCommand, Gather, GatherPrompt, Pause, Record, Say, Step};
use model::sound::Codec;
use model::{CommandId, IdSource, Timestamp};
use sim::{CallReport, NetworkProfile, Plan, Program, Report, Telling, random, run, shrink};
use std::time::{Duration, Instant};

fn flow(commands: Vec<FlowCommand>) -> Flow {
    let mut ids = IdSource::new(1);
    let step = |command| Step {
        id: CommandId::generate(&mut ids, Timestamp::default()),
        command,
        conditions: Vec::new(),
    };
    Flow { steps: commands.into_iter().map(step).collect() }
}

fn words(text: &str) -> Say {
    Say { text: text.to_owned(), locale: Say::LOCALE.to_owned(), voice: None, times: 1 }
}

fn say(text: &str) -> FlowCommand {
    FlowCommand::Say(words(text))
}

fn gather(keys_max: u8) -> FlowCommand {
    FlowCommand::Gather(Gather {
        prompt: Some(GatherPrompt::Say(words("Please press your code."))),
        keys_max: Some(keys_max),
        end_key: Some('#'),
        timeout_ms: 5_000,
        ..Gather::default()
    })
}

fn play(program: &Program) -> Report {
    let report = run(program, Telling::All);
    assert_eq!(report.violation, None, "{}", report.to_text());
    assert!(report.finished);
    report
}

/// A persona gets a call with a flow: how it ends, and what the flow's commands came to.
fn check(persona: &str, flow: Flow, reason: EndReason, source: EndSource, outcomes: &str) -> CallReport {
    let report = play(&Program::of(Plan::outbound(persona, Some(flow)), 7));
    let text = report.to_text();
    let call = report.calls.into_iter().next().unwrap();
    let end = call.call.end.as_ref().unwrap();
    assert_eq!((end.reason, end.source), (reason, source), "{persona}\n{text}");
    let told = call.events.iter().filter_map(|event| match &event.body {
        EventBody::CommandCompleted { name, outcome, .. } => Some(match outcome {
            CommandOutcome::Completed => format!("{name} "),
            CommandOutcome::Cancelled => format!("{name}/cut "),
            CommandOutcome::Skipped => format!("{name}/skipped "),
            CommandOutcome::Failed { reason } => format!("{name}/{reason} "),
        }),
        _ => None,
    });
    assert_eq!(told.collect::<String>().trim(), outcomes, "{persona}\n{text}");
    call
}

fn gathered(call: &CallReport) -> String {
    let keys = call.events.iter().filter_map(|event| match &event.body {
        EventBody::GatherCompleted { keys, .. } => Some(keys.expose().clone()),
        _ => None,
    });
    keys.collect()
}

#[test]
fn personas_take_calls_as_their_catalogue_says() {
    use EndReason::{Busy, Failed, Hangup, NoAnswer, Rejected};
    use EndSource::{Callee, Flow, Timeout};
    let hello = || flow(vec![say("Hello, this is a call.")]);
    for (persona, reason, source, outcomes) in [
        ("+15005550000", Hangup, Flow, "say"),
        ("+15005550002", Hangup, Flow, "say"),
        ("+15005550005", Rejected, Callee, "say/cut"),
        ("+15005550006", Busy, Callee, "say/cut"),
        ("+15005550007", NoAnswer, Timeout, "say/cut"),
        ("+15005550008", Failed, Callee, "say/cut"),
        ("+15005550009", Failed, Callee, "say/cut"),
        ("+15005550010", Hangup, Flow, "say"),
        ("+15005550012", Hangup, Flow, "say"),
        ("+15005550013", Hangup, Flow, "say"),
        ("+15005550014", Hangup, Flow, "say"),
        ("+15005550015", Hangup, Flow, "say"),
        ("+15005550017", Hangup, Flow, "say"),
        ("+15005550018", Hangup, Flow, "say"),
        ("+15005550019", Hangup, Flow, "say"),
        ("+15005550020", Hangup, Flow, "say"),
    ] {
        check(persona, hello(), reason, source, outcomes);
    }
    let patience = flow(vec![FlowCommand::Pause(Pause { length_ms: 60_000 })]);
    check("+15005550001", patience.clone(), Hangup, Callee, "pause/cut");
    check("+15005550016", patience.clone(), EndReason::MediaTimeout, EndSource::MediaTimeout, "pause/cut");
    check("+15005550021", patience.clone(), Hangup, Flow, "pause");
    check("+15005550022", patience, Hangup, Flow, "pause");
}

#[test]
fn keys_are_heard_as_events_and_as_tones() {
    for persona in ["+15005550003", "+15005550004"] {
        let asked = flow(vec![gather(10), say("Thank you.")]);
        let call = check(persona, asked, EndReason::Hangup, EndSource::Flow, "gather say");
        assert_eq!(gathered(&call), "1234", "{persona}");
    }
}

#[test]
fn a_call_sounds_in_every_codec() {
    for codec in Codec::ALL {
        for persona in ["+15005550003", "+15005550004"] {
            let asked = flow(vec![gather(10), say("Thank you.")]);
            let plan = Plan { codecs: vec![codec], ..Plan::outbound(persona, Some(asked)) };
            let report = play(&Program::of(plan, 7));
            let (call, text) = (&report.calls[0], report.to_text());
            assert_eq!(gathered(call), "1234", "{codec:?} {persona}\n{text}");
            let figures = call.figures.unwrap();
            assert_eq!((figures.codec, figures.lost_packets), (Some(codec), 0), "{persona}");
            assert!(figures.mos.unwrap() > 4.0, "{codec:?}: {figures:?}");
        }
        let echo = flow(vec![say("Hello, hello."), FlowCommand::Pause(Pause { length_ms: 1_000 })]);
        let plan = Plan { codecs: vec![codec], ..Plan::outbound("+15005550002", Some(echo)) };
        let report = play(&Program { network: NetworkProfile::BAD, ..Program::of(plan, 7) });
        assert!(report.calls[0].figures.unwrap().received_packets > 30, "{codec:?} comes back");
    }
}

#[test]
fn what_is_recorded_ends_with_silence() {
    let record = FlowCommand::Record(Record {
        length_ms_max: 30_000,
        silence_ms: 2_000,
        beep: true,
        ..Record::default()
    });
    let call = check("+15005550014", flow(vec![record]), EndReason::Hangup, EndSource::Flow, "record");
    let recordings =
        call.events.iter().filter(|event| matches!(event.body, EventBody::RecordingCompleted { .. }));
    assert_eq!(recordings.count(), 1);
    let length = call.call.duration().unwrap().as_millis();
    assert!((4_000..12_000).contains(&length), "the menu speaks for about five seconds: {length}");
}

#[test]
fn a_persona_calls_and_the_app_answers() {
    let commands = vec![
        (1_500, CallCommand::Answer),
        (3_000, CallCommand::Say(words("Good day."))),
        (8_000, CallCommand::hangup()),
    ];
    let report = play(&Program::of(Plan::inbound("+15005550000", commands), 3));
    let call = &report.calls[0].call;
    assert_eq!(call.end.as_ref().unwrap().source, EndSource::Api, "{}", report.to_text());
    assert_eq!(call.duration().unwrap().as_millis() / 1_000, 6, "{}", report.to_text());
}

#[test]
fn nobody_decides_about_an_inbound_call() {
    let report = play(&Program::of(Plan::inbound("+15005550000", Vec::new()), 3));
    assert_eq!(report.calls[0].call.end.as_ref().unwrap().reason, EndReason::NoAnswer);
}

#[test]
fn the_same_seed_is_the_same_call_byte_for_byte() {
    let asked = Plan::outbound("+15005550003", Some(flow(vec![gather(10), say("Thank you.")])));
    let program = |seed| Program { network: NetworkProfile::BAD, ..Program::of(asked.clone(), seed) };
    let (first, again, other) = (play(&program(7)), play(&program(7)), play(&program(8)));
    assert_eq!(first, again);
    assert_ne!(first.digest, other.digest);
    for seed in 1..8 {
        assert_eq!(run(&random(seed), Telling::All), run(&random(seed), Telling::All), "seed {seed}");
    }
}

#[test]
fn telling_changes_nothing_but_the_timeline() {
    for seed in 1..8 {
        let (told, untold) = (run(&random(seed), Telling::All), run(&random(seed), Telling::Nothing));
        assert_eq!((told.digest, told.calls), (untold.digest, untold.calls), "seed {seed}");
    }
}

/// How long random programs are run; `cargo xtask sim` runs more. `SIM_SEED=<seed>` runs one alone.
const RANDOM: Duration = Duration::from_secs(15);

#[test]
fn random_programs_keep_the_invariants() {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let given = std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = given.map_or(clock..u64::MAX, |seed| seed..seed + 1);
    println!("seeds from {}", seeds.start);
    let began = Instant::now();
    let broken = |program: &Program| run(program, Telling::Nothing).violation;
    for seed in seeds.take_while(|_| began.elapsed() < RANDOM) {
        let program = random(seed);
        if let Some(violation) = broken(&program) {
            let small = shrink(&program, |program| broken(program).is_some());
            let report = run(&small, Telling::All);
            panic!(
                "{violation}\nreplay with SIM_SEED={seed}; made smaller, {:?}:\n{small:#?}\n{}",
                report.violation,
                report.to_text()
            );
        }
    }
}
