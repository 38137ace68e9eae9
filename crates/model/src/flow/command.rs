//! Orders of the app to a running call. They share the flow's nouns.

use super::{Bridge, Conference, Flow, Gather, Hangup, Playback, Record, Ringing, Say, Transfer};
use crate::id::RecordingId;
use crate::secret::Pii;
use serde::{Deserialize, Serialize};

/// An order of the app to a running call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum CallCommand {
    /// Accept an inbound call.
    Answer,
    /// Let an inbound caller hear that it rings, and give the app more time.
    Ring(Ringing),
    /// Refuse an inbound call.
    Reject {
        /// The app's words for it, at most 500 characters; kept on the timeline.
        reason: Option<String>,
    },
    /// End the call, or refuse it with a cause.
    Hangup(Hangup),
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
    /// Collect keys or speech; a step or command that listens now is interrupted.
    Gather(Gather),
    /// Record the far side; a step or command that listens now is interrupted.
    Record(Record),
    /// Call somebody and connect the two.
    Bridge(Box<Bridge>),
    /// Record both sides from now on.
    StartRecording(StartRecording),
    /// Keep nothing for a while.
    PauseRecording(WhichRecording),
    /// Keep sound again.
    ResumeRecording(WhichRecording),
    /// Stop a recording.
    StopRecording(WhichRecording),
    /// Run another flow instead of the running one.
    ReplaceFlow(Flow),
    /// Hand the far side over to somebody else.
    Transfer(Transfer),
    /// Join a conference.
    JoinConference(Conference),
    /// Leave the conference.
    LeaveConference,
}

impl CallCommand {
    /// The command's name in events and on the timeline.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Ring(_) => "ringing",
            Self::Reject { .. } => "reject",
            Self::Hangup(_) => "hangup",
            Self::SendDigits { .. } => "send_digits",
            Self::Say(_) => "say",
            Self::Playback(_) => "play_audio",
            Self::StopAudio => "stop_audio",
            Self::Gather(_) => "gather",
            Self::Record(_) => "record",
            Self::Bridge(_) => "bridge",
            Self::StartRecording(_) => "start_recording",
            Self::PauseRecording(_) => "pause_recording",
            Self::ResumeRecording(_) => "resume_recording",
            Self::StopRecording(_) => "stop_recording",
            Self::ReplaceFlow(_) => "replace_flow",
            Self::Transfer(_) => "transfer",
            Self::JoinConference(_) => "join_conference",
            Self::LeaveConference => "leave_conference",
        }
    }

    /// Ends the call without a cause.
    pub const fn hangup() -> Self {
        Self::Hangup(Hangup { cause: None })
    }

    /// Records both sides in one channel, as long as the call lasts.
    pub const fn start_recording() -> Self {
        Self::StartRecording(StartRecording { stereo: false, length_ms_max: None })
    }

    /// Stops the recording that the app started and that runs.
    pub const fn stop_recording() -> Self {
        Self::StopRecording(WhichRecording { recording: None })
    }
}

/// How both sides are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StartRecording {
    /// Each side in a channel of its own.
    pub stereo: bool,
    /// Stops by itself after so long, 1,000–[`Record::LENGTH_MS_MAX`].
    pub length_ms_max: Option<u32>,
}

/// One of a call's recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WhichRecording {
    /// By its id; if none, the one that the app started by a command.
    pub recording: Option<RecordingId>,
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
