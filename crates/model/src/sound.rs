//! What the brain orders of the sound of a leg, and what it hears of it: prompts, playback, digits, recording.

use crate::amd::{AmdNews, AmdSettings};
use crate::id::{LegId, RecordingId};
use crate::secret::Pii;
use crate::speech::{ListenId, Listening};
use serde::{Deserialize, Serialize};

/// What Opus is sent with on average, bits a second: telephony's wideband speech.
pub const OPUS_BITRATE_BPS: u32 = 24_000;

/// A codec that a leg can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus, one channel.
    Opus,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    /// Units of the RTP time stamp a second. G.722 counts 8,000 although it has 16,000 samples (RFC 3551 §4.5.2);
    /// Opus counts 48,000 whatever it was made of (RFC 7587 §4.1).
    pub const fn rtp_clock_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// Samples a second that it is decoded to and encoded from.
    pub const fn sample_rate_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
            Self::G722 => 16_000,
            Self::Opus => 48_000,
        }
    }

    /// The payload type that RFC 3551 gives it; none: one is agreed for each session.
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::G722 => Some(9),
            Self::Opus => None,
        }
    }

    /// Its spelling in the interface and the configuration, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
            Self::G722 => "g722",
            Self::Opus => "opus",
        }
    }

    /// By its spelling in the interface.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }
}

/// A prompt of one call: numbered by the brain, resolved to sound outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PromptId(pub u32);

/// One playback of prompts on a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlaybackId(pub u32);

/// One sequence of digits being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DigitsId(pub u32);

/// Where a prompt's sound comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PromptSource {
    /// Text to be spoken.
    Speech {
        /// What to say.
        text: Pii<String>,
        /// Language and region, as in `en-US`.
        locale: String,
        /// A voice of the speech engine; its default if none.
        voice: Option<String>,
    },
    /// A file: an https URL, or a name within the configured media folder.
    Media {
        /// URL or name.
        location: String,
    },
    /// The tone that says "speak now".
    Beep,
    /// One cycle of what a country lets its callers hear while the far side rings.
    RingTone {
        /// ISO 3166, two letters in lower case.
        country: String,
    },
    /// One round of a tune to wait by.
    HoldMusic,
}

/// Plays until it is stopped, as [`MediaOrder::Play`]'s `times`.
pub const FOREVER: u16 = u16::MAX;

/// An order to make sound ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PromptOrder {
    /// Fetch, decode, synthesise: whatever it takes. Answered by exactly one [`PromptFact`].
    Prepare {
        /// The number it will be played by.
        prompt: PromptId,
        /// What it is.
        source: PromptSource,
    },
}

/// What became of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PromptFact {
    /// It can be played.
    Ready {
        /// Which one.
        prompt: PromptId,
        /// Its length.
        duration_ms: u32,
    },
    /// It cannot.
    Failed {
        /// Which one.
        prompt: PromptId,
        /// Why, in words for the app's developer.
        reason: String,
    },
}

/// An order about the sound of one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaOrder {
    /// Play prompts one after the other; what plays now is cut.
    Play {
        /// The number of this playback.
        playback: PlaybackId,
        /// Prompts that are ready, in order.
        prompts: Vec<PromptId>,
        /// How often the whole sequence is played, from 1.
        times: u16,
        /// Silence between two prompts.
        gap_ms: u32,
    },
    /// Cut a playback at once. Answered by its `PlaybackFinished`.
    StopPlayback {
        /// Which one.
        playback: PlaybackId,
    },
    /// Send digits to the far side; `w` waits half a second, `W` one second.
    SendDigits {
        /// The number of this sequence.
        id: DigitsId,
        /// `0`–`9`, `*`, `#`, `w`, `W`; at most 64.
        digits: Pii<String>,
    },
    /// Report voice and silence from now on, or no longer.
    WatchVoice {
        /// Whether to report.
        on: bool,
    },
    /// Listen from now on for who answered, and for the beep; one that listens already begins anew.
    DetectMachine {
        /// How.
        settings: AmdSettings,
    },
    /// Listen for it no longer.
    StopDetecting,
    /// Listen for one thing that is said, and have it understood; what was listened for before is forgotten. Answered
    /// by a [`crate::speech::SpeechFact`] once somebody has spoken.
    Listen(Box<Listening>),
    /// Listen no longer; speech that is being understood is still answered.
    StopListening {
        /// Which listening.
        listen: ListenId,
    },
    /// Connect the leg's sound with another leg's, both ways, until [`MediaOrder::Unbridge`] or the end of one of them.
    /// [`MediaFact::NotJoined`] follows where that cannot be done.
    Bridge {
        /// The other leg.
        with: LegId,
    },
    /// Take part in a conference, until [`MediaOrder::Unbridge`]. [`MediaFact::NotJoined`] follows where that cannot be
    /// done.
    Join {
        /// Which one.
        conference: ConferenceId,
        /// Nobody hears this leg.
        muted: bool,
        /// This leg hears nobody.
        deaf: bool,
    },
    /// Be connected with nobody.
    Unbridge,
}

/// Names a conference on the media plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConferenceId(pub u128);

