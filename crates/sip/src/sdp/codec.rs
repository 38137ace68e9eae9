//! The table of audio codecs a session can speak, as SDP names them (RFC 3551, RFC 8866 §6.6, RFC 7587 §7). A further
//! codec is a further row here.

pub use model::sound::Codec;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) codec: Codec,
    /// Encoding name in rtpmap; compared without regard to case.
    pub(super) name: &'static str,
    /// Channels that rtpmap says; 1 is not written. Opus always says 2 (RFC 7587 §7).
    pub(super) channels: u8,
    /// What fmtp says of it when we describe it.
    pub(super) parameters: Option<&'static str>,
    /// The payload type that we offer it with.
    pub(super) preferred_payload_type: u8,
}

static PCMU: Row =
    Row { codec: Codec::Pcmu, name: "PCMU", channels: 1, parameters: None, preferred_payload_type: 0 };
static PCMA: Row =
    Row { codec: Codec::Pcma, name: "PCMA", channels: 1, parameters: None, preferred_payload_type: 8 };
static G722: Row =
    Row { codec: Codec::G722, name: "G722", channels: 1, parameters: None, preferred_payload_type: 9 };
/// RFC 7587 §6.1: what we like to receive. Telephony hears no more than wideband.
static OPUS: Row = Row {
    codec: Codec::Opus,
    name: "opus",
    channels: 2,
    parameters: Some("minptime=10;useinbandfec=1;maxplaybackrate=16000;stereo=0;sprop-stereo=0"),
    preferred_payload_type: 111,
};
static ROWS: [&Row; 4] = [&PCMU, &PCMA, &G722, &OPUS];

/// The encoding name of a codec in SDP.
pub fn encoding_name(codec: Codec) -> &'static str {
    row(codec).name
}

pub(super) fn row(codec: Codec) -> &'static Row {
    match codec {
        Codec::Pcmu => &PCMU,
        Codec::Pcma => &PCMA,
        Codec::G722 => &G722,
        Codec::Opus => &OPUS,
    }
}

/// The codec a static payload type means without any rtpmap.
pub(super) fn from_static(payload_type: u8) -> Option<Codec> {
    Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(payload_type))
}

/// The codec an rtpmap names. Some peers forget the channels of Opus.
pub(super) fn from_rtpmap(name: &str, clock_hz: u32, channels: u8) -> Option<Codec> {
    ROWS.iter()
        .find(|row| {
            row.name.eq_ignore_ascii_case(name)
                && row.codec.rtp_clock_hz() == clock_hz
                && (row.channels == channels || row.codec == Codec::Opus)
        })
        .map(|row| row.codec)
}
