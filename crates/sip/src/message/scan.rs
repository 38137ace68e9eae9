//! Steps over bytes that the header parsers share: linear white space, tokens, quoted strings, lists (RFC 3261 §25.1).
//! Knows no header.

/// White space inside a header value; a folded line's break counts as such.
pub(crate) const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `token` of RFC 3261 §25.1.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Whether these bytes are one token.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_token_byte)
}

/// Without the white space around.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if !is_lws(*first) {
            break;
        }
        rest = tail;
    }
    while let [head @ .., last] = rest {
        if !is_lws(*last) {
            break;
        }
        rest = head;
    }
    rest
}

/// Splits at the first `separator`, which belongs to neither part.
pub(crate) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// Where `separator` first stands outside quotes and angle brackets. An open quote swallows the rest.
pub(crate) fn position_unquoted(bytes: &[u8], separator: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        if escaped {
            escaped = false;
        } else if quoted {
            match byte {
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if byte == separator && !angle {
            return Some(at);
        } else {
            match byte {
                b'"' if !angle => quoted = true,
                b'<' => angle = true,
                b'>' => angle = false,
                _ => {}
            }
        }
    }
    None
}

/// Splits at the first `separator` outside quotes and angle brackets.
pub(crate) fn split_once_unquoted(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = position_unquoted(bytes, separator)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// The elements of a comma-separated list, trimmed; empty elements are passed over.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (element, rest) = split_once_unquoted(self.rest, b',').unwrap_or((self.rest, &[]));
            self.rest = rest;
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// A decimal number without sign; `None` on anything else and beyond `u64`.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    let bytes = trim(bytes);
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |sum, byte| {
        if !byte.is_ascii_digit() {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
    })
}

/// ASCII or UTF-8 text; `None` if it is neither.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The content of a quoted string, its escapes resolved, or the bytes themselves if they are not quoted. Bytes that are
/// not UTF-8 become U+FFFD, folded lines one space.
pub(crate) fn unquote(bytes: &[u8]) -> String {
    let bytes = trim(bytes);
    let inner = bytes.strip_prefix(b"\"").map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest));
    let Some(inner) = inner else { return unfold(bytes) };
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        if !escaped && byte == b'\\' {
            escaped = true;
            continue;
        }
        escaped = false;
        out.push(byte);
    }
    unfold(&out)
}

/// Text with line breaks (and their indentation) as one space, other control bytes as U+FFFD.
pub(crate) fn unfold(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut broken = false;
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '\r' | '\n' => broken = true,
            ' ' | '\t' if broken => {}
            _ => {
                if broken {
                    out.push(' ');
                    broken = false;
                }
                out.push(if character.is_control() && character != '\t' { '\u{fffd}' } else { character });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_outside_quotes_and_brackets() {
        let check = |value: &str, wanted: &[&str]| {
            let got: Vec<_> =
                Elements::new(value.as_bytes()).map(|e| std::str::from_utf8(e).unwrap()).collect();
            assert_eq!(got, wanted, "{value:?}");
        };
        check("a", &["a"]);
        check(" a , b ", &["a", "b"]);
        check(",,a,,", &["a"]);
        check("\"x, y\" <sip:a@b>, c", &["\"x, y\" <sip:a@b>", "c"]);
        check("<sip:a,b@c>;p=\"q,\\\",r\", d", &["<sip:a,b@c>;p=\"q,\\\",r\"", "d"]);
        check("\"open, quote", &["\"open, quote"]);
        check("", &[]);
    }

    #[test]
    fn quotes_escapes_and_folds_resolve() {
        let check = |value: &[u8], wanted: &str| assert_eq!(unquote(value), wanted, "{value:?}");
        check(b"\"a \\\"b\\\" \\\\c\"", "a \"b\" \\c");
        check(b" plain text ", "plain text");
        check(b"two\r\n  lines", "two lines");
        check(b"\"J\xfcrgen\"", "J\u{fffd}rgen");
        check(b"a\x07b", "a\u{fffd}b");
    }

    #[test]
    fn numbers_are_digits_only() {
        let check = |value: &str, wanted| assert_eq!(number(value.as_bytes()), wanted, "{value:?}");
        check("0", Some(0));
        check(" 70 ", Some(70));
        check("-1", None);
        check("+1", None);
        check("", None);
        check("1 2", None);
        check("18446744073709551616", None);
    }
}
