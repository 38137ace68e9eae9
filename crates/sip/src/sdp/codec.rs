//! The table of audio codecs a session can speak. A further codec is a further row here.

/// An audio codec as SDP names it (RFC 3551, RFC 4566 §6 rtpmap).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) codec: Codec,
    /// Encoding name in rtpmap; compared without regard to case.
    pub(crate) name: &'static str,
    /// RTP clock in Hz, as rtpmap says it.
    pub(crate) clock_hz: u32,
    /// Channels; 1 is not written.
    pub(crate) channels: u8,
    /// The payload type RFC 3551 gives it, if any.
    pub(crate) static_payload_type: Option<u8>,
    /// What a dynamic payload type starts at when we offer.
    pub(crate) preferred_payload_type: u8,
}

static PCMU: Row = Row {
    codec: Codec::Pcmu,
    name: "PCMU",
    clock_hz: 8_000,
    channels: 1,
    static_payload_type: Some(0),
    preferred_payload_type: 0,
};
static PCMA: Row = Row {
    codec: Codec::Pcma,
    name: "PCMA",
    clock_hz: 8_000,
    channels: 1,
    static_payload_type: Some(8),
    preferred_payload_type: 8,
};
static ROWS: [&Row; 2] = [&PCMU, &PCMA];

impl Codec {
    /// RTP clock in Hz.
    pub fn clock_hz(self) -> u32 {
        self.row().clock_hz
    }

    /// The encoding name in SDP.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn row(self) -> &'static Row {
        match self {
            Self::Pcmu => &PCMU,
            Self::Pcma => &PCMA,
        }
    }

    /// The codec a static payload type means without any rtpmap.
    pub(crate) fn from_static(payload_type: u8) -> Option<Self> {
        ROWS.iter().find(|row| row.static_payload_type == Some(payload_type)).map(|row| row.codec)
    }

    /// The codec an rtpmap names.
    pub(crate) fn from_rtpmap(name: &str, clock_hz: u32, channels: u8) -> Option<Self> {
        ROWS.iter()
            .find(|row| {
                row.name.eq_ignore_ascii_case(name) && row.clock_hz == clock_hz && row.channels == channels
            })
            .map(|row| row.codec)
    }
}
