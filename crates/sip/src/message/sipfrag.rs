//! message/sipfrag (RFC 3420) as NOTIFYs of a REFER carry it: a status line is all that is needed (RFC 3515 §2.4.4).

use super::scan;
use super::write::reason_phrase;

/// The media type.
pub const SIPFRAG: &str = "message/sipfrag";

/// The status code in a fragment; `None` if it has none.
pub fn status_of_fragment(body: &[u8]) -> Option<u16> {
    let line = body.split(|byte| *byte == b'\n').next().map(scan::trim)?;
    let rest = line.get(..8).filter(|start| start.eq_ignore_ascii_case(b"SIP/2.0 ")).and(line.get(8..))?;
    let code = u16::try_from(scan::number(rest.get(..3)?)?).ok()?;
    let ends = rest.get(3).is_none_or(|byte| *byte == b' ');
    (ends && (100..=699).contains(&code)).then_some(code)
}

/// A fragment with this status.
pub fn fragment(code: u16, reason: Option<&str>) -> Vec<u8> {
    let reason: String = reason
        .unwrap_or_else(|| reason_phrase(code))
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("SIP/2.0 {code} {reason}\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_fragment_is_found() {
        let check = |body: &str, wanted| assert_eq!(status_of_fragment(body.as_bytes()), wanted, "{body:?}");
        check("SIP/2.0 100 Trying", Some(100));
        check("SIP/2.0 603 Declined\r\nTo: x\r\n", Some(603));
        check("sip/2.0 200\n", Some(200));
        check("SIP/2.0 099 Low", None);
        check("SIP/2.0 2000 OK", None);
        check("SIP/3.0 200 OK", None);
        check("", None);
        assert_eq!(fragment(180, None), b"SIP/2.0 180 Ringing\r\n");
        assert_eq!(status_of_fragment(&fragment(486, Some("No\r\nway"))), Some(486));
    }
}