/// What happened to the sound of a leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MediaFact {
    /// The far side pressed a key.
    Digit {
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// For how long.
        duration_ms: u32,
    },
    /// A playback is over.
    PlaybackFinished {
        /// Which one.
        playback: PlaybackId,
        /// What was truly sent.
        played_ms: u32,
        /// Whether it ran to its end; false if it was cut.
        completed: bool,
    },
    /// All digits of a sequence are sent.
    DigitsSent {
        /// Which sequence.
        id: DigitsId,
    },
    /// A sequence of digits was not sent, or not to its end.
    DigitsFailed {
        /// Which sequence.
        id: DigitsId,
        /// Why, in words for the app's developer.
        reason: String,
    },
    /// The first packet of the far side has arrived.
    FirstSound,
    /// The far side began to speak.
    VoiceStarted,
    /// The far side fell silent.
    VoiceStopped,
    /// Who answered, or how the greeting goes on.
    Amd(AmdNews),
    /// Nothing at all arrived for the configured time.
    TimedOut {
        /// For how long.
        silent_ms: u32,
    },
    /// Sound has gone one way only for some seconds. Told once, until [`MediaFact::BothWays`].
    OneWay {
        /// Which way it does not go.
        missing: SoundWay,
        /// For how long.
        since_ms: u32,
    },
    /// Sound goes both ways again.
    BothWays,
    /// Packets of the far side come, but there has been nothing but digital silence in them for some seconds. Told
    /// once, until [`MediaFact::SilenceEnded`].
    Silent {
        /// For how long.
        since_ms: u32,
    },
    /// There is sound in the far side's packets again.
    SilenceEnded,
    /// The leg's sound could not be connected with another's, or with a conference's.
    NotJoined {
        /// Why, in words for the app's developer.
        reason: String,
    },
    /// Figures of a window of the call, or of the whole at its end.
    Figures(MediaFigures),
}

/// A way that sound goes, as seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundWay {
    /// From the far side to us.
    Received,
    /// From us to the far side, by what its reports say.
    Sent,
}

/// What was measured on a leg's sound.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaFigures {
    /// Packets that arrived and were accepted.
    pub received_packets: u64,
    /// Their payload bytes.
    pub received_bytes: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Their payload bytes.
    pub sent_bytes: u64,
    /// Packets that should have arrived and did not.
    pub lost_packets: u64,
    /// Losses in a row count once.
    #[serde(default)]
    pub loss_bursts: u64,
    /// Packets of telephone events, of those received.
    #[serde(default)]
    pub received_event_packets: u64,
    /// Packets of telephone events, of those sent.
    #[serde(default)]
    pub sent_event_packets: u64,
    /// Packets that came too late to be played.
    pub late_packets: u64,
    /// Packets from a source that was not the peer's.
    pub foreign_packets: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), milliseconds.
    pub jitter_ms: f32,
    /// Greatest jitter seen.
    pub jitter_max_ms: f32,
    /// Round-trip time by RTCP, if known.
    pub round_trip_ms: Option<f32>,
    /// Loudness of the far side over the window, dBFS; none if nothing was measured. What nobody listens to is
    /// measured by samples, and only where that is cheap (G.711).
    pub received_level_dbfs: Option<f32>,
    /// Loudness of what was sent over the window, dBFS, by samples; none if nothing was measured.
    pub sent_level_dbfs: Option<f32>,
    /// Estimated quality, 1–4.5 (G.107); none where nothing was received.
    pub mos: Option<f32>,
    /// The codec in use.
    pub codec: Option<Codec>,
    /// Whether these are the figures of the whole leg.
    pub total: bool,
}

/// Which sound a recording holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordSource {
    /// Only what the far side said.
    Received,
    /// Both directions, mixed.
    Mixed,
    /// Both directions, each on a channel of its own: what the far side said left, what it was sent right (of a
    /// bridge that is the other party).
    Stereo,
}

impl RecordSource {
    /// Channels of its file.
    pub const fn channels(self) -> u8 {
        match self {
            Self::Received | Self::Mixed => 1,
            Self::Stereo => 2,
        }
    }
}

/// An order to the recorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordOrder {
    /// Start a recording of the leg.
    Start {
        /// Its id.
        recording: RecordingId,
        /// Which sound.
        source: RecordSource,
    },
    /// Keep nothing until `Resume`: the file goes on without a gap, and holds nothing of the time between.
    Pause {
        /// Which one.
        recording: RecordingId,
    },
    /// Go on with a paused one.
    Resume {
        /// Which one.
        recording: RecordingId,
    },
    /// Stop it and make the file.
    Stop {
        /// Which one.
        recording: RecordingId,
    },
}

/// What became of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordFact {
    /// Sound is being kept.
    Started {
        /// Which one.
        recording: RecordingId,
    },
    /// The file is complete.
    Finished {
        /// Which one.
        recording: RecordingId,
        /// Its length.
        duration_ms: u32,
        /// Its size.
        bytes: u64,
    },
    /// There is no file, or only a part of it.
    Failed {
        /// Which one.
        recording: RecordingId,
        /// Why, in words for the app's developer.
        reason: String,
    },
}

/// What a bad network does to packets, each direction for itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Packets lost, of a hundred.
    pub loss_percent: f32,
    /// Each packet is late by up to so much.
    pub jitter_ms: u32,
    /// Packets that later ones may overtake, of a hundred.
    pub reorder_percent: f32,
    /// The same seed does the same to the same packets.
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_have_the_clocks_of_their_rfcs_and_one_spelling() {
        let check = |name: &str, clock_hz: u32, rate_hz: u32, payload_type: Option<u8>| {
            let codec = Codec::from_name(name).unwrap();
            assert_eq!((codec.rtp_clock_hz(), codec.sample_rate_hz()), (clock_hz, rate_hz), "{name}");
            assert_eq!(codec.static_payload_type(), payload_type, "{name}");
            assert_eq!(serde_json::to_string(&codec).unwrap(), format!("\"{name}\""));
        };
        check("pcmu", 8_000, 8_000, Some(0));
        check("pcma", 8_000, 8_000, Some(8));
        check("g722", 8_000, 16_000, Some(9));
        check("opus", 48_000, 48_000, None);
        assert_eq!(Codec::from_name("PCMU"), None);
    }
}
