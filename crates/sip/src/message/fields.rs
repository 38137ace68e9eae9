//! The small headers with a grammar of their own: CSeq, Reason, Retry-After, Content-Type. Knows no message.

use super::params::Params;
use super::scan;
use crate::endpoint::order::Q850;

/// The largest CSeq number (RFC 3261 §8.1.1.5).
pub const CSEQ_MAX: u32 = (1 << 31) - 1;

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// 0..2³¹.
    pub number: u32,
    /// The method's token.
    pub method: &'a str,
}

impl<'a> CSeq<'a> {
    /// `None` if malformed or the number is too large.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = scan::trim(value);
        let end = value.iter().position(|byte| scan::is_lws(*byte))?;
        let (number, method) = value.split_at_checked(end)?;
        let number = u32::try_from(scan::number(number)?).ok().filter(|number| *number <= CSEQ_MAX)?;
        let method = scan::trim(method);
        if !scan::is_token(method) {
            return None;
        }
        Some(Self { number, method: scan::text(method)? })
    }
}

/// One element of Reason (RFC 3326), if its protocol is Q.850 and its cause is one.
pub fn parse_q850(element: &[u8]) -> Option<Q850> {
    let end = element.iter().position(|byte| *byte == b';')?;
    let (protocol, params) = element.split_at_checked(end)?;
    if !scan::trim(protocol).eq_ignore_ascii_case(b"Q.850") {
        return None;
    }
    let params = Params::parse(params)?;
    let cause = u8::try_from(params.number("cause")?).ok().filter(|cause| (1..=127).contains(cause))?;
    let text = params.get("text").flatten().map(scan::unquote).filter(|text| !text.is_empty());
    Some(Q850 { cause, text })
}

/// Retry-After in seconds (RFC 3261 §20.33): the leading number; comment and parameters do not matter.
pub fn parse_retry_after(value: &[u8]) -> Option<u32> {
    let value = scan::trim(value);
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    u32::try_from(scan::number(value.get(..end)?)?).ok()
}

/// A `q` value (RFC 3261 §25.1) in thousandths, 0..=1000: `0`, `0.5`, `1.000`.
pub fn parse_q_thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1" | "") || fraction.len() > 3 || text.is_empty() || text == "." {
        return None;
    }
    let whole: u16 = if whole == "1" { 1_000 } else { 0 };
    let fraction = scan::number(format!("{fraction:0<3}").as_bytes())?;
    u16::try_from(fraction).ok().map(|fraction| whole + fraction).filter(|q| *q <= 1_000)
}

/// Whether a Content-Type (RFC 3261 §20.15) is `wanted` (`application/sdp`), whatever its parameters.
pub fn is_content_type(value: &[u8], wanted: &str) -> bool {
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let is_separator = |byte: &u8| scan::is_lws(*byte);
    let found = value.get(..end).unwrap_or_default().iter().filter(|byte| !is_separator(byte));
    found.map(u8::to_ascii_lowercase).eq(wanted.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq_is_number_and_method() {
        let check = |value: &str, wanted: Option<(u32, &str)>| {
            let got = CSeq::parse(value.as_bytes()).map(|cseq| (cseq.number, cseq.method));
            assert_eq!(got, wanted, "{value}");
        };
        check("1 INVITE", Some((1, "INVITE")));
        check("0009\r\n  INVITE", Some((9, "INVITE")));
        check("2147483647 BYE", Some((CSEQ_MAX, "BYE")));
        check("2147483648 BYE", None);
        check("36893488147419103232 REGISTER", None);
        check("-1 BYE", None);
        check("1INVITE", None);
        check("1 IN VITE", None);
        check("1", None);
    }

    #[test]
    fn q850_causes_are_read() {
        let check = |value: &str, wanted: Option<(u8, Option<&str>)>| {
            let got = parse_q850(value.as_bytes());
            assert_eq!(got.as_ref().map(|q| (q.cause, q.text.as_deref())), wanted, "{value}");
        };
        check("Q.850;cause=16;text=\"Normal call clearing\"", Some((16, Some("Normal call clearing"))));
        check("q.850 ; cause = 17", Some((17, None)));
        check("SIP;cause=200", None);
        check("Q.850;cause=0", None);
        check("Q.850;cause=300", None);
        check("Q.850", None);
    }

    #[test]
    fn retry_after_takes_the_leading_number() {
        let check = |value: &str, wanted| assert_eq!(parse_retry_after(value.as_bytes()), wanted, "{value}");
        check("120", Some(120));
        check("18000;duration=3600", Some(18_000));
        check("120 (I'm in a meeting)", Some(120));
        check("soon", None);
        check("99999999999", None);
    }

    #[test]
    fn q_values_are_thousandths() {
        let check = |text: &str, wanted| assert_eq!(parse_q_thousandths(text), wanted, "{text:?}");
        check("1", Some(1_000));
        check("1.0", Some(1_000));
        check("0.5", Some(500));
        check(".5", Some(500));
        check("0.333", Some(333));
        check("0", Some(0));
        check("1.001", None);
        check("2", None);
        check("0.3333", None);
        check("0.-1", None);
        check(".", None);
        check("", None);
    }

    #[test]
    fn content_types_compare_without_case_space_and_parameters() {
        let check = |value: &str, wanted| {
            assert_eq!(is_content_type(value.as_bytes(), "application/sdp"), wanted, "{value}");
        };
        check("application/sdp", true);
        check("Application / SDP ;charset=utf-8", true);
        check("application/sdpx", false);
        check("text/plain", false);
        check("", false);
    }
}
