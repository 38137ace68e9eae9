//! Finds the session description in a message's body, alone or as a part of multipart/mixed (RFC 5621, as SIP-I trunks
//! send it). Does not read it.

use crate::message::fields::is_content_type;
use crate::message::params::Params;
use crate::message::validate::Refusal;
use crate::message::{HeaderName, Message, scan};

const SDP: &str = "application/sdp";
/// Parts looked through.
const PARTS_MAX: usize = 16;

/// The session description; `None` without a body. A body of another type is refused (RFC 3261 §8.2.3).
pub(crate) fn session_description(message: &Message<'_>) -> Result<Option<Vec<u8>>, Refusal> {
    let body = message.body();
    if body.is_empty() {
        return Ok(None);
    }
    if message
        .value(HeaderName::ContentEncoding)
        .is_some_and(|value| !value.eq_ignore_ascii_case(b"identity"))
    {
        return Err(Refusal::code(415).with_header("Accept-Encoding", "identity"));
    }
    let unsupported = || Refusal::code(415).with_header("Accept", SDP);
    let content_type = message.value(HeaderName::ContentType).ok_or_else(unsupported)?;
    if is_content_type(content_type, SDP) {
        return Ok(Some(body.to_vec()));
    }
    if !is_content_type(content_type, "multipart/mixed") {
        return Err(unsupported());
    }
    boundary(content_type)
        .and_then(|boundary| part_of_type(body, &boundary, SDP))
        .map(|part| Some(part.to_vec()))
        .ok_or_else(unsupported)
}

fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let start = content_type.iter().position(|byte| *byte == b';')?;
    let value = Params::parse(content_type.get(start..)?)?.get("boundary")??;
    let boundary = scan::unquote(value);
    (!boundary.is_empty()).then(|| format!("--{boundary}").into_bytes())
}

/// The content of the first part of a type.
fn part_of_type<'a>(body: &'a [u8], delimiter: &[u8], wanted: &str) -> Option<&'a [u8]> {
    let mut rest = body.get(find(body, delimiter)? + delimiter.len()..)?;
    for _ in 0..PARTS_MAX {
        let end = find(rest, delimiter)?;
        let (part, after) = rest.split_at_checked(end)?;
        let (headers, content) = split_part(part)?;
        if headers.split(|byte| *byte == b'\n').any(|line| names_type(line, wanted)) {
            return Some(content.strip_suffix(b"\r\n").unwrap_or(content));
        }
        rest = after.get(delimiter.len()..)?;
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn split_part(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = find(part, b"\r\n\r\n")?;
    Some((part.get(..at)?, part.get(at + 4..)?))
}

fn names_type(line: &[u8], wanted: &str) -> bool {
    scan::split_once(line, b':').is_some_and(|(name, value)| {
        HeaderName::from_bytes(scan::trim(name)) == HeaderName::ContentType
            && is_content_type(scan::trim(value), wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_found_or_refused() {
        let check = |headers: &str, body: &str, wanted: Result<Option<&str>, u16>| {
            let text = format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\n{body}");
            let message = Message::parse(text.as_bytes()).unwrap();
            let got = session_description(&message).map_err(|refusal| refusal.code);
            assert_eq!(got, wanted.map(|sdp| sdp.map(|text| text.as_bytes().to_vec())), "{headers}");
        };
        check("", "", Ok(None));
        check("Content-Type: application/sdp\r\n", "v=0", Ok(Some("v=0")));
        check("c: Application/SDP;x=y\r\n", "v=0", Ok(Some("v=0")));
        check("", "v=0", Err(415));
        check("Content-Type: text/plain\r\n", "v=0", Err(415));
        check("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "v=0", Err(415));
        let parts = "--b 1\r\nContent-Type: application/isup\r\n\r\nxx\r\n--b 1\r\nc: application/sdp\r\n\r\nv=0\r\n\r\n--b 1--";
        check("Content-Type: multipart/mixed;boundary=\"b 1\"\r\n", parts, Ok(Some("v=0\r\n")));
        check("Content-Type: multipart/mixed;boundary=other\r\n", parts, Err(415));
        check("Content-Type: multipart/mixed\r\n", parts, Err(415));
    }
}
