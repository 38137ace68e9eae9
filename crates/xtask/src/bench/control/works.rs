//! What is measured: calls that are answered, calls that are placed, and requests. One step each: a fresh server, a
//! rate, and what came of it.

use super::bare::{self, Bare, nanos};
use super::callees::{self, Callees, Manner, Seen};
use super::callers::Callers;
use super::ladder::Step;
use super::lyrebird::{Lyrebird, media_folder};
use super::orders::{self, Asked};
use crate::bench::stats::Histogram;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The number that is called, or calls.
const OURS: &str = "+4930100000";
/// How long the last calls may take to end.
const DRAIN_MAX: Duration = Duration::from_secs(4);
/// Messages that the server reads in an answered call: INVITE, ACK, and the answer to its BYE.
const READ_PER_ANSWERED: usize = 3;
/// Requests a second of the `api` benchmark, unless told otherwise.
const API_RATE: f64 = 200.0;

/// One of the benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Calls to a number that answers and hangs up.
    Answer,
    /// Calls placed over a trunk, answered, heard, and hung up by the callee.
    Originate,
    /// Calls placed over a trunk where everybody is busy, then read.
    Api,
}

type Failed = std::io::Error;

impl Work {
    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Answer, Self::Originate, Self::Api].into_iter().find(|work| work.name() == name)
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Originate => "originate",
            Self::Api => "api",
        }
    }

    /// Calls a second to begin with.
    pub(super) const fn first_rate(self) -> f64 {
        match self {
            Self::Answer => 400.0,
            Self::Originate => 100.0,
            Self::Api => API_RATE,
        }
    }

    /// Whether one rate is measured, and not the highest looked for.
    pub(super) const fn is_fixed(self) -> bool {
        matches!(self, Self::Api)
    }

    /// What its two spans of time are.
    pub(super) const fn spans(self) -> [&'static str; 2] {
        match self {
            Self::Answer => ["inviteToAnswer", "answerToBye"],
            Self::Originate => ["requestToAcknowledged", "acknowledgedToInvite"],
            Self::Api => ["postToAcknowledged", "getToAnswer"],
        }
    }

    /// What the machine itself costs.
    pub(super) fn bare(self) -> Result<Bare, String> {
        let bare = match self {
            Self::Answer => bare::echo(READ_PER_ANSWERED),
            Self::Originate | Self::Api => bare::write_and_answer(&order(0, self), &media_folder()),
        };
        bare.map_err(|error| format!("the bare loop: {error}"))
    }

    /// One step.
    pub(super) fn step(self, rate: f64, span: Duration) -> Result<Step, String> {
        let server = Lyrebird::start()?;
        match self {
            Self::Answer => answer(&server, rate, span),
            Self::Originate => place(&server, rate, span, Manner::Listen),
            Self::Api => place(&server, rate, span, Manner::Busy),
        }
    }
}

fn answer(server: &Lyrebird, rate: f64, span: Duration) -> Result<Step, String> {
    let failed = |error: Failed| format!("the callers: {error}");
    let callers = Callers::new().map_err(failed)?;
    server.connect(callers.address(), OURS, Some(json!([{ "command": "hangup" }])))?;
    let before = server.cpu_ns();
    let calls = callers.run(server.sip, OURS, rate, span).map_err(failed)?;
    let cpu_ns = server.cpu_ns().saturating_sub(before);
    let problem = format!("{} of {} good, {} sent again", calls.good, calls.offered, calls.again);
    let refused = calls.refusal.as_deref().map(|line| format!(", {line}")).unwrap_or_default();
    Ok(Step {
        rate,
        is_clean: calls.is_clean(),
        cpu_ms: cpu_ns as f64 / 1e6 / calls.offered.max(1) as f64,
        first: percentiles(&calls.set_up),
        second: percentiles(&calls.talk),
        problem: (!calls.is_clean()).then(|| problem + &refused),
    })
}

fn order(call: usize, work: Work) -> String {
    let mut order = json!({ "from": OURS, "to": callees::number(call) });
    if let (Work::Originate, Some(fields)) = (work, order.as_object_mut()) {
        let flow = json!([{ "command": "playback", "media": ["prompt.wav"] }]);
        fields.insert("flow".to_owned(), flow);
    }
    order.to_string()
}

