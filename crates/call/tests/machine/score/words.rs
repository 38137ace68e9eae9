//! Reads a score's words: header, flow, inputs.

use super::{command_id, finished, ms, new_call, others, render};
use call::{FetchId, Input};
use model::call::{Call, CallSetup, Direction};
use model::flow::{
    CallCommand, Condition, Dtmf, Flow, FlowCommand, Gather, GatherInput, GatherPrompt, Goto, Hangup, Label,
    Operator, Pause, Playback, Record, Ringing, Say, Set, StartRecording, Step, Variable, Webhook,
    WhichRecording,
};
use model::leg::{LegEnd, LegEndKind, LegEndedBy, LegFact, ReleaseCause};
use model::recording::{RecordStart, SessionRecord};
use model::sound::{DigitsId, MediaFact, PlaybackId, PromptFact, PromptId, RecordFact};
use model::speech::{ListenId, SpeechFact};
use model::{CallId, LegId, RecordingId};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// What a line starting with `+` asks for.
pub(super) enum Cue {
    Timeout,
    Input(Box<dyn Fn(LegId) -> Input>),
    /// A command of the app; `forced` past the check that the door makes.
    App {
        command: CallCommand,
        forced: bool,
    },
}

/// Inputs, outputs and the last line, without header, blank lines and needless space.
pub(super) fn normalised(score: &str) -> String {
    let mut lines = Vec::new();
    for line in body(score) {
        match input(line) {
            Some((delay, text)) => lines.push(format!("+{} {text}", render::duration(delay))),
            None if line == "open" || line == "done" => lines.push(line.to_owned()),
            None => lines.push(format!("    {line}")),
        }
    }
    lines.join("\n")
}

/// The inputs with the time since the one before.
pub(super) fn inputs(score: &str) -> Vec<(Duration, String)> {
    body(score).filter_map(input).collect()
}

/// The call that the first lines speak of.
pub(super) fn header(score: &str) -> (Call, CallSetup) {
    let mut lines = lines(score).take_while(|line| !line.starts_with('+'));
    let first = tokens(lines.next().unwrap());
    let direction = if first[0] == "inbound" { Direction::Inbound } else { Direction::Outbound };
    let (mut call, mut setup) = new_call(direction);
    for option in first[1..].chunks(2) {
        if option[0] == "answer" {
            setup.answer_at_once = option[1] == "at-once";
            continue;
        }
        if option[0] == "record" {
            let start =
                if option[1].starts_with("ringing") { RecordStart::Ringing } else { RecordStart::Answer };
            setup.record = Some(SessionRecord { start, stereo: option[1].ends_with("stereo") });
            continue;
        }
        if option[0] == "parent" {
            call.parent = Some(others::stranger());
            continue;
        }
        let value = millis(&option[1]);
        match option[0].as_str() {
            "ring" => setup.ring_timeout_ms = value,
            "max" => setup.max_duration_ms = value,
            "decide" => setup.decision_timeout_ms = value,
            other => panic!("no such limit: {other}"),
        }
    }
    let steps: Vec<Step> = lines.enumerate().map(|(at, line)| step(at, line)).collect();
    setup.flow = (!steps.is_empty()).then_some(Flow { steps });
    (call, setup)
}

/// What an input line says.
pub(super) fn cue(text: &str, recordings: &[RecordingId], children: &[CallId]) -> Cue {
    let words = tokens(text);
    if let Some(cue) = others::cue(&words, children) {
        return cue;
    }
    let rest = &words[1..];
    let first = rest.first().cloned().unwrap_or_default();
    match words[0].as_str() {
        "timeout" => Cue::Timeout,
        "start" => simple(Input::Start),
        "shutdown" => simple(Input::Shutdown),
        "trying" => leg(LegFact::Trying),
        "ringing" => leg(LegFact::Ringing { early_media: first == "early" }),
        "answered" => leg(LegFact::Answered),
        "ended" => leg(LegFact::Ended(leg_end(rest))),
        "app" if first == "replace" => {
            let plan = steps(text.split_once("replace ").unwrap().1);
            Cue::App { command: CallCommand::ReplaceFlow(plan), forced: false }
        }
        "fetched" => simple(Input::Fetched(
            FetchId(first.parse().unwrap()),
            match rest[1].as_str() {
                "nothing" => Ok(None),
                "failed" => Err(rest[2].clone()),
                _ => Ok(Some(steps(text.splitn(3, ' ').nth(2).unwrap()))),
            },
        )),
        "app" => Cue::App { command: command(rest, recordings), forced: false },
        "force" => Cue::App { command: command(rest, recordings), forced: true },
        "key" => media(MediaFact::Digit { digit: first.chars().next().unwrap(), duration_ms: 100 }),
        "played" => media(finished_playback(&first, true)),
        "cut" => media(finished_playback(&first, false)),
        "sent" => media(MediaFact::DigitsSent { id: DigitsId(first.parse().unwrap()) }),
        "unsent" => {
            media(MediaFact::DigitsFailed { id: DigitsId(first.parse().unwrap()), reason: rest[1].clone() })
        }
        "voice" if first == "on" => media(MediaFact::VoiceStarted),
        "voice" => media(MediaFact::VoiceStopped),
        // `heard 1 "yes please" 0.9`, `misheard 1 "why"`.
        "heard" => simple(Input::Speech(SpeechFact::Heard {
            listen: ListenId(first.parse().unwrap()),
            text: rest[1].clone().into(),
            confidence: rest.get(2).map(|confidence| confidence.parse().unwrap()),
        })),
        "misheard" => simple(Input::Speech(SpeechFact::Failed {
            listen: ListenId(first.parse().unwrap()),
            reason: rest[1].clone(),
        })),
        "silent" => media(MediaFact::TimedOut { silent_ms: millis(&first) }),
        "sound" => media(MediaFact::FirstSound),
        "ready" => {
            let duration_ms = rest.get(1).map_or(2_000, |length| millis(length));
            simple(Input::Prompt(PromptFact::Ready { prompt: prompt(&first), duration_ms }))
        }
        "failed" => {
            simple(Input::Prompt(PromptFact::Failed { prompt: prompt(&first), reason: rest[1].clone() }))
        }
        "recording" => record(RecordFact::Started { recording: recording(&first, recordings) }),
        "file" => record(finished(recording(&first, recordings))),
        "nofile" => {
            record(RecordFact::Failed { recording: recording(&first, recordings), reason: rest[1].clone() })
        }
        other => panic!("no such input: {other}"),
    }
}

