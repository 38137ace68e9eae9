//! What a call's events and facts say on its timeline: a line for a person, and a small detail under names that stay,
//! whatever becomes of the domain's own types. Ids stand there as UUIDs; a door spells them its own way.

mod amd;

use model::call::{Call, CallEnd, EndReason};
use model::event::{CommandOutcome, EventBody};
use model::leg::ReleaseCause;
use model::recording::{Recording, RecordingStatus};
use model::sound::{MediaFact, MediaFigures, SoundWay};
use model::timeline::TimelineKind;
use model::transcription::Transcription;
use model::{LegId, Pii};
use serde_json::{Value, json};

/// One line of a timeline, whoever's call and whenever.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Which part of the server speaks.
    pub kind: TimelineKind,
    /// One line for a person.
    pub summary: String,
    /// What a person may want to unfold.
    pub detail: Value,
}

/// What an event says. `call` is the row right after it.
pub fn event(call: &Call, body: &EventBody) -> Line {
    let kind = match body {
        EventBody::DigitReceived { .. } => TimelineKind::Dtmf,
        EventBody::GatherCompleted { .. }
        | EventBody::CommandStarted { .. }
        | EventBody::CommandCompleted { .. } => TimelineKind::Flow,
        EventBody::TranscriptionCompleted { .. } => TimelineKind::Speech,
        EventBody::AmdCompleted { .. } | EventBody::AmdGreetingEnded { .. } => TimelineKind::Media,
        EventBody::RecordingChanged { .. } | EventBody::RecordingCompleted { .. } => TimelineKind::Recording,
        _ => TimelineKind::Call,
    };
    let (summary, detail) = match body {
        EventBody::Initiated => ("accepted".into(), json!({ "event": "initiated" })),
        EventBody::Ringing { early_media } => {
            let sound = if *early_media { ", with sound" } else { "" };
            (format!("the far side rings{sound}"), json!({ "event": "ringing", "earlyMedia": early_media }))
        }
        EventBody::Answered => ("answered".into(), json!({ "event": "answered" })),
        EventBody::ParticipantJoined { leg, conference } => party(call, *leg, conference.as_deref(), true),
        EventBody::ParticipantLeft { leg, conference } => party(call, *leg, conference.as_deref(), false),
        EventBody::DigitReceived { digit, duration_ms } => (
            format!("key {} received", digit.expose()),
            json!({ "key": digit.expose(), "durationMs": duration_ms }),
        ),
        EventBody::GatherCompleted { command, keys, speech, confidence, ended_by } => {
            let sure = speech.as_ref().map(|_| confidence);
            let detail = json!({
                "commandId": command.to_string(),
                "endedBy": ended_by,
                "confidence": sure,
            });
            (gathered(keys, speech.as_ref()), detail)
        }
        EventBody::CommandStarted { command, name } => {
            let detail = json!({ "commandId": command.to_string(), "command": name, "status": "ongoing" });
            (format!("{name}: begun"), detail)
        }
        EventBody::CommandCompleted { command, name, outcome } => {
            let (status, reason) = match outcome {
                CommandOutcome::Completed => ("completed", None),
                CommandOutcome::Skipped => ("skipped", None),
                CommandOutcome::Cancelled => ("cancelled", None),
                CommandOutcome::Failed { reason } => ("failed", Some(reason)),
            };
            let command = command.to_string();
            let detail = json!({ "commandId": command, "command": name, "status": status, "reason": reason });
            (format!("{name}: {}", outcome_words(outcome)), detail)
        }
        EventBody::RecordingChanged { recording } => {
            let words = match recording.status {
                RecordingStatus::Paused => "recording paused",
                _ if recording.updated_at == Some(recording.started_at) => "recording started",
                _ => "recording resumed",
            };
            (words.to_owned(), recording_detail(recording))
        }
        EventBody::RecordingCompleted { recording } => {
            (format!("recording {}", word(json!(recording.status))), recording_detail(recording))
        }
        EventBody::TranscriptionCompleted { transcription } => transcription_line(transcription),
        EventBody::AmdCompleted { outcome } => (amd::outcome_words(outcome), amd::outcome_detail(outcome)),
        EventBody::AmdGreetingEnded { end } => {
            (amd::end_words(end), json!({ "greetingEnd": end.by, "beep": end.beep }))
        }
        EventBody::Ended(end) => (end_words(end), end_detail(call, end)),
    };
    Line { kind, summary, detail }
}

/// Who is connected, or no longer: a party of this call, or that of another one, or this one with a conference's.
fn party(call: &Call, leg: LegId, conference: Option<&str>, joined: bool) -> (String, Value) {
    let what = if joined { "joined" } else { "left" };
    match conference {
        Some(name) => (format!("{what} the conference {name}"), json!({ "conference": name })),
        None if leg.call == call.id => (format!("party {} {what}", leg.ordinal), Value::Null),
        None => {
            let line = if joined {
                "connected with another call"
            } else {
                "no longer connected with the other call"
            };
            (line.to_owned(), json!({ "callId": leg.call.to_string() }))
        }
    }
}

/// What was keyed or said.
fn gathered(keys: &Pii<String>, speech: Option<&Pii<String>>) -> String {
    match speech {
        Some(speech) => format!("heard \"{}\"", speech.expose()),
        None => format!("gathered \"{}\"", keys.expose()),
    }
}

fn transcription_line(transcription: &Transcription) -> (String, Value) {
    let detail = json!({
        "transcriptionId": transcription.id.to_string(),
        "recordingId": transcription.recording.to_string(),
        "status": transcription.status,
    });
    (format!("transcription {}", transcription.status.as_str()), detail)
}

