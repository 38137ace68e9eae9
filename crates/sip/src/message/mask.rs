//! Hides what must not be kept of a message: credentials and media keys. Works on any bytes, parsed or not.

use std::borrow::Cow;

/// The message with the values of Authorization and Proxy-Authorization, and the keys of `a=crypto` lines (RFC 4568),
/// replaced by `***`. Borrows when there is nothing to hide.
pub fn masked(message: &[u8]) -> Cow<'_, [u8]> {
    let holds_secret =
        message.split_inclusive(|byte| *byte == b'\n').any(|line| secret_start(line).is_some());
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
            out.extend_from_slice(line);
            continue;
        };
        out.extend_from_slice(kept);
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
        check("Authorization: end without line break", "Authorization: ***\r\n");
    }
}