fn lines(score: &str) -> impl Iterator<Item = &str> {
    score.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"))
}

fn body(score: &str) -> impl Iterator<Item = &str> {
    lines(score).skip_while(|line| !line.starts_with('+'))
}

fn input(line: &str) -> Option<(Duration, String)> {
    let (delay, text) = line.strip_prefix('+')?.split_once(' ').unwrap();
    Some((ms(millis(delay).into()), text.trim().to_owned()))
}

pub(super) fn simple(input: Input) -> Cue {
    Cue::Input(Box::new(move |_| input.clone()))
}

pub(super) fn leg(fact: LegFact) -> Cue {
    Cue::Input(Box::new(move |leg| Input::Leg(leg, fact.clone())))
}

pub(super) fn media(fact: MediaFact) -> Cue {
    Cue::Input(Box::new(move |leg| Input::Media(leg, fact.clone())))
}

fn record(fact: RecordFact) -> Cue {
    simple(Input::Record(fact))
}

fn finished_playback(number: &str, completed: bool) -> MediaFact {
    MediaFact::PlaybackFinished { playback: PlaybackId(number.parse().unwrap()), played_ms: 500, completed }
}

/// `busy by remote 486`.
fn leg_end(words: &[String]) -> LegEnd {
    let (kind, by): (LegEndKind, LegEndedBy) = (from_word(&words[0]), from_word(&words[2]));
    let code = words.get(3).map(|code| code.parse().unwrap());
    LegEnd { kind, by, cause: ReleaseCause { code, ..ReleaseCause::default() } }
}

pub(super) fn from_word<T: DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(word.into()).unwrap()
}

fn prompt(word: &str) -> PromptId {
    PromptId(word.trim_start_matches('p').parse().unwrap())
}

fn recording(word: &str, recordings: &[RecordingId]) -> RecordingId {
    recordings[word.trim_start_matches('r').parse::<usize>().unwrap() - 1]
}

fn command(words: &[String], recordings: &[RecordingId]) -> CallCommand {
    let which = WhichRecording { recording: option(words, "of").map(|word| recording(word, recordings)) };
    match words[0].as_str() {
        "answer" => CallCommand::Answer,
        "reject" => CallCommand::Reject { reason: words.get(1).cloned() },
        "hangup" => CallCommand::Hangup(hangup(words)),
        "ring" => CallCommand::Ring(Ringing { early_media: words.len() > 1 }),
        "gather" => CallCommand::Gather(gather(words)),
        "record" => CallCommand::Record(Record::default()),
        "send_digits" => CallCommand::SendDigits { digits: words[1].clone().into() },
        "say" => CallCommand::Say(say(words)),
        "play" => CallCommand::Playback(playback(words)),
        "stop_audio" => CallCommand::StopAudio,
        "start_recording" => CallCommand::StartRecording(StartRecording {
            stereo: words.iter().any(|word| word == "stereo"),
            length_ms_max: option(words, "max").map(millis),
        }),
        "pause_recording" => CallCommand::PauseRecording(which),
        "resume_recording" => CallCommand::ResumeRecording(which),
        "stop_recording" => CallCommand::StopRecording(which),
        other => panic!("no such command: {other}"),
    }
}

/// `flow: if keys == 1 and keys != 2: say "One"`.
fn step(at: usize, line: &str) -> Step {
    let line = line.strip_prefix("flow: ").unwrap();
    let (conditions, text) = match line.strip_prefix("if ") {
        Some(rest) => rest.split_once(": ").unwrap(),
        None => ("", line),
    };
    let conditions = conditions.split(" and ").filter(|text| !text.is_empty()).map(condition).collect();
    Step { id: command_id('s', at as u64 + 1), command: flow_command(text), conditions }
}

