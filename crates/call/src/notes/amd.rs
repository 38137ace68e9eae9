//! What a timeline says of who answered, and by what signs.

use super::{Line, word};
use model::amd::{
    AmdBeep, AmdEvidence, AmdFinding, AmdGreetingEnd, AmdGreetingEndedBy, AmdNews, AmdOutcome, AmdSign,
};
use model::timeline::TimelineKind;
use serde_json::{Value, json};

/// Who answered, and why it is thought so.
pub(super) fn outcome_words(outcome: &AmdOutcome) -> String {
    let finding = &outcome.finding;
    let result = word(json!(finding.result));
    format!("answered by: {result} ({}), known after {}", sign_words(finding), seconds(finding.at_ms))
}

/// All that was measured.
pub(super) fn outcome_detail(outcome: &AmdOutcome) -> Value {
    let AmdFinding { result, sign, words, at_ms, evidence } = &outcome.finding;
    json!({
        "amd": result,
        "sign": sign,
        "words": words,
        "atMs": at_ms,
        "locale": outcome.locale,
        "evidence": evidence,
    })
}

/// How a greeting's end was told.
pub(super) fn end_words(end: &AmdGreetingEnd) -> String {
    let at = seconds(end.at_ms);
    match (end.by, &end.beep) {
        (AmdGreetingEndedBy::Beep, Some(beep)) => format!("the greeting ended with a {}", beep_words(beep)),
        (AmdGreetingEndedBy::Beep, None) => format!("the greeting ended with a beep at {at}"),
        (AmdGreetingEndedBy::Silence, _) => format!("the greeting ended at {at}: silence"),
        (AmdGreetingEndedBy::Timeout, _) => format!("the greeting had no end until {at}"),
        (AmdGreetingEndedBy::CallEnded, _) => "the call ended before the greeting did".to_owned(),
    }
}

/// What has no event of its own.
pub(super) fn news(news: &AmdNews) -> Option<Line> {
    let (summary, detail) = match news {
        AmdNews::Decided(_) => return None,
        AmdNews::Beep(beep) => (beep_words(beep), json!(beep)),
        AmdNews::Silence { at_ms } => {
            (format!("silence after the greeting from {} on", seconds(*at_ms)), Value::Null)
        }
    };
    Some(Line { kind: TimelineKind::Media, summary, detail })
}

fn sign_words(finding: &AmdFinding) -> String {
    let AmdEvidence { greeting_ms, first_voice_ms, tonal_ms, .. } = finding.evidence;
    let greeting = format!("{} words in {}", finding.words, seconds(greeting_ms));
    match finding.sign {
        AmdSign::ShortGreeting => format!("a short greeting, {greeting}, then silence"),
        AmdSign::LongGreeting => format!("a long greeting, {greeting} so far"),
        AmdSign::ManyWords => format!("a greeting of {greeting}, then silence"),
        AmdSign::Beep if first_voice_ms.is_none() => "a beep".to_owned(),
        AmdSign::Beep => format!("a greeting of {greeting}, then a beep"),
        AmdSign::FaxTone => "the tone of a fax machine".to_owned(),
        AmdSign::Question => format!("a greeting of {greeting} that waits for an answer"),
        AmdSign::NoSpeech => "nobody spoke".to_owned(),
        AmdSign::Music => format!("music or tones for {}, no speech", seconds(tonal_ms)),
        AmdSign::CallEnded => "the call ended too early".to_owned(),
    }
}

fn beep_words(beep: &AmdBeep) -> String {
    let AmdBeep { frequencies_hz: [first, second], length_ms, at_ms } = beep;
    let hz = if *second == 0 { format!("{first} Hz") } else { format!("{first} and {second} Hz") };
    format!("beep of {hz} for {length_ms} ms at {}", seconds(*at_ms))
}

fn seconds(ms: u32) -> String {
    format!("{:.1} s", f64::from(ms) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::amd::{AmdNotify, AmdResult};

    #[test]
    fn a_person_reads_who_answered_and_why() {
        let check = |result, sign, first_voice_ms, expected: &str| {
            let evidence = AmdEvidence { first_voice_ms, greeting_ms: 2_940, ..AmdEvidence::default() };
            let finding = AmdFinding { result, sign, words: 9, at_ms: 4_140, evidence };
            let (locale, notify) = ("en-US".to_owned(), AmdNotify::WordCount);
            let outcome = AmdOutcome { finding, locale, notify, greeting_end: None };
            assert_eq!(outcome_words(&outcome), format!("answered by: {expected}, known after 4.1 s"));
            assert_eq!(outcome_detail(&outcome)["evidence"]["greetingMs"], 2_940);
        };
        check(
            AmdResult::Machine,
            AmdSign::Beep,
            Some(300),
            "machine (a greeting of 9 words in 2.9 s, then a beep)",
        );
        check(AmdResult::Machine, AmdSign::Beep, None, "machine (a beep)");
        check(
            AmdResult::Human,
            AmdSign::ShortGreeting,
            Some(300),
            "human (a short greeting, 9 words in 2.9 s, then silence)",
        );
        check(AmdResult::Fax, AmdSign::FaxTone, None, "fax (the tone of a fax machine)");
        check(AmdResult::Unknown, AmdSign::NoSpeech, None, "unknown (nobody spoke)");
    }

    #[test]
    fn a_beep_names_its_tones_length_and_place() {
        let beep = AmdBeep { frequencies_hz: [1_000, 0], length_ms: 400, at_ms: 6_210 };
        assert_eq!(news(&AmdNews::Beep(beep)).unwrap().summary, "beep of 1000 Hz for 400 ms at 6.2 s");
        let end = AmdGreetingEnd { by: AmdGreetingEndedBy::Silence, at_ms: 7_000, beep: None };
        assert_eq!(end_words(&end), "the greeting ended at 7.0 s: silence");
    }
}
