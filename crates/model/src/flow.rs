//! The neutral vocabulary of call flows and of commands to a running call. Doors convert their own spelling
//! into it and check ranges by the limits that stand here.

use crate::id::CommandId;
use crate::secret::Pii;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A call flow: steps run one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// At most [`Flow::STEPS_MAX`].
    pub steps: Vec<Step>,
}

impl Flow {
    /// Longest flow.
    pub const STEPS_MAX: usize = 20;
}

/// One step: a command and the conditions under which it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Names the step in events and on the timeline.
    pub id: CommandId,
    /// What to do.
    pub command: FlowCommand,
    /// All must hold, against the last gather's result.
    pub conditions: Vec<Condition>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum FlowCommand {
    /// Speak a text.
    Say(Say),
    /// Play files.
    Playback(Playback),
    /// Collect keys.
    Gather(Gather),
    /// Record the far side.
    Record(Record),
    /// Wait.
    Pause(Pause),
    /// End the call.
    Hangup,
}

impl FlowCommand {
    /// The command's name in events and on the timeline.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Say(_) => "say",
            Self::Playback(_) => "playback",
            Self::Gather(_) => "gather",
            Self::Record(_) => "record",
            Self::Pause(_) => "pause",
            Self::Hangup => "hangup",
        }
    }
}

/// Speak a text. Its `Debug` shows no text: it may name people, or hold a code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Say {
    /// 1 to [`Say::TEXT_MAX`] characters.
    pub text: String,
    /// Language and region, as in `en-US`.
    pub locale: String,
    /// A voice of the speech engine.
    pub voice: Option<String>,
    /// How often, 1–100.
    pub times: u16,
}

impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text: _, locale, voice, times } = self;
        f.debug_struct("Say")
            .field("locale", locale)
            .field("voice", voice)
            .field("times", times)
            .finish_non_exhaustive()
    }
}

impl Say {
    /// Longest text, in characters.
    pub const TEXT_MAX: usize = 4096;
    /// Locale where none is given.
    pub const LOCALE: &'static str = "en-US";
}

/// Play files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playback {
    /// URLs or names in the media folder, 1 to [`Playback::MEDIA_MAX`].
    pub media: Vec<String>,
    /// How often the whole list, 1–100.
    pub times: u16,
    /// Silence between two files, 0–30,000.
    pub gap_ms: u32,
}

impl Playback {
    /// Most files in one command.
    pub const MEDIA_MAX: usize = 80;
    /// Most repetitions, here and in [`Say`].
    pub const TIMES_MAX: u16 = 100;
    /// Longest gap.
    pub const GAP_MS_MAX: u32 = 30_000;
}

/// Collect keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gather {
    /// Played first; a key cuts it (barge-in) and counts.
    pub prompt: Option<GatherPrompt>,
    /// Ends after so many keys, 1–64; without a limit an end key or the timeout ends it.
    pub keys_max: Option<u8>,
    /// Ends the input and is not part of it.
    pub end_key: Option<char>,
    /// To the first key (counted from the prompt's end), then between keys; 1,000–120,000.
    pub timeout_ms: u32,
    /// How often to ask again when nothing was keyed, 0–10.
    pub retries: u8,
}

impl Gather {
    /// Most keys of one input.
    pub const KEYS_MAX: u8 = 64;
    /// Timeout where none is given.
    pub const TIMEOUT_MS: u32 = 5_000;
    /// Longest timeout.
    pub const TIMEOUT_MS_MAX: u32 = 120_000;
    /// Most retries.
    pub const RETRIES_MAX: u8 = 10;
}

/// What a gather plays while it listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatherPrompt {
    /// Speak.
    Say(Say),
    /// Play.
    Playback(Playback),
}

/// Record the far side until a key, silence or the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Ends the recording.
    pub end_key: Option<char>,
    /// Longest recording, 1,000–14,400,000.
    pub length_ms_max: u32,
    /// So much silence ends it, 1,000–60,000.
    pub silence_ms: u32,
    /// Sound a tone first.
    pub beep: bool,
}

impl Record {
    /// Longest recording where none is given.
    pub const LENGTH_MS: u32 = 3_600_000;
    /// Longest recording at all.
    pub const LENGTH_MS_MAX: u32 = 14_400_000;
    /// Silence where none is given.
    pub const SILENCE_MS: u32 = 5_000;
    /// Most silence.
    pub const SILENCE_MS_MAX: u32 = 60_000;
}

/// Wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// 1,000–3,600,000.
    pub length_ms: u32,
}

impl Pause {
    /// Length where none is given.
    pub const LENGTH_MS: u32 = 1_000;
    /// Longest pause.
    pub const LENGTH_MS_MAX: u32 = 3_600_000;
}

/// A test against what the last gather collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What is tested.
    pub variable: Variable,
    /// How.
    pub operator: Operator,
    /// Against what, at most 256 characters.
    pub value: String,
}

/// A result of a gather.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// The keys.
    Keys,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Is the value.
    Eq,
    /// Is not the value.
    Ne,
    /// Holds the value.
    Contains,
}

/// An order of the app to a running call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum CallCommand {
    /// Accept an inbound call.
    Answer,
    /// Refuse an inbound call.
    Reject {
        /// The app's words for it, at most 500 characters; kept on the timeline.
        reason: Option<String>,
    },
    /// End the call.
    Hangup,
    /// Send keys to the far side.
    SendDigits {
        /// As in [`crate::sound::MediaOrder::SendDigits`].
        digits: Pii<String>,
    },
    /// Speak; what plays now is cut.
    Say(Say),
    /// Play; what plays now is cut.
    Playback(Playback),
    /// Cut what plays now.
    StopAudio,
    /// Record both sides from now on.
    StartRecording,
    /// Stop that recording.
    StopRecording,
}

impl CallCommand {
    /// The command's name in events and on the timeline.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Reject { .. } => "reject",
            Self::Hangup => "hangup",
            Self::SendDigits { .. } => "send_digits",
            Self::Say(_) => "say",
            Self::Playback(_) => "play_audio",
            Self::StopAudio => "stop_audio",
            Self::StartRecording => "start_recording",
            Self::StopRecording => "stop_recording",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::{DigitsId, MediaOrder, PromptSource};

    #[test]
    fn what_is_said_and_keyed_is_stored_as_it_is_and_never_shown() {
        let say = Say { text: "hush 4711".into(), locale: "en-US".into(), voice: None, times: 1 };
        let digits = Pii::new("4711".to_owned());
        let speech = PromptSource::Speech {
            text: Pii::new(say.text.clone()),
            locale: say.locale.clone(),
            voice: None,
        };
        let send = CallCommand::SendDigits { digits: digits.clone() };
        let order = MediaOrder::SendDigits { id: DigitsId(1), digits };
        let shown = format!("{say:?} {speech:?} {send:?} {order:?} {:?}", CallCommand::Say(say.clone()));
        assert!(!shown.contains("4711"), "{shown}");
        assert_eq!(serde_json::to_value(&send).unwrap()["digits"], "4711");
        assert_eq!(serde_json::to_value(&say).unwrap()["text"], "hush 4711");
    }
}
