//! Replaces (RFC 3891 §6.1), as a header and as it stands escaped in the URI of a Refer-To. Knows no dialog.

use super::params::Params;
use super::scan;
use super::uri::unescape;
use crate::endpoint::transfer::Replaces;

/// Reads the value of a header. `None` if malformed, or a tag is missing or stands twice (§6.1).
pub fn parse_replaces(value: &[u8]) -> Option<Replaces> {
    let value = scan::trim(value);
    let end = value.iter().position(|byte| *byte == b';')?;
    let (call_id, params) = value.split_at_checked(end)?;
    let call_id = scan::text(scan::trim(call_id)).filter(|id| !id.is_empty())?;
    let params = Params::parse(params)?;
    let once = |name: &str| {
        let count = params.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).count();
        params.text(name).filter(|_| count == 1).map(str::to_owned)
    };
    Some(Replaces {
        call_id: call_id.to_owned(),
        to_tag: once("to-tag")?,
        from_tag: once("from-tag")?,
        early_only: params.get("early-only").is_some(),
    })
}

/// The value of a header.
pub fn replaces_value(replaces: &Replaces) -> String {
    let Replaces { call_id, to_tag, from_tag, early_only } = replaces;
    let early_only = if *early_only { ";early-only" } else { "" };
    format!("{call_id};to-tag={to_tag};from-tag={from_tag}{early_only}")
}

/// A URI with a Replaces among its headers, for Refer-To.
pub fn uri_with_replaces(uri: &str, replaces: &Replaces) -> String {
    let before = uri.split_once('?').map_or(uri, |(before, _)| before);
    format!("{before}?Replaces={}", escape_header(&replaces_value(replaces)))
}

/// The Replaces among a URI's headers (`a=b&c=d`, escaped).
pub fn replaces_of_uri_headers(headers: &str) -> Option<Replaces> {
    let value = headers
        .split('&')
        .filter_map(|header| header.split_once('='))
        .find_map(|(name, value)| unescape(name).eq_ignore_ascii_case("Replaces").then_some(value))?;
    parse_replaces(unescape(value).as_bytes())
}

/// RFC 3261 §25.1 `hvalue`: all but unreserved characters escaped.
fn escape_header(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_bad_ones_are_not() {
        let check = |value: &str, wanted: Option<(&str, &str, &str, bool)>| {
            let got = parse_replaces(value.as_bytes());
            let got = got
                .as_ref()
                .map(|r| (r.call_id.as_str(), r.to_tag.as_str(), r.from_tag.as_str(), r.early_only));
            assert_eq!(got, wanted, "{value}");
        };
        check(
            "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff",
            Some(("98732@sip.example.com", "ff87ff", "r33th4x0r", false)),
        );
        check(
            "12adf2f34456gs5 ;to-tag=12345;from-tag=54321;early-only",
            Some(("12adf2f34456gs5", "12345", "54321", true)),
        );
        check("a;to-tag=1", None);
        check("a;from-tag=1;to-tag=2;to-tag=3", None);
        check(";from-tag=1;to-tag=2", None);
        check("", None);
    }

    #[test]
    fn a_uri_carries_it_and_gives_it_back() {
        let replaces = Replaces {
            call_id: "a b%c@h".into(),
            to_tag: "1;x".replace(';', "."),
            from_tag: "2".into(),
            early_only: true,
        };
        let uri = uri_with_replaces("sip:a@192.0.2.4;x=y?old=1", &replaces);
        assert_eq!(
            uri,
            "sip:a@192.0.2.4;x=y?Replaces=a%20b%25c%40h%3Bto-tag%3D1.x%3Bfrom-tag%3D2%3Bearly-only"
        );
        let headers = uri.split_once('?').unwrap().1;
        assert_eq!(replaces_of_uri_headers(headers), Some(replaces));
        assert_eq!(replaces_of_uri_headers("Subject=x"), None);
    }
}
