//! RSeq and RAck (RFC 3262 §7): which reliable provisional response a PRACK is for. Knows no session.

use super::fields::CSeq;
use super::name::HeaderName;
use super::parse::Message;
use super::scan;

/// A RAck value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq of the response.
    pub rseq: u32,
    /// The CSeq of the response.
    pub cseq: CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// `None` if malformed.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = scan::trim(value);
        let end = value.iter().position(|byte| scan::is_lws(*byte))?;
        let (rseq, cseq) = value.split_at_checked(end)?;
        Some(Self { rseq: rseq_number(rseq)?, cseq: CSeq::parse(cseq)? })
    }

    /// The one of a message.
    pub fn of(message: &Message<'a>) -> Option<Self> {
        message.value(HeaderName::RAck).and_then(Self::parse)
    }
}

fn rseq_number(value: &[u8]) -> Option<u32> {
    u32::try_from(scan::number(value)?).ok().filter(|number| *number != 0)
}

/// RSeq of a message: 1..2³².
pub fn rseq(message: &Message<'_>) -> Option<u32> {
    message.value(HeaderName::RSeq).and_then(rseq_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_are_read() {
        let check = |value: &str, wanted: Option<(u32, u32, &str)>| {
            let got = RAck::parse(value.as_bytes()).map(|r| (r.rseq, r.cseq.number, r.cseq.method));
            assert_eq!(got, wanted, "{value}");
        };
        check("776656 1 INVITE", Some((776_656, 1, "INVITE")));
        check(" 1  2   INVITE ", Some((1, 2, "INVITE")));
        check("0 1 INVITE", None);
        check("1 INVITE", None);
        check("4294967296 1 INVITE", None);
        check("", None);
    }
}
