//! A session description as data: what parses, what is written, what is negotiated over. Lines that mean nothing for
//! sound (e=, p=, r=, z=, k=, i=, b=, u=) are not kept.

use super::MediaDirection;
use std::fmt;
use std::net::IpAddr;

/// The o= line: the session id stays for the whole call, the version grows with each changed description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Session id.
    pub session_id: u64,
    /// Version of the description.
    pub version: u64,
}

impl Origin {
    /// A first description.
    pub const fn new(session_id: u64) -> Self {
        Self { session_id, version: 1 }
    }

    /// The same session, described anew.
    pub const fn next(self) -> Self {
        Self { session_id: self.session_id, version: self.version.saturating_add(1) }
    }
}

/// An a= line. Its `Debug` shows no key.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// What follows the colon.
    pub value: Option<String>,
}

/// An m= line with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `image`, …
    pub kind: String,
    /// The port; 0 switches the stream off.
    pub port: u16,
    /// `RTP/AVP`, …
    pub protocol: String,
    /// Formats: payload types for RTP.
    pub formats: Vec<String>,
    /// The address of the stream's own c= line, as written.
    pub address: Option<String>,
    /// Attributes in order.
    pub attributes: Vec<Attribute>,
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// The o= line.
    pub origin: Origin,
    /// The address in o= as written.
    pub origin_address: String,
    /// The address of the session's c= line, as written.
    pub address: Option<String>,
    /// Attributes of the session in order.
    pub attributes: Vec<Attribute>,
    /// Streams in order; an answer has the same number.
    pub media: Vec<Media>,
}

/// One rtpmap (RFC 8866 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RtpMap<'a> {
    pub(super) name: &'a str,
    pub(super) clock_hz: u32,
    pub(super) channels: u8,
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.name.eq_ignore_ascii_case("crypto");
        let value = if hidden { Some("[secret]") } else { self.value.as_deref() };
        f.debug_struct("Attribute").field("name", &self.name).field("value", &value).finish()
    }
}

impl Attribute {
    pub(super) fn flag(name: &str) -> Self {
        Self { name: name.to_owned(), value: None }
    }

    pub(super) fn with(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: Some(value.into()) }
    }
}

impl Media {
    /// The first attribute of a name that has a value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name)).and_then(|a| a.value.as_deref())
    }

    /// Whether an attribute stands, with or without value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The rtpmap of a payload type.
    pub(super) fn rtpmap(&self, payload_type: u8) -> Option<RtpMap<'_>> {
        let maps = self.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("rtpmap"));
        maps.filter_map(|a| a.value.as_deref()).find_map(|value| {
            let (number, encoding) = value.split_once(' ')?;
            if number.trim().parse::<u8>().ok()? != payload_type {
                return None;
            }
            let mut parts = encoding.trim().split('/');
            let name = parts.next()?;
            let clock_hz = parts.next()?.trim().parse().ok()?;
            let channels = parts.next().and_then(|count| count.trim().parse().ok()).unwrap_or(1);
            Some(RtpMap { name, clock_hz, channels })
        })
    }

    /// The fmtp of a payload type.
    pub(super) fn fmtp(&self, payload_type: u8) -> Option<&str> {
        let all = self.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("fmtp"));
        all.filter_map(|a| a.value.as_deref()).find_map(|value| {
            let (number, parameters) = value.split_once(' ')?;
            (number.trim().parse() == Ok(payload_type)).then_some(parameters)
        })
    }

    /// The payload types in order of preference; what is no payload type is passed over.
    pub(super) fn payload_types(&self) -> impl Iterator<Item = u8> {
        self.formats.iter().filter_map(|format| format.parse::<u8>().ok()).filter(|number| *number < 128)
    }
}

impl SessionDescription {
    /// With the version that follows `previous`, our last word in this session: the same if nothing else changed, one
    /// more if anything did (RFC 3264 §8).
    #[must_use]
    pub fn after(mut self, previous: Option<&Self>) -> Self {
        if let Some(previous) = previous {
            self.origin = previous.origin;
            if self != *previous {
                self.origin = previous.origin.next();
            }
        }
        self
    }

    /// The address of a stream: its own c= line, else the session's. `None` if it is a name or missing.
    pub(super) fn address_of(&self, media: &Media) -> Option<IpAddr> {
        media.address.as_ref().or(self.address.as_ref())?.parse().ok()
    }

    /// The direction of a stream: its own attribute, else the session's, else both ways.
    pub(super) fn direction_of(&self, media: &Media) -> MediaDirection {
        let find = |attributes: &[Attribute]| {
            attributes.iter().find_map(|attribute| MediaDirection::from_name(&attribute.name))
        };
        find(&media.attributes).or_else(|| find(&self.attributes)).unwrap_or_default()
    }
}