/// The reason in one word, and what signalling said where that says more.
fn end_words(end: &CallEnd) -> String {
    let reason = word(json!(end.reason));
    match (end.cause.code, end.cause.phrase.as_str()) {
        (Some(code), phrase) if code >= 300 => format!("ended: {reason} ({code} {phrase})"),
        (None, phrase) if end.reason == EndReason::Failed && !phrase.is_empty() => {
            format!("ended: {reason} ({phrase})")
        }
        _ => format!("ended: {reason}"),
    }
}

fn recording_detail(recording: &Recording) -> Value {
    let Recording { id, status, source, origin, duration_ms, bytes, failure, ended_by, .. } = recording;
    json!({
        "recordingId": id.to_string(),
        "status": status,
        "source": source,
        "origin": origin,
        "endedBy": ended_by,
        "durationMs": duration_ms,
        "bytes": bytes,
        "reason": failure,
    })
}

fn end_detail(call: &Call, end: &CallEnd) -> Value {
    let ReleaseCause { code, phrase, q850, retry_after_s } = &end.cause;
    json!({
        "status": call.status,
        "reason": end.reason,
        "source": end.source,
        "code": code,
        "phrase": phrase,
        "q850": q850,
        "retryAfterS": retry_after_s,
    })
}

/// A unit variant, given as JSON (`no_answer`), for a person: `no answer`.
fn word(variant: Value) -> String {
    match variant {
        Value::String(word) => word.replace('_', " "),
        _ => String::new(),
    }
}

fn outcome_words(outcome: &CommandOutcome) -> String {
    match outcome {
        CommandOutcome::Completed => "completed".into(),
        CommandOutcome::Skipped => "skipped, its conditions do not hold".into(),
        CommandOutcome::Cancelled => "cancelled".into(),
        CommandOutcome::Failed { reason } => format!("failed: {reason}"),
    }
}

/// What a fact about a leg's sound says, if it is worth a line.
pub fn media(fact: &MediaFact) -> Option<Line> {
    let (summary, detail) = match fact {
        MediaFact::TimedOut { silent_ms } => (format!("no sound for {silent_ms} ms"), Value::Null),
        MediaFact::OneWay { missing: SoundWay::Received, since_ms } => {
            (format!("nothing of the far side has come for {since_ms} ms"), json!({ "missing": "received" }))
        }
        MediaFact::OneWay { missing: SoundWay::Sent, since_ms } => {
            let words = format!("by its reports, nothing of ours has reached the far side for {since_ms} ms");
            (words, json!({ "missing": "sent" }))
        }
        MediaFact::BothWays => ("sound goes both ways again".to_owned(), Value::Null),
        MediaFact::Silent { since_ms } => {
            (format!("nothing but digital silence has come for {since_ms} ms"), json!({ "silent": true }))
        }
        MediaFact::SilenceEnded => {
            ("there is sound in the far side's packets again".to_owned(), json!({ "silent": false }))
        }
        MediaFact::Figures(figures) => (figures_words(figures), json!(figures)),
        MediaFact::FirstSound => ("the first sound of the far side arrived".to_owned(), Value::Null),
        MediaFact::PlaybackFinished { played_ms, completed, .. } => {
            let how = if *completed { "to the end" } else { "and cut" };
            (format!("played {played_ms} ms {how}"), Value::Null)
        }
        MediaFact::DigitsSent { .. } => ("keys sent".to_owned(), Value::Null),
        MediaFact::DigitsFailed { reason, .. } => (format!("keys not sent: {reason}"), Value::Null),
        // Told only while somebody listens for it.
        MediaFact::VoiceStarted => ("the far side speaks".to_owned(), json!({ "voice": true })),
        MediaFact::VoiceStopped => ("the far side is silent".to_owned(), json!({ "voice": false })),
        MediaFact::NotJoined { reason } => {
            (format!("the sound could not be connected: {reason}"), Value::Null)
        }
        MediaFact::Amd(news) => return amd::news(news),
        // A key is an event.
        MediaFact::Digit { .. } => return None,
    };
    Some(Line { kind: TimelineKind::Media, summary, detail })
}

fn figures_words(figures: &MediaFigures) -> String {
    let span = if figures.total { "whole call" } else { "window" };
    let mos = figures.mos.map(|mos| format!(", MOS {mos:.2}")).unwrap_or_default();
    format!(
        "{span}: {} packets received, {} lost, {} sent, jitter {:.1} ms{mos}",
        figures.received_packets, figures.lost_packets, figures.sent_packets, figures.jitter_ms
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: Option<Line>, summary: &str, detail: &Value) {
        let line = line.unwrap();
        assert_eq!((line.summary.as_str(), &line.detail), (summary, detail));
    }

    #[test]
    fn what_the_far_side_did_can_be_read_by_machines() {
        check(media(&MediaFact::VoiceStarted), "the far side speaks", &json!({ "voice": true }));
        check(media(&MediaFact::VoiceStopped), "the far side is silent", &json!({ "voice": false }));
        assert_eq!(media(&MediaFact::Digit { digit: '1', duration_ms: 80 }), None);
        let body = EventBody::DigitReceived { digit: Pii::new('5'), duration_ms: 80 };
        let call = crate::tests::call();
        check(Some(event(&call, &body)), "key 5 received", &json!({ "key": "5", "durationMs": 80 }));
        check(Some(event(&call, &EventBody::Answered)), "answered", &json!({ "event": "answered" }));
    }
}
