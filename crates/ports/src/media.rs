//! The media plane: the sound of all legs. Implemented by worker threads that no async task ever enters; every
//! method but `prepare` and `finish_recording` only hands an order over and returns.

use crate::carrier::LegSink;
use model::amd::AmdSettings;
use model::sound::{Codec, DigitsId, PlaybackId, RecordSource};
pub use model::sound::{ConferenceId, FOREVER};
use model::speech::ListenId;
use model::srtp::SrtpKeys;
use model::{LegId, RecordingId};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Sound that can be played: decoded, mono, held once however many legs play it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Names the content: equal ids are equal sound. Encoded forms are cached under it.
    pub id: ClipId,
    /// Samples a second, 8,000–48,000.
    pub rate_hz: u32,
    /// Mono samples.
    pub samples: Arc<[i16]>,
}

impl Clip {
    /// Its length.
    pub fn duration(&self) -> Duration {
        let samples = u64::try_from(self.samples.len()).unwrap_or(u64::MAX);
        Duration::from_micros(samples.saturating_mul(1_000_000) / u64::from(self.rate_hz.max(1)))
    }
}

/// The first 16 bytes of the content's SHA-256, or a number made for the occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClipId(pub [u8; 16]);

/// How a leg's sound is opened.
#[derive(Clone)]
pub struct OpenLeg {
    /// The leg.
    pub leg: LegId,
    /// The local address to bind; the port comes from the pool.
    pub bind: IpAddr,
    /// After so long without any packet, report or sound, while sound goes both ways, [`model::sound::MediaFact::TimedOut`] is
    /// reported (once, until packets come again); none: never.
    pub silence_limit: Option<Duration>,
    /// Takes what happens.
    pub sink: Arc<dyn LegSink>,
}

/// From whom a leg takes packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatchPolicy {
    /// Only from the address that the far side gave in its description, on the port named there or the first other
    /// one that is heard.
    Strict,
    /// From that address, or else from the source that the first packets of sound come from: for peers behind
    /// address translation.
    Nat,
}

/// What was agreed with the far side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaConnection {
    /// Where to send sound.
    pub remote: SocketAddr,
    /// Where to send reports; none where they go with the sound.
    pub remote_rtcp: Option<SocketAddr>,
    /// From whom packets are taken.
    pub latch: LatchPolicy,
    /// The codec, both ways.
    pub codec: Codec,
    /// The payload type to send it with.
    pub payload_type: u8,
    /// The payload type that the far side sends it with (RFC 3264 §5.1: each side names those it receives).
    pub receive_payload_type: u8,
    /// The payload type to send telephone events with, if the far side knows them; without it digits go as tones.
    pub dtmf_payload_type: Option<u8>,
    /// The payload type that the far side sends telephone events with; without it digits are heard as tones.
    pub receive_dtmf_payload_type: Option<u8>,
    /// The payload type of comfort noise (RFC 3389), both ways, if both sides know it.
    pub comfort_noise_payload_type: Option<u8>,
    /// The keys of encrypted sound; none: it goes in the clear.
    pub srtp: Option<SrtpKeys>,
    /// Length of a packet's sound that the far side wants: 10, 20, 30, 40 or 60.
    pub ptime_ms: u8,
    /// Whether we may send.
    pub send: bool,
    /// Whether the far side will send.
    pub receive: bool,
}

/// Most members of a conference.
pub const CONFERENCE_MEMBERS_MAX: usize = 200;

/// What becomes of the sound that is relayed to a far side while something is played to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blend {
    /// It is not heard.
    #[default]
    Replace,
    /// It is heard 12 dB quieter below what is played.
    Duck,
    /// Both are heard as loud as they are.
    Mix,
}

/// What a media plane can do; what it cannot, nobody offers to a far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaAbilities {
    /// The codecs it plays, hears and relays.
    pub codecs: &'static [Codec],
    /// Whether it encrypts ([`MediaConnection::srtp`]).
    pub srtp: bool,
    /// Whether it understands comfort noise ([`MediaConnection::comfort_noise_payload_type`]).
    pub comfort_noise: bool,
}

