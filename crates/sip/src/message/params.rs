//! `;name=value` lists as headers carry them (RFC 3261 §25.1 generic-param). Knows no header.

use super::scan;

/// A parameter list, checked once; borrowed from the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// What follows the value, from its first `;` on; may be empty. `None` if it is not a parameter list.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes = scan::trim(bytes);
        if bytes.is_empty() {
            return Some(Self(bytes));
        }
        let list = Self(bytes.strip_prefix(b";").filter(|list| !list.is_empty())?);
        list.iter().all(|(name, value)| scan::is_token(name) && value.is_none_or(is_value)).then_some(list)
    }

    /// The parameters in order: name, and value as written (quotes and all).
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let mut rest = (!self.0.is_empty()).then_some(self.0);
        std::iter::from_fn(move || {
            let bytes = rest?;
            let (param, tail) = match scan::split_once_unquoted(bytes, b';') {
                Some((param, tail)) => (param, Some(tail)),
                None => (bytes, None),
            };
            rest = tail;
            Some(match scan::split_once(param, b'=') {
                Some((name, value)) => (scan::trim(name), Some(scan::trim(value))),
                None => (scan::trim(param), None),
            })
        })
    }

    /// A parameter by name, without regard to case; the inner option tells whether it has a value.
    pub fn get(self, name: &str) -> Option<Option<&'a [u8]>> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// A parameter's value as text.
    pub fn text(self, name: &str) -> Option<&'a str> {
        scan::text(self.get(name)??)
    }

    /// A parameter's value as a number.
    pub fn number(self, name: &str) -> Option<u64> {
        scan::number(self.get(name)??)
    }
}

/// Token, host (IPv6 in brackets too) or quoted string.
fn is_value(value: &[u8]) -> bool {
    match value {
        [] => false,
        [b'"', inner @ .., b'"'] => is_quoted_content(inner),
        _ => value
            .iter()
            .all(|byte| !scan::is_lws(*byte) && !matches!(byte, b'"' | b'<' | b'>' | b',' | b';' | 0)),
    }
}

/// Whether no quote stands inside unescaped.
pub(crate) fn is_quoted_content(inner: &[u8]) -> bool {
    let mut escaped = false;
    for &byte in inner {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return false,
            _ => {}
        }
    }
    !escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_name() {
        let params = Params::parse(b" ;Branch = z9hG4bKa ;rport; x=\"a;\\\"b\" ;ip=[::1]").unwrap();
        assert_eq!(params.text("branch"), Some("z9hG4bKa"));
        assert_eq!(params.get("RPORT"), Some(None));
        assert_eq!(params.text("x"), Some("\"a;\\\"b\""));
        assert_eq!(params.text("ip"), Some("[::1]"));
        assert_eq!(params.get("none"), None);
    }

    #[test]
    fn what_is_no_parameter_list_is_refused() {
        let check = |bytes: &str, good: bool| {
            assert_eq!(Params::parse(bytes.as_bytes()).is_some(), good, "{bytes:?}");
        };
        check("", true);
        check("  ", true);
        check(";a", true);
        check(";a=b;c", true);
        check("a", false);
        check(";", false);
        check(";;a", false);
        check(";a;", false);
        check(";a=", false);
        check(";a=\"open", false);
        check(";a b=c", false);
        check(";=c", false);
    }
}