fn place(server: &Lyrebird, rate: f64, span: Duration, manner: Manner) -> Result<Step, String> {
    write_prompt().map_err(|error| format!("the prompt: {error}"))?;
    let callees = Callees::start(manner).map_err(|error| format!("the callees: {error}"))?;
    server.connect(callees.address(), OURS, None)?;
    let work = if manner == Manner::Busy { Work::Api } else { Work::Originate };
    let count = (rate * span.as_secs_f64()) as usize;
    let before = server.cpu_ns();
    let door = (server.http, server.live.as_str());
    let asked =
        orders::ask(door, rate, count, |number| ("POST", "/v1/calls".to_owned(), order(number, work)));
    let end = Instant::now();
    // The last calls ring, are heard and hung up; that goes on while the callees listen.
    std::thread::sleep(DRAIN_MAX.min(span / 2));
    let cpu_ns = server.cpu_ns().saturating_sub(before);
    let got = if manner == Manner::Busy { read_back(door, rate, &asked) } else { Histogram::new() };
    let seen = callees.finish()?;
    let (acknowledged, invited) = times(&asked, &seen);
    let problem = problem(&asked, &seen, end);
    Ok(Step {
        rate,
        is_clean: problem.is_none(),
        cpu_ms: cpu_ns as f64 / 1e6 / count.max(1) as f64,
        first: percentiles(&acknowledged),
        second: percentiles(if manner == Manner::Busy { &got } else { &invited }),
        problem,
    })
}

/// Gets the calls that were placed, at the same rate.
fn read_back(door: (std::net::SocketAddr, &str), rate: f64, asked: &[Asked]) -> Histogram {
    let id = |asked: &Asked| {
        let body: Value = serde_json::from_slice(&asked.body).ok()?;
        Some(body.get("id")?.as_str()?.to_owned())
    };
    let ids: Vec<String> = asked.iter().filter_map(id).collect();
    let path = |number: usize| format!("/v1/calls/{}", ids.get(number).map_or("", String::as_str));
    let got = orders::ask(door, rate, ids.len(), |number| ("GET", path(number), String::new()));
    let mut times = Histogram::new();
    for asked in got.iter().filter(|asked| asked.status == 200) {
        times.add(nanos(asked.answered - asked.due));
    }
    times
}

/// From the request to its 2xx, and from there to the INVITE.
fn times(asked: &[Asked], seen: &[Seen]) -> (Histogram, Histogram) {
    let (mut acknowledged, mut invited) = (Histogram::new(), Histogram::new());
    for asked in asked.iter().filter(|asked| asked.status == 201) {
        acknowledged.add(nanos(asked.answered - asked.due));
        if let Some(at) = seen.get(asked.number).and_then(|seen| seen.invited) {
            invited.add(nanos(at.saturating_duration_since(asked.answered)));
        }
    }
    (acknowledged, invited)
}

/// What went wrong, if anything did.
fn problem(asked: &[Asked], seen: &[Seen], end: Instant) -> Option<String> {
    let accepted = asked.iter().filter(|asked| asked.status == 201).count();
    let over = seen.iter().filter(|seen| seen.over).count();
    let again: u32 = seen.iter().map(|seen| seen.invites.saturating_sub(1)).sum();
    let late = asked.iter().map(|asked| asked.due).max().map_or(Duration::ZERO, |due| end - due);
    let kept_up = late < Duration::from_millis(500);
    if accepted == asked.len() && over == asked.len() && again == 0 && kept_up {
        return None;
    }
    let other = asked.iter().find(|asked| asked.status != 201);
    let other = other.map(|asked| format!(", {} {}", asked.status, String::from_utf8_lossy(&asked.body)));
    let count = asked.len();
    let late = late.as_millis();
    Some(format!(
        "{accepted} of {count} accepted, {over} over, {again} INVITEs sent again, last answer {late} ms late{}",
        other.unwrap_or_default()
    ))
}

fn percentiles(times: &Histogram) -> [f64; 2] {
    [times.percentile_ms(0.5), times.percentile_ms(0.99)]
}

/// Ten seconds of a tone, as telephone sound in a wav.
fn write_prompt() -> std::io::Result<()> {
    const RATE: u32 = 8_000;
    let samples =
        (0..RATE * 10).flat_map(|at| if at / 8 % 2 == 0 { 4_000_i16 } else { -4_000 }.to_le_bytes());
    let sound: Vec<u8> = samples.collect();
    let bytes = u32::try_from(sound.len()).unwrap_or(u32::MAX);
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(bytes + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(RATE * 2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend_from_slice(&sound);
    let folder = media_folder();
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("prompt.wav"), wav)
}