fn flow_command(text: &str) -> FlowCommand {
    let words = tokens(text);
    match words[0].as_str() {
        "label" => FlowCommand::Label(Label { name: words[1].clone() }),
        "goto" => FlowCommand::Goto(Goto { label: words[1].clone() }),
        "set" => FlowCommand::Set(Set { variable: words[1].clone(), value: words[2].clone().into() }),
        "dtmf" => FlowCommand::Dtmf(Dtmf { digits: words[1].clone().into() }),
        "webhook" => FlowCommand::Webhook(Webhook {
            url: words[1].clone(),
            timeout_ms: option(&words, "timeout").map_or(Webhook::TIMEOUT_MS, millis),
            on_failure: option(&words, "else").map(str::to_owned),
        }),
        "answer" => FlowCommand::Answer,
        "ringing" => FlowCommand::Ringing(Ringing { early_media: words.len() > 1 }),
        "say" => FlowCommand::Say(say(&words)),
        "play" => FlowCommand::Playback(playback(&words)),
        "gather" => FlowCommand::Gather(gather(&words)),
        "record" => FlowCommand::Record(Record {
            end_key: option(&words, "end").map(key),
            length_ms_max: option(&words, "max").map_or(Record::LENGTH_MS, millis),
            silence_ms: option(&words, "silence").map_or(Record::SILENCE_MS, millis),
            beep: words.iter().any(|word| word == "beep"),
            ..Record::default()
        }),
        "pause" => FlowCommand::Pause(Pause { length_ms: millis(&words[1]) }),
        "hangup" => FlowCommand::Hangup(hangup(&words)),
        other => others::step(&words).unwrap_or_else(|| panic!("no such step: {other}")),
    }
}

fn hangup(words: &[String]) -> Hangup {
    Hangup { cause: words.get(1).map(|cause| from_word(cause)) }
}

/// `say "One" / goto a`: steps with the ids from `s11` on.
fn steps(text: &str) -> Flow {
    let steps = text.split(" / ").enumerate().map(|(at, text)| step(at + 10, &format!("flow: {text}")));
    Flow { steps: steps.collect() }
}

fn condition(text: &str) -> Condition {
    let words = tokens(text);
    let operator = match words[1].as_str() {
        "==" => Operator::Eq,
        "!=" => Operator::Ne,
        "has" => Operator::Contains,
        other => panic!("no such operator: {other}"),
    };
    let variable = match words[0].as_str() {
        "keys" => Variable::Keys,
        "speech" => Variable::Speech,
        name => Variable::Named(name.to_owned()),
    };
    Condition { variable, operator, value: words[2].clone() }
}

fn say(words: &[String]) -> Say {
    Say { text: words[1].clone(), locale: Say::LOCALE.to_owned(), voice: None, times: times(words) }
}

fn playback(words: &[String]) -> Playback {
    let media = words[1..].iter().filter(|word| word.contains('.')).cloned().collect();
    Playback { media, times: times(words), gap_ms: option(words, "gap").map_or(0, millis) }
}

fn gather(words: &[String]) -> Gather {
    let prompt = match words.get(1).map(String::as_str) {
        Some("say") => Some(GatherPrompt::Say(say(&words[1..]))),
        Some("play") => Some(GatherPrompt::Playback(playback(&words[1..]))),
        _ => None,
    };
    Gather {
        prompt,
        keys_max: option(words, "keys").map(|keys| keys.parse().unwrap()),
        end_key: option(words, "end").map(key),
        timeout_ms: option(words, "timeout").map_or(Gather::TIMEOUT_MS, millis),
        retries: option(words, "retries").map_or(0, |retries| retries.parse().unwrap()),
        input: option(words, "input").map_or(GatherInput::Dtmf, from_word),
        speech_locale: option(words, "locale").unwrap_or(Say::LOCALE).to_owned(),
    }
}

fn times(words: &[String]) -> u16 {
    let times = |word: &String| word.strip_prefix('x').and_then(|times| times.parse().ok());
    words.iter().find_map(times).unwrap_or(1)
}

pub(super) fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == name)?;
    words.get(at + 1).map(String::as_str)
}

pub(super) fn key(word: &str) -> char {
    word.chars().next().unwrap()
}

/// `0`, `200ms`, `3s`, `2m`.
pub(super) fn millis(text: &str) -> u32 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u32 = digits.parse().unwrap_or_else(|_| panic!("no time: {text}"));
    match &text[digits.len()..] {
        "" if number == 0 => 0,
        "ms" => number,
        "s" => number * 1_000,
        "m" => number * 60_000,
        other => panic!("no unit: {other}"),
    }
}

/// Words; what stands between double quotes is one.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for (at, part) in text.split('"').enumerate() {
        if at % 2 == 1 {
            tokens.push(part.to_owned());
        } else {
            tokens.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    tokens
}
