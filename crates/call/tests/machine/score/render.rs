//! What a machine puts out, in a score's words.

use super::{command_id, others};
use call::Output;
use model::call::{Call, CallEnd};
use model::event::{CommandOutcome, EventBody};
use model::leg::LegOrder;
use model::recording::RecordingStatus;
use model::sound::{MediaOrder, PromptOrder, PromptSource, RecordOrder};
use model::{CallId, CommandId, LegId, RecordingId};
use serde::Serialize;
use std::time::Duration;

/// Whole seconds where it can be said so.
pub(super) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis % 1_000 {
        _ if millis == 0 => "0".to_owned(),
        0 => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}

/// A line; none for a note. Recordings are numbered as they are ordered.
pub(super) fn output(
    output: &Output,
    recordings: &mut Vec<RecordingId>,
    children: &mut Vec<CallId>,
) -> Option<String> {
    if let Some(line) = others::output(output, children) {
        return Some(line);
    }
    Some(match output {
        Output::Leg(_, order) => format!("leg {}", leg(order)),
        Output::Media(_, order) => media(order),
        Output::Prompt(PromptOrder::Prepare { prompt, source }) => {
            format!("prepare p{} {}", prompt.0, source_text(source))
        }
        Output::Record(_, RecordOrder::Start { recording, source }) => {
            recordings.push(*recording);
            format!("record r{} {}", recordings.len(), word(source))
        }
        Output::Record(_, RecordOrder::Pause { recording }) => {
            format!("pause recording {}", number(*recording, recordings))
        }
        Output::Record(_, RecordOrder::Resume { recording }) => {
            format!("resume recording {}", number(*recording, recordings))
        }
        Output::Record(_, RecordOrder::Stop { recording }) => {
            format!("stop recording {}", number(*recording, recordings))
        }
        Output::Fetch(fetch) => format!("fetch {}: {}", fetch.id.0, fetch.url),
        // Told by a test of its own; here it would stand before every step.
        Output::Event { body: EventBody::CommandStarted { .. }, .. } => return None,
        Output::Event { body, call } => event(body, call, recordings),
        // The words of others.rs are taken already.
        Output::Note { .. }
        | Output::Child(..)
        | Output::Parent(_)
        | Output::Conference(_)
        | Output::Queue(_) => return None,
    })
}

fn leg(order: &LegOrder) -> String {
    match order {
        LegOrder::Dial { ring_timeout_ms } => format!("dial {}", millis(*ring_timeout_ms)),
        LegOrder::Ring { early_media } => format!("ring{}", if *early_media { " early" } else { "" }),
        LegOrder::Answer => "answer".to_owned(),
        LegOrder::Reject { refusal } => format!("reject {}", word(refusal)),
        LegOrder::HangUp => "hang up".to_owned(),
        LegOrder::Hold => "hold".to_owned(),
        LegOrder::Resume => "resume".to_owned(),
        LegOrder::Transfer { .. } | LegOrder::AnswerTransfer { .. } => unreachable!("of others.rs"),
    }
}

fn media(order: &MediaOrder) -> String {
    match order {
        MediaOrder::Play { playback, prompts, times, gap_ms } => {
            let prompts: Vec<String> = prompts.iter().map(|prompt| format!("p{}", prompt.0)).collect();
            let times = if *times == 1 { String::new() } else { format!(" x{times}") };
            let gap = if *gap_ms == 0 { String::new() } else { format!(" gap {}", millis(*gap_ms)) };
            format!("play {}: {}{times}{gap}", playback.0, prompts.join(" "))
        }
        MediaOrder::StopPlayback { playback } => format!("stop {}", playback.0),
        MediaOrder::SendDigits { id, digits } => format!("send {}: {}", id.0, digits.expose()),
        MediaOrder::WatchVoice { on } => format!("watch voice {}", if *on { "on" } else { "off" }),
        MediaOrder::Listen(listening) => {
            let hints = if listening.hints.is_empty() {
                String::new()
            } else {
                format!(" for {}", listening.hints.join(", "))
            };
            format!("listen {} {}{hints}", listening.listen.0, listening.locale)
        }
        MediaOrder::StopListening { listen } => format!("stop listening {}", listen.0),
        MediaOrder::DetectMachine { .. } => "detect machine".to_owned(),
        MediaOrder::StopDetecting => "stop detecting".to_owned(),
        MediaOrder::Bridge { .. } | MediaOrder::Join { .. } | MediaOrder::Unbridge => {
            unreachable!("of others.rs")
        }
    }
}

