//! A second opinion on a call's flow: walks the steps one after the other with a clock and the keys that were heard, and
//! says what must have come of each. Shares nothing with the call machine but the vocabulary. Where two things happened
//! so close together that either could be first, it has no opinion.

use crate::faults::Lie;
use crate::plan::{Plan, Program};
use crate::report::{CallReport, Report};
use crate::sound::voice;
use crate::violation::Violation;
use model::call::{Direction, EndReason, EndSource};
use model::event::{CommandOutcome, EventBody, GatherEnd};
use model::flow::{FlowCommand, Gather, GatherPrompt, Playback, Say};
use model::{CommandId, Timestamp};
use std::time::Duration;

/// Closer together than this, either may have been first: ticks of sound, prompts that were just ready.
const SLACK: Duration = Duration::from_millis(150);
/// How long a persona of the catalogue rings, and what that may take on the wire.
const RINGS: Duration = Duration::from_millis(2_000);

/// Where the call machine and this model disagree, if they do.
pub fn disagreement(program: &Program, report: &Report) -> Option<Violation> {
    let opinionated = report.finished && program.shutdown_at_ms.is_none();
    let calls = program.calls.iter().zip(&report.calls).enumerate();
    calls.filter(|_| opinionated && program.calls.len() == report.calls.len()).find_map(
        |(at, (plan, call))| {
            let checked = check(program, plan, call);
            let ended_at = call.call.ended_at.unwrap_or(report.ended_at);
            checked.err().map(|what| Violation { call: at, at: ended_at, what })
        },
    )
}

fn check(program: &Program, plan: &Plan, report: &CallReport) -> Result<(), String> {
    if plan.direction == Direction::Inbound || !plan.commands.is_empty() || plan.recorded.is_some() {
        return Ok(());
    }
    match report.call.answered_at {
        None => check_unanswered(program, plan, report),
        Some(answered_at) => check_flow(program, plan, report, answered_at),
    }
}

/// Who does not answer, and why, where nothing else can have gone wrong.
fn check_unanswered(program: &Program, plan: &Plan, report: &CallReport) -> Result<(), String> {
    let faithful = program.network.is_faithful() && program.faults.carrier == Lie::None;
    let Some(end) = report.call.end.as_ref().filter(|_| faithful) else { return Ok(()) };
    let expected = match plan.persona.as_str() {
        "+15005550005" => EndReason::Rejected,
        "+15005550006" => EndReason::Busy,
        "+15005550007" => EndReason::NoAnswer,
        "+15005550008" | "+15005550009" => EndReason::Failed,
        // Late, or sent elsewhere: it may ring too long.
        "+15005550018" | "+15005550020" => return Ok(()),
        _ if plan.settings.answer_after_ms.is_some() => return Ok(()),
        _ if Duration::from_millis(plan.ring_timeout_ms.into()) < RINGS => return Ok(()),
        who => return Err(format!("{who} answers, but the call ended as {:?}", end.reason)),
    };
    // One that refuses only after it rang may ring too long.
    if end.reason == EndReason::NoAnswer || end.reason == expected {
        return Ok(());
    }
    Err(format!("{} ends a call as {expected:?}, not as {:?}", plan.persona, end.reason))
}

/// What is known of one command of the flow.
struct Done<'a> {
    id: CommandId,
    name: &'a str,
    outcome: &'a CommandOutcome,
    at: Timestamp,
}

/// The call as it was seen from outside.
struct Seen<'a> {
    done: Vec<Done<'a>>,
    keys: Vec<(Timestamp, char)>,
    gathered: Vec<(CommandId, &'a str, GatherEnd)>,
}

impl<'a> Seen<'a> {
    fn new(report: &'a CallReport) -> Self {
        let mut seen = Seen { done: Vec::new(), keys: Vec::new(), gathered: Vec::new() };
        for event in &report.events {
            match &event.body {
                EventBody::CommandCompleted { command, name, outcome } => {
                    seen.done.push(Done { id: *command, name, outcome, at: event.at });
                }
                EventBody::DigitReceived { digit, .. } => seen.keys.push((event.at, *digit.expose())),
                EventBody::GatherCompleted { command, keys, ended_by, .. } => {
                    seen.gathered.push((*command, keys.expose(), *ended_by));
                }
                _ => {}
            }
        }
        seen
    }
}

/// How a step must have gone.
enum Verdict {
    /// To its end, at this moment.
    At(Timestamp),
    /// To its end, at this moment at the latest.
    By(Timestamp),
    /// Nobody can say.
    Unknown,
}

