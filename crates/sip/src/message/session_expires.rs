//! Session-Expires and Min-SE (RFC 4028 §4, §5). Knows no session.

use super::name::HeaderName;
use super::params::Params;
use super::parse::Message;
use super::scan;

/// Who keeps the session alive: a side of the request that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

impl Refresher {
    /// As written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

/// A Session-Expires value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval in seconds.
    pub secs: u32,
    /// Who refreshes, if told.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// `None` if malformed. An unknown refresher counts as none.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let (secs, params) = value.split_at_checked(end)?;
        let secs = u32::try_from(scan::number(scan::trim(secs))?).ok()?;
        let refresher = match Params::parse(params)?.text("refresher") {
            Some(side) if side.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(side) if side.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Some(Self { secs, refresher })
    }

    /// The one of a message.
    pub fn of(message: &Message<'_>) -> Option<Self> {
        message.value(HeaderName::SessionExpires).and_then(Self::parse)
    }
}

/// Min-SE of a message, in seconds.
pub fn min_se(message: &Message<'_>) -> Option<u32> {
    let value = message.value(HeaderName::MinSe)?;
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    u32::try_from(scan::number(scan::trim(value.get(..end)?))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_with_their_refresher() {
        let check = |value: &str, wanted: Option<(u32, Option<Refresher>)>| {
            let got = SessionExpires::parse(value.as_bytes()).map(|one| (one.secs, one.refresher));
            assert_eq!(got, wanted, "{value}");
        };
        check("1800", Some((1_800, None)));
        check("90 ; Refresher=UAC", Some((90, Some(Refresher::Uac))));
        check("90;refresher=uas;x", Some((90, Some(Refresher::Uas))));
        check("90;refresher=proxy", Some((90, None)));
        check("-1", None);
        check("", None);
        check("99999999999", None);
    }
}
