//! What is said on a call: the order to listen for it, what was understood, and transcripts of whole recordings.
//! Knows no engine that understands speech.

use crate::flow::{FlowCommand, Step, Variable};
use crate::secret::Pii;
use serde::{Deserialize, Serialize};

/// One listening for something that is said, numbered by the brain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListenId(pub u32);

/// How to listen, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The number of this listening.
    pub listen: ListenId,
    /// Language and region, as in `en-US`.
    pub locale: String,
    /// Words that are likely to be said; at most [`Listening::HINTS_MAX`]. None: anything may be said.
    pub hints: Vec<String>,
    /// So much silence after speech ends it.
    pub end_silence_ms: u32,
    /// Longest speech; what is longer is cut and understood as far as it goes.
    pub length_ms_max: u32,
}

impl Listening {
    /// Silence that ends what is said.
    pub const END_SILENCE_MS: u32 = 800;
    /// Longest speech.
    pub const LENGTH_MS_MAX: u32 = 30_000;
    /// Most hints.
    pub const HINTS_MAX: usize = 64;
    /// Longest hint in characters.
    pub const HINT_CHARS_MAX: usize = 64;
}

/// What became of a listening. It is answered by exactly one of these once somebody has spoken, and by none before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SpeechFact {
    /// Something was said, and understood.
    Heard {
        /// Which listening.
        listen: ListenId,
        /// The words; empty if it was no speech.
        text: Pii<String>,
        /// How sure the engine is, 0 to 1; none if it does not say.
        confidence: Option<f32>,
    },
    /// Something was said that could not be turned into words.
    Failed {
        /// Which listening.
        listen: ListenId,
        /// Why, in words for the app's developer.
        reason: String,
    },
}

/// What was said in a stretch of sound.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// In the order they begin.
    pub segments: Vec<Segment>,
}

/// One utterance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// When it begins, from the beginning of the sound.
    pub start_ms: u32,
    /// When it ends.
    pub end_ms: u32,
    /// Who speaks: the channel, from 0.
    pub speaker: u8,
    /// The words.
    pub text: Pii<String>,
    /// How sure the engine is, 0 to 1; none if it does not say.
    pub confidence: Option<f32>,
}

impl Transcript {
    /// All words, utterances separated by a space.
    pub fn text(&self) -> Pii<String> {
        let texts: Vec<&str> = self.segments.iter().map(|segment| segment.text.expose().as_str()).collect();
        Pii::new(texts.join(" "))
    }

    /// The mean of what the utterances say of themselves, each by its length; none if none does.
    pub fn confidence(&self) -> Option<f32> {
        let (mut sum, mut weight) = (0.0, 0.0);
        for segment in &self.segments {
            let length = segment.end_ms.saturating_sub(segment.start_ms).max(1) as f32;
            if let Some(confidence) = segment.confidence {
                sum += confidence * length;
                weight += length;
            }
        }
        (weight > 0.0).then(|| (sum / weight).clamp(0.0, 1.0))
    }
}

/// What is likely to be said to each step that is a gather, from the conditions on speech that stand between it and the
/// next one; where there are none, from those of the whole flow. As many lists as steps.
pub fn hints(steps: &[Step]) -> Vec<Vec<String>> {
    let of = |steps: &[Step]| {
        let mut hints: Vec<String> = Vec::new();
        let conditions = steps.iter().flat_map(|step| &step.conditions);
        for condition in conditions.filter(|condition| condition.variable == Variable::Speech) {
            let hint = condition.value.trim().to_lowercase();
            let fits = !hint.is_empty() && hint.chars().count() <= Listening::HINT_CHARS_MAX;
            if fits && hints.len() < Listening::HINTS_MAX && !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints
    };
    let mut all = Vec::with_capacity(steps.len());
    let mut rest = steps;
    while let Some((step, after)) = rest.split_first() {
        rest = after;
        let next = after.iter().position(is_gather).unwrap_or(after.len());
        let own = if is_gather(step) { of(after.get(..next).unwrap_or_default()) } else { Vec::new() };
        all.push(if own.is_empty() && is_gather(step) { of(steps) } else { own });
    }
    all
}

fn is_gather(step: &Step) -> bool {
    matches!(step.command, FlowCommand::Gather(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start_ms: u32, end_ms: u32, text: &str, confidence: Option<f32>) -> Segment {
        Segment { start_ms, end_ms, speaker: 0, text: text.to_owned().into(), confidence }
    }

    #[test]
    fn a_transcript_is_as_sure_as_its_utterances_by_their_length() {
        let check = |segments: Vec<Segment>, text: &str, confidence: Option<f32>| {
            let transcript = Transcript { segments };
            assert_eq!(transcript.text().expose(), text);
            assert_eq!(transcript.confidence(), confidence, "{text}");
        };
        check(vec![], "", None);
        check(vec![segment(0, 500, "yes", None)], "yes", None);
        check(vec![segment(0, 500, "yes", Some(0.5)), segment(900, 900, "no", None)], "yes no", Some(0.5));
        check(vec![segment(0, 300, "a", Some(1.0)), segment(500, 600, "b", Some(0.6))], "a b", Some(0.9));
    }

    #[test]
    fn a_gather_expects_what_the_steps_after_it_ask_for() {
        use crate::flow::{Condition, Gather, Operator, Pause};
        let mut ids = crate::IdSource::new(1);
        let mut step = |command: FlowCommand, speech: &[&str]| Step {
            id: crate::CommandId::generate(&mut ids, crate::Timestamp::default()),
            command,
            conditions: speech
                .iter()
                .map(|value| Condition {
                    variable: Variable::Speech,
                    operator: Operator::Contains,
                    value: (*value).to_owned(),
                })
                .collect(),
        };
        let gather = || FlowCommand::Gather(Gather::default());
        let pause = || FlowCommand::Pause(Pause { length_ms: 1_000 });
        let steps = [
            step(gather(), &[]),
            step(pause(), &["Yes", "yes "]),
            step(pause(), &["no"]),
            step(gather(), &["maybe"]),
            step(pause(), &[" "]),
        ];
        let all = ["yes", "no", "maybe"];
        assert_eq!(hints(&steps), [vec!["yes", "no"], vec![], vec![], all.to_vec(), vec![]]);
    }

    #[test]
    fn what_was_said_is_not_shown() {
        let fact =
            SpeechFact::Heard { listen: ListenId(1), text: "hush".to_owned().into(), confidence: None };
        let shown = format!("{fact:?} {:?}", segment(0, 1, "hush", None));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
