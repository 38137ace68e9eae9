//! `"Name" <uri>;params`: From, To, Contact, Route, Record-Route (RFC 3261 §20.10, §25.1). Knows no dialog.

use super::params::{Params, is_quoted_content};
use super::scan;
use super::uri::{Scheme, Uri};

/// A name-addr or addr-spec with header parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    display: &'a [u8],
    /// The URI's text; checked when its scheme is known.
    pub uri_text: &'a str,
    /// Parameters of the header, not of the URI.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// One element of the header's value. `None` if it is malformed.
    pub fn parse(element: &'a [u8]) -> Option<Self> {
        let element = scan::trim(element);
        let parsed = match scan::position_unquoted(element, b'<') {
            Some(at) => Self::parse_bracketed(element, at)?,
            None => Self::parse_bare(element)?,
        };
        Uri::parse(parsed.uri_text).ok()?;
        Some(parsed)
    }

    fn parse_bracketed(element: &'a [u8], at: usize) -> Option<Self> {
        let display = scan::trim(element.get(..at)?);
        if !is_display(display) {
            return None;
        }
        let (uri, params) = scan::split_once(element.get(at + 1..)?, b'>')?;
        let uri_text = scan::text(scan::trim(uri))?;
        Some(Self { display, uri_text, params: Params::parse(params)? })
    }

    /// Without brackets every `;` starts a header parameter, and `,` and `?` may not stand in the URI (§20.10).
    fn parse_bare(element: &'a [u8]) -> Option<Self> {
        let at = element.iter().position(|byte| *byte == b';').unwrap_or(element.len());
        let (uri, params) = element.split_at_checked(at)?;
        let uri_text = scan::text(scan::trim(uri))?;
        if uri_text.contains(['?', ',']) {
            return None;
        }
        Some(Self { display: &[], uri_text, params: Params::parse(params)? })
    }

    /// The URI.
    pub fn uri(&self) -> Uri<'a> {
        // Checked in `parse`; the fallback is never seen.
        Uri::parse(self.uri_text).unwrap_or(Uri {
            scheme: Scheme::Other,
            user: self.uri_text,
            password: None,
            host: "",
            port: None,
            params: "",
            headers: "",
        })
    }

    /// The display name, unquoted; `None` if there is none.
    pub fn display(&self) -> Option<String> {
        (!self.display.is_empty()).then(|| scan::unquote(self.display))
    }

    /// The tag parameter.
    pub fn tag(&self) -> Option<&'a str> {
        self.params.text("tag")
    }
}

/// Nothing, a quoted string, or tokens; bytes beyond ASCII are let through, as peers send them unquoted too.
fn is_display(display: &[u8]) -> bool {
    match display {
        [] => true,
        [b'"', inner @ .., b'"'] => is_quoted_content(inner),
        _ => display.iter().all(|byte| scan::is_token_byte(*byte) || scan::is_lws(*byte) || *byte >= 0x80),
    }
}

/// A display name as it goes out: quoted, escaped, without control characters.
pub fn quote_display(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    out.push('"');
    for character in name.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_come_apart() {
        let check = |value: &[u8], display: Option<&str>, uri: &str, tag: Option<&str>| {
            let parsed = NameAddr::parse(value)
                .unwrap_or_else(|| panic!("refused: {}", String::from_utf8_lossy(value)));
            assert_eq!(
                (parsed.display().as_deref(), parsed.uri_text, parsed.tag()),
                (display, uri, tag),
                "{}",
                String::from_utf8_lossy(value)
            );
        };
        check(b"sip:a@b", None, "sip:a@b", None);
        check(b"sip:a@b;tag=1", None, "sip:a@b", Some("1"));
        check(b"<sip:a@b;x=y>;tag=1", None, "sip:a@b;x=y", Some("1"));
        check(b"Two Words <sip:a@b> ; tag = 1", Some("Two Words"), "sip:a@b", Some("1"));
        check(b"\"a \\\"<q>\\\", b\" <sip:a@b>", Some("a \"<q>\", b"), "sip:a@b", None);
        check(b"caller<sip:a@b>", Some("caller"), "sip:a@b", None);
        check(b"\"J\xfcrgen\" <sip:a@b>;tag=z", Some("J\u{fffd}rgen"), "sip:a@b", Some("z"));
        check(b"<sip:a@b?h=v>", None, "sip:a@b?h=v", None);
        check(b"<isbn:2983792873>;tag=1", None, "isbn:2983792873", Some("1"));
        check(b"\"x\"\r\n  <sip:a@b>\r\n ;tag=1", Some("x"), "sip:a@b", Some("1"));
    }

    #[test]
    fn bad_addresses_are_refused() {
        let check = |value: &str| assert_eq!(NameAddr::parse(value.as_bytes()), None, "{value}");
        check("");
        check("no uri at all");
        check("\"open quote <sip:a@b>");
        check("<sip:a@b");
        check("<t.holmes@example.org>");
        check("sip:a@b?Route=%3Csip:c%3E");
        check("<sip:a@b>;;;;");
        check("<sip:a@b>;tag=");
        check("a,b <sip:a@b>");
        check("<sip:a b@c>");
    }

    #[test]
    fn quoted_names_cannot_break_out() {
        assert_eq!(quote_display("a\"\r\nX: y\\"), "\"a\\\"X: y\\\\\"");
        let value = format!("{} <sip:a@b>", quote_display("a \"b\" \\ c"));
        assert_eq!(NameAddr::parse(value.as_bytes()).unwrap().display().as_deref(), Some("a \"b\" \\ c"));
    }
}