fn source_text(source: &PromptSource) -> String {
    match source {
        PromptSource::Speech { text, .. } => format!("say \"{}\"", text.expose()),
        PromptSource::Media { location } => format!("play {location}"),
        PromptSource::Beep => "beep".to_owned(),
        PromptSource::RingTone { country } => format!("tone {country}"),
        PromptSource::HoldMusic => "music".to_owned(),
    }
}

fn event(body: &EventBody, call: &Call, recordings: &[RecordingId]) -> String {
    let status = word(&call.status);
    match body {
        EventBody::Initiated => "initiated".to_owned(),
        EventBody::Ringing { early_media } => {
            format!("ringing{} [{status}]", if *early_media { " early" } else { "" })
        }
        EventBody::Answered => format!("answered [{status}]"),
        EventBody::ParticipantJoined { leg, conference } => {
            format!("joined{}", party(call, *leg, conference.as_deref()))
        }
        EventBody::ParticipantLeft { leg, conference } => {
            format!("left{}", party(call, *leg, conference.as_deref()))
        }
        EventBody::DigitReceived { digit, .. } => format!("digit {}", digit.expose()),
        EventBody::GatherCompleted { command, keys, speech, ended_by, .. } => {
            let taken = speech.as_ref().unwrap_or(keys).expose();
            format!("gathered {} \"{taken}\" by {}", name(*command), word(ended_by))
        }
        EventBody::CommandStarted { command, name: what } => format!("{what} {} begun", name(*command)),
        EventBody::CommandCompleted { command, name: what, outcome } => {
            format!("{what} {} {}", name(*command), outcome_text(outcome))
        }
        EventBody::RecordingChanged { recording } => {
            let turn = if recording.status == RecordingStatus::Paused { "paused" } else { "on" };
            format!("recording {} {turn}", number(recording.id, recordings))
        }
        EventBody::RecordingCompleted { recording } => {
            let number = number(recording.id, recordings);
            let failure = recording.failure.as_ref().map(|it| format!(" \"{it}\"")).unwrap_or_default();
            let kept = recording.duration_ms.map(|it| format!(" {}", millis(it))).unwrap_or_default();
            let span = duration(recording.ended_at.unwrap_or_default() - recording.started_at);
            format!("recording {number} {}{kept}{failure} after {span}", word(&recording.status))
        }
        EventBody::TranscriptionCompleted { transcription } => {
            format!("transcription {}", transcription.status.as_str())
        }
        EventBody::AmdCompleted { outcome } => {
            assert_eq!(call.amd.as_ref(), Some(outcome), "the row and the event tell the same");
            format!("amd {} by {}", word(&outcome.finding.result), word(&outcome.finding.sign))
        }
        EventBody::AmdGreetingEnded { end } => format!("greeting ended by {}", word(&end.by)),
        EventBody::Ended(end) => ended(end, call),
    }
}

/// Nothing for the call's own party.
fn party(call: &Call, leg: LegId, conference: Option<&str>) -> String {
    match conference {
        Some(name) => format!(" conference {name}"),
        None if leg.call == call.id => String::new(),
        None => " other".to_owned(),
    }
}

fn ended(end: &CallEnd, call: &Call) -> String {
    assert_eq!(call.end.as_ref(), Some(end), "the row and the event tell the same end");
    let code = end.cause.code.map(|code| format!(" {code}")).unwrap_or_default();
    let after = call.duration().map(|it| format!(" after {}", duration(it))).unwrap_or_default();
    let (status, reason, source) = (word(&call.status), word(&end.reason), word(&end.source));
    format!("ended [{status}] {reason} by {source}{code}{after}")
}

fn outcome_text(outcome: &CommandOutcome) -> String {
    match outcome {
        CommandOutcome::Completed => "completed".to_owned(),
        CommandOutcome::Skipped => "skipped".to_owned(),
        CommandOutcome::Cancelled => "cancelled".to_owned(),
        CommandOutcome::Failed { reason } => format!("failed \"{reason}\""),
    }
}

/// A unit variant's serialised name.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn name(id: CommandId) -> String {
    let numbers = || (1..=400).flat_map(|number| [('s', number), ('c', number)]);
    let named = numbers().find(|(kind, number)| command_id(*kind, *number) == id);
    // A step that was fetched has an id that the machine made.
    named.map_or("fetched".to_owned(), |(kind, number)| format!("{kind}{number}"))
}

fn number(id: RecordingId, recordings: &[RecordingId]) -> String {
    recordings.iter().position(|other| *other == id).map_or("r?".to_owned(), |at| format!("r{}", at + 1))
}

fn millis(millis: u32) -> String {
    duration(Duration::from_millis(millis.into()))
}
