//! Answering-machine detection as this door spells it: the `amd` field of a new call, and what was found.

use crate::http::fields::Fields;
use model::amd::{
    AmdBeep, AmdGreetingEnd, AmdGreetingEndedBy, AmdNotify, AmdOutcome, AmdResult, AmdSettings, AmdSign,
};
use model::fault::Fault;
use serde::Serialize;

/// Longest language tag, in characters.
const LOCALE_CHARS_MAX: usize = 35;
/// The door's words for the moment of the notice.
const NOTICES: &[(&str, AmdNotify)] =
    &[("word_count", AmdNotify::WordCount), ("beep", AmdNotify::Beep), ("silence", AmdNotify::Silence)];

/// Takes the settings, where they were given.
pub(super) fn take(fields: &mut Fields, name: &'static str) -> Result<Option<AmdSettings>, Fault> {
    let path = fields.path(name);
    let Some(value) = fields.take(name) else { return Ok(None) };
    let mut fields = Fields::of_value(path, value)?;
    let usual = AmdSettings::default();
    let settings = AmdSettings {
        word_count: fields.integer("wordCount", AmdSettings::WORD_COUNTS)?.unwrap_or(usual.word_count),
        speech_timeout_ms: fields
            .integer("speechTimeoutMs", AmdSettings::SPEECH_TIMEOUTS_MS)?
            .unwrap_or(usual.speech_timeout_ms),
        beep_timeout_ms: fields
            .integer("beepTimeoutMs", AmdSettings::BEEP_TIMEOUTS_MS)?
            .unwrap_or(usual.beep_timeout_ms),
        locale: fields.text("locale", 2..=LOCALE_CHARS_MAX)?.unwrap_or(usual.locale),
        notify: fields.choice("notifyAfter", NOTICES)?.unwrap_or(usual.notify),
    };
    fields.finish()?;
    Ok(Some(settings))
}

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AmdView<'a> {
    result: &'static str,
    reason: &'static str,
    words: u16,
    decided_after_ms: u32,
    locale: &'a str,
    evidence: EvidenceView,
    greeting_end: Option<GreetingEndView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvidenceView {
    first_voice_ms: Option<u32>,
    greeting_ms: u32,
    voiced_ms: u32,
    longest_pause_ms: u32,
    voice_dbfs: i8,
    noise_dbfs: i8,
    tonal_ms: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GreetingEndView {
    ended_by: &'static str,
    at_ms: u32,
    beep: Option<BeepView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BeepView {
    frequencies_hz: Vec<u16>,
    length_ms: u32,
    at_ms: u32,
}

impl<'a> AmdView<'a> {
    /// Of what a call's row says.
    pub(super) fn new(outcome: &'a AmdOutcome) -> Self {
        let finding = &outcome.finding;
        let evidence = &finding.evidence;
        Self {
            result: result(finding.result),
            reason: sign(finding.sign),
            words: finding.words,
            decided_after_ms: finding.at_ms,
            locale: &outcome.locale,
            evidence: EvidenceView {
                first_voice_ms: evidence.first_voice_ms,
                greeting_ms: evidence.greeting_ms,
                voiced_ms: evidence.voiced_ms,
                longest_pause_ms: evidence.longest_pause_ms,
                voice_dbfs: evidence.voice_dbfs,
                noise_dbfs: evidence.noise_dbfs,
                tonal_ms: evidence.tonal_ms,
            },
            greeting_end: outcome.greeting_end.as_ref().map(GreetingEndView::new),
        }
    }
}

impl GreetingEndView {
    fn new(end: &AmdGreetingEnd) -> Self {
        let ended_by = match end.by {
            AmdGreetingEndedBy::Beep => "beep",
            AmdGreetingEndedBy::Silence => "silence",
            AmdGreetingEndedBy::Timeout => "timeout",
            AmdGreetingEndedBy::CallEnded => "call_ended",
        };
        Self { ended_by, at_ms: end.at_ms, beep: end.beep.as_ref().map(BeepView::new) }
    }
}

impl BeepView {
    fn new(beep: &AmdBeep) -> Self {
        let frequencies_hz = beep.frequencies_hz.into_iter().filter(|hz| *hz > 0).collect();
        Self { frequencies_hz, length_ms: beep.length_ms, at_ms: beep.at_ms }
    }
}

const fn result(result: AmdResult) -> &'static str {
    match result {
        AmdResult::Human => "human",
        AmdResult::Machine => "machine",
        AmdResult::Screening => "screening",
        AmdResult::Fax => "fax",
        AmdResult::Unknown => "unknown",
    }
}

const fn sign(sign: AmdSign) -> &'static str {
    match sign {
        AmdSign::ShortGreeting => "short_greeting",
        AmdSign::LongGreeting => "long_greeting",
        AmdSign::ManyWords => "many_words",
        AmdSign::Beep => "beep",
        AmdSign::FaxTone => "fax_tone",
        AmdSign::Question => "question",
        AmdSign::NoSpeech => "no_speech",
        AmdSign::Music => "music",
        AmdSign::CallEnded => "call_ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn taken(amd: Value) -> Result<Option<AmdSettings>, Fault> {
        let mut fields = Fields::of_body([("amd".to_owned(), amd)].into_iter().collect());
        take(&mut fields, "amd")
    }

    #[test]
    fn an_empty_object_asks_for_the_defaults_and_nothing_for_nothing() {
        assert_eq!(taken(json!({})).unwrap(), Some(AmdSettings::default()));
        assert_eq!(taken(Value::Null).unwrap(), None);
        let settings = taken(json!({ "wordCount": 9, "notifyAfter": "silence", "beepTimeoutMs": 1_000 }));
        let settings = settings.unwrap().unwrap();
        assert_eq!((settings.word_count, settings.notify), (9, AmdNotify::Silence));
        assert_eq!((settings.beep_timeout_ms, settings.speech_timeout_ms), (1_000, 3_000));
    }

    #[test]
    fn complaints_name_the_field() {
        let check = |amd: Value, field: &str| {
            assert_eq!(taken(amd).unwrap_err().param.as_deref(), Some(field));
        };
        check(json!(true), "amd");
        check(json!({ "wordCount": 31 }), "amd.wordCount");
        check(json!({ "speechTimeoutMs": 999 }), "amd.speechTimeoutMs");
        check(json!({ "beepTimeoutMs": 120_001 }), "amd.beepTimeoutMs");
        check(json!({ "notifyAfter": "wordCount" }), "amd.notifyAfter");
        check(json!({ "enabled": true }), "amd.enabled");
    }
}
