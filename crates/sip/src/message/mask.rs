//! Hides what must not be kept of a message: credentials and media keys. Works on any bytes, parsed or not.

use std::borrow::Cow;
use std::ops::Range;

/// The message with the values of Authorization and Proxy-Authorization, the keys of `a=crypto` (RFC 4568) and `k=` lines
/// (RFC 4566 §5.12), and the passwords of URIs (RFC 3261 §19.1.1) replaced by `***`. Borrows when there is nothing to hide.
pub fn masked(message: &[u8]) -> Cow<'_, [u8]> {
    let holds_secret = message
        .split_inclusive(|byte| *byte == b'\n')
        .any(|line| secret_start(line).is_some() || password(line, 0).is_some());
    if !holds_secret {
        return Cow::Borrowed(message);
    }
    let mut out = Vec::with_capacity(message.len());
    let mut hiding = false;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if hiding && matches!(line.first(), Some(b' ' | b'\t')) {
            continue;
        }
        hiding = false;
        let Some(kept) = secret_start(line).and_then(|at| line.get(..at)) else {
            without_passwords(line, &mut out);
            continue;
        };
        without_passwords(kept, &mut out);
        out.extend_from_slice(b"***\r\n");
        hiding = true;
    }
    Cow::Owned(out)
}

/// Where the secret of a line starts, if it holds one.
fn secret_start(line: &[u8]) -> Option<usize> {
    let starts_with = |prefix: &str| {
        line.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if starts_with("a=crypto:") {
        let inline = b"inline:";
        let at = line.windows(inline.len()).position(|window| window.eq_ignore_ascii_case(inline))?;
        return Some(at + inline.len());
    }
    if line.starts_with(b"k=") {
        return Some(2);
    }
    if !starts_with("authorization") && !starts_with("proxy-authorization") {
        return None;
    }
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_secret =
        name.eq_ignore_ascii_case(b"authorization") || name.eq_ignore_ascii_case(b"proxy-authorization");
    let space = usize::from(line.get(colon + 1) == Some(&b' '));
    is_secret.then_some(colon + 1 + space)
}

fn without_passwords(line: &[u8], out: &mut Vec<u8>) {
    let mut kept = 0;
    while let Some(secret) = password(line, kept) {
        out.extend_from_slice(line.get(kept..secret.start).unwrap_or_default());
        out.extend_from_slice(b"***");
        kept = secret.end;
    }
    out.extend_from_slice(line.get(kept..).unwrap_or_default());
}

/// Where the first password of a URI stands in what follows `from`. Of a URI that is none by the grammar rather too much
/// is hidden than too little.
fn password(line: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let scheme_end = at + line.get(at..)?.iter().position(|byte| *byte == b':')?;
        at = scheme_end + 1;
        let (before, after) = (line.get(..scheme_end)?, line.get(at..)?);
        let is_web = after.starts_with(b"//");
        if !is_web && !ends_with(before, b"sip") && !ends_with(before, b"sips") {
            continue;
        }
        let authority = at + if is_web { 2 } else { 0 };
        let ends = |byte: &u8| b"<>\" \t\r\n".contains(byte) || is_web && *byte == b'/';
        let rest = line.get(authority..)?;
        let uri = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
        let Some(user_end) = uri.iter().position(|byte| b":@".contains(byte)) else { continue };
        if uri.get(user_end) == Some(&b':')
            && let Some(host) = uri.iter().rposition(|byte| *byte == b'@')
        {
            return Some(authority + user_end + 1..authority + host);
        }
    }
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        let check = |message: &str, wanted: &str| {
            assert_eq!(String::from_utf8_lossy(&masked(message.as_bytes())), wanted, "{message}");
        };
        check("BYE sip:a SIP/2.0\r\nVia: x\r\n\r\n", "BYE sip:a SIP/2.0\r\nVia: x\r\n\r\n");
        check(
            "A\r\nAuthorization: Digest username=\"u\",\r\n response=\"s\"\r\nTo: t\r\n\r\n",
            "A\r\nAuthorization: ***\r\nTo: t\r\n\r\n",
        );
        check("proxy-AUTHORIZATION  :x\r\nTo: t\r\n", "proxy-AUTHORIZATION  :***\r\nTo: t\r\n");
        check("Authorization-Info: x\r\n", "Authorization-Info: x\r\n");
        check("a=crypto:1 AES inline:KEY|2^20\r\na=x\r\n", "a=crypto:1 AES inline:***\r\na=x\r\n");
        check("a=crypto:1 AES INLINE:KEY|2^20;inline:KEY2\na=x\n", "a=crypto:1 AES INLINE:***\r\na=x\n");
        check("k=clear:KEY\r\na=x\r\n", "k=***\r\na=x\r\n");
        check("k=prompt", "k=***\r\n");
        check("k: 100rel\r\n", "k: 100rel\r\n");
        check("INVITE sip:u:p@h:5060 SIP/2.0\r\n", "INVITE sip:u:***@h:5060 SIP/2.0\r\n");
        check("To: <SIPS:u:p@ss@h>;x=sip:v:w@i\r\n", "To: <SIPS:u:***@h>;x=sip:v:***@i\r\n");
        check("Call-Info: <http://u:p@h/a:b@c>\r\n", "Call-Info: <http://u:***@h/a:b@c>\r\n");
        for kept in ["<sip:h:5060>", "sip:u@h:5060", "<sip:[2001:db8::1]:5060>, <sip:u@h>", "http://h:80/a@b"]
        {
            check(&format!("m: {kept}\r\n"), &format!("m: {kept}\r\n"));
        }
        check("Authorization: end without line break", "Authorization: ***\r\n");
    }
}