fn check_flow(
    program: &Program,
    plan: &Plan,
    report: &CallReport,
    answered_at: Timestamp,
) -> Result<(), String> {
    let faults = &program.faults;
    let Some(flow) = plan.flow.as_ref() else { return Ok(()) };
    if faults.speech_slow_ms > 0 || faults.speech_fails_permille > 0 {
        return Ok(());
    }
    let seen = Seen::new(report);
    let (mut now, mut keys) = (answered_at, String::new());
    let mut done = seen.done.iter();
    for (number, step) in flow.steps.iter().enumerate() {
        let Some(step_done) = done.next() else { return cut_short(report, number) };
        let name = step.command.name();
        if step_done.name != name {
            return Err(format!("step {number} is {name}, but {} was completed", step_done.name));
        }
        if step_done.outcome == &CommandOutcome::Cancelled {
            return cut_short(report, number);
        }
        if !step.conditions.iter().all(|condition| condition.holds(&keys)) {
            expect(step_done.outcome == &CommandOutcome::Skipped, || {
                format!("step {number} ({name}) was to be skipped and is {:?}", step_done.outcome)
            })?;
            continue;
        }
        if meets_others(&step.command) {
            // What others do is not for this model to say; an attended transfer may end the call.
            expect(step_done.outcome != &CommandOutcome::Skipped, || {
                format!("step {number} ({name}) was skipped")
            })?;
            let ends = matches!(step.command, FlowCommand::Transfer(_));
            if ends && step_done.outcome == &CommandOutcome::Completed {
                return Ok(());
            }
            now = step_done.at;
            continue;
        }
        expect(step_done.outcome == &CommandOutcome::Completed, || {
            format!("step {number} ({name}) is {:?}", step_done.outcome)
        })?;
        match walk(&step.command, now, &mut keys, &seen, step_done)? {
            Verdict::At(at) => expect(apart(at, step_done.at) <= SLACK, || {
                format!("step {number} ({name}) ended at {:?}, not at {at:?}", step_done.at)
            })?,
            Verdict::By(at) => expect(step_done.at <= at + SLACK, || {
                format!("step {number} ({name}) ended at {:?}, after {at:?}", step_done.at)
            })?,
            Verdict::Unknown => return Ok(()),
        }
        now = step_done.at;
        if matches!(step.command, FlowCommand::Hangup(_)) {
            break;
        }
    }
    let source = report.call.end.as_ref().map(|end| end.source);
    expect(source.is_some_and(|source| source != EndSource::Api), || "nobody hung up".to_owned())
}

const fn meets_others(command: &FlowCommand) -> bool {
    use FlowCommand::{Bridge, Conference, Queue, Transfer};
    matches!(command, Bridge(_) | Conference(_) | Queue(_) | Transfer(_))
}

/// The call ended while a step ran: then not by its flow.
fn cut_short(report: &CallReport, number: usize) -> Result<(), String> {
    let source = report.call.end.as_ref().map(|end| end.source);
    expect(source != Some(EndSource::Flow), || format!("step {number} never ended, but the flow did"))
}

fn walk(
    command: &FlowCommand,
    now: Timestamp,
    keys: &mut String,
    seen: &Seen<'_>,
    done: &Done<'_>,
) -> Result<Verdict, String> {
    Ok(match command {
        FlowCommand::Say(say) => Verdict::At(now + say_length(say)),
        FlowCommand::Playback(playback) => Verdict::At(now + playback_length(playback)),
        FlowCommand::Pause(pause) => Verdict::At(now + ms(pause.length_ms)),
        FlowCommand::Hangup(_) => Verdict::At(now),
        FlowCommand::Record(record) => {
            let beep = if record.beep { voice::BEEP_MS } else { 0 };
            Verdict::By(now + ms(beep) + ms(record.length_ms_max))
        }
        FlowCommand::Gather(gather) => return listen(gather, now, keys, seen, done),
        _ => return Err(format!("this model does not know {}", command.name())),
    })
}

/// Walks through a gather with the keys that were heard.
fn listen(
    gather: &Gather,
    now: Timestamp,
    keys: &mut String,
    seen: &Seen<'_>,
    done: &Done<'_>,
) -> Result<Verdict, String> {
    let prompt = gather.prompt.as_ref().map_or(Duration::ZERO, |prompt| match prompt {
        GatherPrompt::Say(say) => say_length(say),
        GatherPrompt::Playback(playback) => playback_length(playback),
    });
    let close = |a: Timestamp, b: Timestamp| apart(a, b) <= SLACK;
    if seen.keys.iter().any(|(at, _)| close(*at, now)) {
        return Ok(Verdict::Unknown);
    }
    let mut heard = seen.keys.iter().filter(|(at, _)| *at > now).peekable();
    let mut deadline = now + prompt + ms(gather.timeout_ms);
    let mut retries = gather.retries;
    let mut got = String::new();
    let most = usize::from(gather.keys_max.unwrap_or(Gather::KEYS_MAX));
    let (at, ended_by) = loop {
        match heard.peek() {
            Some((at, _)) if close(*at, deadline) => return Ok(Verdict::Unknown),
            Some(&&(at, key)) if at < deadline => {
                heard.next();
                if Some(key) == gather.end_key {
                    break (at, GatherEnd::EndKey);
                }
                got.push(key);
                if got.len() >= most {
                    break (at, GatherEnd::KeysMax);
                }
                deadline = at + ms(gather.timeout_ms);
            }
            _ if got.is_empty() && retries > 0 => {
                retries -= 1;
                deadline = deadline + prompt + ms(gather.timeout_ms);
            }
            _ => break (deadline, GatherEnd::Timeout),
        }
    };
    *keys = got;
    let told = seen.gathered.iter().find(|gathered| gathered.0 == done.id);
    expect(told.is_some_and(|told| told.1 == keys && told.2 == ended_by), || {
        format!("the gather took {keys:?} by {ended_by:?}, but told {told:?}")
    })?;
    // Each time the prompt is played again, the ticks of its sound add up.
    let slack = if ended_by == GatherEnd::Timeout { Verdict::By(at + SLACK) } else { Verdict::At(at) };
    Ok(slack)
}

fn say_length(say: &Say) -> Duration {
    frames(voice::length_ms(&say.text)) * u32::from(say.times.max(1))
}

fn playback_length(playback: &Playback) -> Duration {
    let times = u32::from(playback.times.max(1));
    let sounds = times * u32::try_from(playback.media.len()).unwrap_or(u32::MAX);
    frames(voice::FILE_MS) * sounds + frames(playback.gap_ms) * sounds.saturating_sub(1)
}

/// Sound is played in frames of 20 ms.
fn frames(length_ms: u32) -> Duration {
    ms(length_ms.div_ceil(20) * 20)
}

fn ms(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
