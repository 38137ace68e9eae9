//! Answering-machine detection: what is asked for, what was found, and by what signs. Times are milliseconds of the
//! far side's sound, from when the detector began to listen (the answer).

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// How a call is to be watched for a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmdSettings {
    /// A greeting of more words than this is no human's.
    pub word_count: u8,
    /// A greeting that lasts longer than this is no human's.
    pub speech_timeout_ms: u32,
    /// How long the end of a machine's greeting is waited for, from the result.
    pub beep_timeout_ms: u32,
    /// The language that is expected, as in `en-US`; echoed in the outcome.
    pub locale: String,
    /// When the app is told of a machine.
    pub notify: AmdNotify,
}

impl AmdSettings {
    /// Word counts that may be asked for.
    pub const WORD_COUNTS: RangeInclusive<u8> = 1..=30;
    /// Speech timeouts that may be asked for.
    pub const SPEECH_TIMEOUTS_MS: RangeInclusive<u32> = 1_000..=30_000;
    /// Beep timeouts that may be asked for.
    pub const BEEP_TIMEOUTS_MS: RangeInclusive<u32> = 1_000..=120_000;
}

impl Default for AmdSettings {
    fn default() -> Self {
        Self {
            word_count: 5,
            speech_timeout_ms: 3_000,
            beep_timeout_ms: 30_000,
            locale: "en-US".to_owned(),
            notify: AmdNotify::WordCount,
        }
    }
}

/// When the app is told of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmdNotify {
    /// As soon as it is known.
    #[default]
    WordCount,
    /// When its beep has sounded.
    Beep,
    /// When its greeting has been followed by silence, or by the beep.
    Silence,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmdResult {
    /// A person.
    Human,
    /// An answering machine or mailbox.
    Machine,
    /// A screener, which asks who is calling and waits for the answer.
    Screening,
    /// A fax machine.
    Fax,
    /// Nothing that could be told: silence, music, tones, noise.
    Unknown,
}

impl AmdResult {
    /// Its word in conditions and templates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Machine => "machine",
            Self::Screening => "screening",
            Self::Fax => "fax",
            Self::Unknown => "unknown",
        }
    }
}

/// The sign that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmdSign {
    /// A short greeting, then silence: somebody waits for an answer.
    ShortGreeting,
    /// A greeting that went on longer than any screener's.
    LongGreeting,
    /// A greeting of many words, then silence.
    ManyWords,
    /// A beep.
    Beep,
    /// A fax machine's tone.
    FaxTone,
    /// A greeting that ended as a question does, and no beep followed.
    Question,
    /// Nobody spoke in the time that was given.
    NoSpeech,
    /// Music, or a tone of the network, and no speech.
    Music,
    /// The call ended before it could be told.
    CallEnded,
}

/// What was measured until the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmdEvidence {
    /// When speech began; none if nobody spoke.
    pub first_voice_ms: Option<u32>,
    /// From the beginning of speech to its last sound.
    pub greeting_ms: u32,
    /// How much of it was voice.
    pub voiced_ms: u32,
    /// The longest pause within the greeting.
    pub longest_pause_ms: u32,
    /// Bursts of voice, parted by short pauses.
    pub bursts: u16,
    /// Loudness of the voice, dBFS.
    pub voice_dbfs: i8,
    /// Loudness of the line without it, dBFS.
    pub noise_dbfs: i8,
    /// How much of the sound was music or tones.
    pub tonal_ms: u32,
}

/// What the detector found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmdFinding {
    /// Who answered.
    pub result: AmdResult,
    /// The sign that decided.
    pub sign: AmdSign,
    /// Words of the greeting, by its syllables.
    pub words: u16,
    /// When it was decided.
    pub at_ms: u32,
    /// What was measured.
    pub evidence: AmdEvidence,
}

/// A beep: one tone, or two at once or in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmdBeep {
    /// Its frequencies; the second is 0 where there is one.
    pub frequencies_hz: [u16; 2],
    /// How long it sounded.
    pub length_ms: u32,
    /// When it began.
    pub at_ms: u32,
}

/// What the detector tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum AmdNews {
    /// The result. Told once.
    Decided(AmdFinding),
    /// A beep has sounded to its end. After it the far side records.
    Beep(AmdBeep),
    /// The greeting was followed by silence, so far without a beep. Told once for each greeting.
    Silence {
        /// When the silence began.
        at_ms: u32,
    },
}

/// The detection's outcome in a call's row and event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmdOutcome {
    /// Who answered, and by what signs.
    #[serde(flatten)]
    pub finding: AmdFinding,
    /// The language that was expected.
    pub locale: String,
    /// When the app wanted to be told of a machine.
    pub notify: AmdNotify,
    /// The end of the machine's greeting, where it was waited for and has come.
    pub greeting_end: Option<AmdGreetingEnd>,
}

impl AmdOutcome {
    /// Whether the app is to be told only when the greeting has ended ([`crate::event::EventBody::AmdGreetingEnded`]).
    pub const fn is_announced_later(&self) -> bool {
        matches!(self.finding.result, AmdResult::Machine) && !matches!(self.notify, AmdNotify::WordCount)
    }
}

/// The end of a machine's greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmdGreetingEnd {
    /// How it was told.
    pub by: AmdGreetingEndedBy,
    /// When.
    pub at_ms: u32,
    /// The beep, if it was one.
    pub beep: Option<AmdBeep>,
}

/// How the end of a greeting was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmdGreetingEndedBy {
    /// By the beep.
    Beep,
    /// By silence.
    Silence,
    /// It did not come in the time that was given.
    Timeout,
    /// The call ended before.
    CallEnded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_their_ranges() {
        let settings = AmdSettings::default();
        assert!(AmdSettings::WORD_COUNTS.contains(&settings.word_count));
        assert!(AmdSettings::SPEECH_TIMEOUTS_MS.contains(&settings.speech_timeout_ms));
        assert!(AmdSettings::BEEP_TIMEOUTS_MS.contains(&settings.beep_timeout_ms));
    }

    #[test]
    fn only_a_machine_can_be_announced_after_its_greeting() {
        let check = |result, notify, later: bool| {
            let evidence = AmdEvidence::default();
            let finding = AmdFinding { result, sign: AmdSign::Beep, words: 9, at_ms: 4_000, evidence };
            let outcome = AmdOutcome { finding, locale: "en-US".into(), notify, greeting_end: None };
            assert_eq!(outcome.is_announced_later(), later, "{result:?} {notify:?}");
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<AmdOutcome>(&json).unwrap(), outcome);
        };
        check(AmdResult::Machine, AmdNotify::WordCount, false);
        check(AmdResult::Machine, AmdNotify::Beep, true);
        check(AmdResult::Screening, AmdNotify::Silence, false);
        check(AmdResult::Human, AmdNotify::Beep, false);
    }
}