/// An order about a leg. Each is carried out at the leg's next tick (within 20 ms).
#[derive(Debug, Clone)]
pub enum PlaneOrder {
    /// Send and take sound as agreed; replaces what was agreed before.
    Connect(MediaConnection),
    /// Play clips one after the other; what plays now is cut.
    Play {
        /// The number of this playback.
        playback: PlaybackId,
        /// In this order.
        clips: Vec<Arc<Clip>>,
        /// How often the whole sequence, from 1; [`FOREVER`] until it is stopped.
        times: u16,
        /// Silence between two clips.
        gap_ms: u32,
    },
    /// Cut a playback.
    StopPlayback {
        /// Which one.
        playback: PlaybackId,
    },
    /// Send digits; see [`model::sound::MediaOrder::SendDigits`].
    SendDigits {
        /// The number of the sequence.
        id: DigitsId,
        /// The digits.
        digits: String,
        /// As tones in the sound, even where the far side knows telephone events.
        in_band: bool,
    },
    /// Report voice and silence.
    WatchVoice {
        /// Whether to.
        on: bool,
    },
    /// Listen for who answered; see [`model::sound::MediaOrder::DetectMachine`].
    DetectMachine {
        /// How.
        settings: AmdSettings,
    },
    /// Listen for it no longer.
    StopDetecting,
    /// Keep what the far side says next, from 300 ms before it begins to speak until it has been silent for so long,
    /// and hand it to [`LegSink::heard`]; once. What was listened for before is forgotten.
    Listen {
        /// The number of this listening.
        listen: ListenId,
        /// So much silence ends it.
        end_silence_ms: u32,
        /// Longest speech; 1,000 to [`model::speech::Listening::LENGTH_MS_MAX`].
        length_ms_max: u32,
    },
    /// Listen no longer.
    StopListening {
        /// Which listening; another one goes on.
        listen: ListenId,
    },
    /// Keep the sound in a spool file.
    StartRecording {
        /// The recording.
        recording: RecordingId,
        /// Which sound.
        source: RecordSource,
        /// The spool file, made anew.
        spool: PathBuf,
    },
    /// Keep nothing of a leg's recording until `ResumeRecording`: neither what comes meanwhile nor what waits in
    /// buffers.
    PauseRecording {
        /// The recording.
        recording: RecordingId,
    },
    /// Go on with it.
    ResumeRecording {
        /// The recording.
        recording: RecordingId,
    },
    /// Close the spool; then `finish_recording` makes the file.
    StopRecording {
        /// The recording.
        recording: RecordingId,
    },
    /// Relay between this leg and another of the same plane, both ways, until `Unbridge` or a leg is closed. Both
    /// may live on different workers.
    Bridge {
        /// The other leg.
        with: LegId,
    },
    /// End the relay.
    Unbridge,
    /// What becomes of relayed sound while something is played, from now on; [`Blend::Replace`] at the beginning.
    BlendPlayback {
        /// What to do.
        blend: Blend,
    },
    /// Be a member of a conference: hear all other members, and be heard by them. The first member opens it, and
    /// whatever the leg was joined to before is left. `Unbridge` leaves it, and so does closing the leg.
    JoinConference {
        /// Which one.
        conference: ConferenceId,
        /// Whether nobody hears this member.
        muted: bool,
        /// Whether this member hears nobody.
        deaf: bool,
    },
    /// Change how the leg takes part in its conference.
    ChangeMember {
        /// Whether nobody hears this member.
        muted: bool,
        /// Whether this member hears nobody.
        deaf: bool,
    },
    /// Keep the sound of all members of the leg's conference in a spool file, until `StopConferenceRecording` or
    /// until the last member has left.
    RecordConference {
        /// The recording.
        recording: RecordingId,
        /// The spool file, made anew.
        spool: PathBuf,
    },
    /// Close the spool of a recording of the leg's conference.
    StopConferenceRecording {
        /// The recording.
        recording: RecordingId,
    },
    /// Send back what is heard; a persona does so.
    Echo {
        /// Whether to.
        on: bool,
    },
    /// Send no more packets and drop what arrives, as a broken far side does; a persona does so.
    Mute {
        /// Whether to.
        on: bool,
    },
}

/// Why the plane cannot do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// All ports of the range are in use or resting.
    #[error("no free port in the configured RTP range")]
    NoPort,
    /// The conference has as many members as it may.
    #[error("a conference has at most {CONFERENCE_MEMBERS_MAX} members")]
    ConferenceFull,
    /// The leg is in no conference.
    #[error("the leg is in no conference")]
    NoConference,
    /// No such leg (any more).
    #[error("no such leg on the media plane")]
    UnknownLeg,
    /// The worker has more orders waiting than it may.
    #[error("the media worker has too many orders waiting")]
    Busy,
    /// A codec, or encryption, that the plane does not do.
    #[error("the media plane does not do {0}")]
    Unsupported(&'static str),
    /// A socket failed.
    #[error("socket: {0}")]
    Socket(String),
    /// The bytes are no sound, or too long.
    #[error("{0}")]
    NotSound(String),
    /// The spool or the file failed.
    #[error("recording: {0}")]
    Recording(String),
}

/// A recording's finished file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedRecording {
    /// Its length.
    pub duration_ms: u32,
    /// Its size.
    pub bytes: u64,
}

/// The sound of all legs.
#[async_trait::async_trait]
pub trait MediaPlane: Send + Sync {
    /// What it can do.
    fn abilities(&self) -> MediaAbilities {
        MediaAbilities { codecs: &[Codec::Pcmu, Codec::Pcma], srtp: false, comfort_noise: false }
    }

    /// Opens a leg's sound and returns the local address to tell the far side. Nothing is sent or taken before
    /// `Connect`.
    fn open(&self, open: OpenLeg) -> Result<SocketAddr, MediaError>;

    /// Orders a leg.
    fn order(&self, leg: LegId, order: PlaneOrder) -> Result<(), MediaError>;

    /// Closes a leg's sound: playback and recording end, total figures are reported, the port rests before it is
    /// used again. Closing an unknown leg does nothing.
    fn close(&self, leg: LegId);

    /// Decodes a file's bytes (wav, mp3) on the plane's own bounded pool, to the rate that the plane plays at.
    async fn prepare(&self, content: bytes::Bytes) -> Result<Arc<Clip>, MediaError>;

    /// Makes a wav file at `file` of a closed (or, after a crash, an unfinished) spool, and removes the spool.
    /// `file` appears whole or not at all.
    async fn finish_recording(&self, spool: PathBuf, file: PathBuf) -> Result<FinishedRecording, MediaError>;

    /// Makes an mp3 file at `mp3` of a wav file that [`Self::finish_recording`] made, on the same bounded pool. `mp3`
    /// appears whole or not at all. Returns its size.
    async fn encode_mp3(&self, wav: PathBuf, mp3: PathBuf) -> Result<u64, MediaError> {
        let _ = (wav, mp3);
        Err(MediaError::Unsupported("mp3"))
    }
}
