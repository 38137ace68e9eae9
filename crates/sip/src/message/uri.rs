//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966). Must not know where they stand or what they lead to.

use super::scan;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a URI is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other scheme; a Request-URI with it gets 416.
    Other,
}

/// Why a URI was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No scheme, or a byte that no URI holds.
    #[error("not a URI")]
    NotUri,
    /// The host is missing or no host.
    #[error("the host is missing or malformed")]
    Host,
    /// The port is no number of 1..=65535.
    #[error("the port is malformed")]
    Port,
    /// A `%` without two hexadecimal digits.
    #[error("a malformed escape")]
    Escape,
}

/// A URI, its parts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The user part without password, escapes unresolved, with its own parameters; of tel the number. May be empty.
    pub user: &'a str,
    /// The part between `:` and `@`.
    pub password: Option<&'a str>,
    /// The host; empty for tel and unknown schemes.
    pub host: &'a str,
    /// The port.
    pub port: Option<u16>,
    /// What follows the first `;` after the host, without it.
    pub params: &'a str,
    /// What follows `?`, without it.
    pub headers: &'a str,
}

impl<'a> Uri<'a> {
    /// Reads a whole URI, without angle brackets.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let banned = |byte: u8| byte <= b' ' || byte == 0x7f || matches!(byte, b'<' | b'>' | b'"');
        if text.bytes().any(banned) {
            return Err(UriError::NotUri);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::NotUri)?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !is_scheme {
            return Err(UriError::NotUri);
        }
        if scheme.eq_ignore_ascii_case("sip") {
            Self::parse_sip(Scheme::Sip, rest)
        } else if scheme.eq_ignore_ascii_case("sips") {
            Self::parse_sip(Scheme::Sips, rest)
        } else if scheme.eq_ignore_ascii_case("tel") {
            Self::parse_tel(rest)
        } else {
            Ok(Self::bare(Scheme::Other, rest))
        }
    }

    const fn bare(scheme: Scheme, user: &'a str) -> Self {
        Self { scheme, user, password: None, host: "", port: None, params: "", headers: "" }
    }

    fn parse_tel(rest: &'a str) -> Result<Self, UriError> {
        let (number, params) = rest.split_once(';').unwrap_or((rest, ""));
        check_escapes(rest)?;
        if number.is_empty() {
            return Err(UriError::NotUri);
        }
        Ok(Self { params, ..Self::bare(Scheme::Tel, number) })
    }

    fn parse_sip(scheme: Scheme, rest: &'a str) -> Result<Self, UriError> {
        check_escapes(rest)?;
        let (userinfo, rest) = match rest.split_once('@') {
            Some(("", _)) => return Err(UriError::NotUri),
            Some((userinfo, rest)) => (userinfo, rest),
            None => ("", rest),
        };
        let (user, password) = match userinfo.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (userinfo, None),
        };
        if user.is_empty() && password.is_some() {
            return Err(UriError::NotUri);
        }
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        let (host_port, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = split_host_port(host_port)?;
        Ok(Self { scheme, user, password, host, port, params, headers })
    }

    /// A URI parameter by name, without regard to case; the inner option tells whether it has a value.
    pub fn param(&self, name: &str) -> Option<Option<&'a str>> {
        self.params.split(';').find_map(|param| {
            let (found, value) = match param.split_once('=') {
                Some((found, value)) => (found, Some(value)),
                None => (param, None),
            };
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The user part as meant: its own parameters (RFC 3966 in a SIP URI) cut off, escapes resolved.
    pub fn user_plain(&self) -> String {
        unescape(self.user.split(';').next().unwrap_or_default())
    }

    /// Whether two URIs mean the same (RFC 3261 §19.1.4): parameters that say where or how must agree, others only where
    /// both have them.
    pub fn is_same_as(&self, other: &Uri<'_>) -> bool {
        let same_host = match (self.address(), other.address()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.host.eq_ignore_ascii_case(other.host),
        };
        self.scheme == other.scheme
            && unescape(self.user) == unescape(other.user)
            && self.password.map(unescape) == other.password.map(unescape)
            && same_host
            && self.port == other.port
            && self.headers.eq_ignore_ascii_case(other.headers)
            && self.agrees_with(other)
            && other.agrees_with(self)
    }

    /// Whether the other one has nothing against our parameters.
    fn agrees_with(&self, other: &Uri<'_>) -> bool {
        const DECIDING: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];
        self.params.split(';').filter(|param| !param.is_empty()).all(|param| {
            let (name, value) =
                param.split_once('=').map_or((param, None), |(name, value)| (name, Some(value)));
            match other.param(name) {
                Some(theirs) => theirs.unwrap_or_default().eq_ignore_ascii_case(value.unwrap_or_default()),
                None => !DECIDING.iter().any(|known| known.eq_ignore_ascii_case(name)),
            }
        })
    }

    /// The host as an address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        host_address(self.host)
    }

    /// The host as a socket address with the port given or 5060, if it is an address.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        let port = self.port.unwrap_or(if self.scheme == Scheme::Sips { 5061 } else { 5060 });
        self.address().map(|ip| SocketAddr::new(ip, port))
    }
}

/// Prints what was parsed; an unknown scheme cannot be printed and comes out as `other:`.
impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other => "other",
        };
        write!(f, "{scheme}:{}", self.user)?;
        if let Some(password) = self.password {
            write!(f, ":{password}")?;
        }
        if !self.user.is_empty() && !self.host.is_empty() {
            f.write_str("@")?;
        }
        f.write_str(self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if !self.params.is_empty() {
            write!(f, ";{}", self.params)?;
        }
        if !self.headers.is_empty() {
            write!(f, "?{}", self.headers)?;
        }
        Ok(())
    }
}

/// `host[:port]`, the host a name, an IPv4 address or an IPv6 address in brackets.
pub(crate) fn split_host_port(text: &str) -> Result<(&str, Option<u16>), UriError> {
    let at = match text.strip_prefix('[') {
        Some(inner) => inner.find(']').ok_or(UriError::Host)? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at_checked(at).ok_or(UriError::Host)?;
    if !is_host(host) {
        return Err(UriError::Host);
    }
    if rest.is_empty() {
        return Ok((host, None));
    }
    let digits = rest.strip_prefix(':').ok_or(UriError::Host)?;
    let port = scan::number(digits.as_bytes()).and_then(|port| u16::try_from(port).ok());
    match port {
        Some(port) if port != 0 => Ok((host, Some(port))),
        _ => Err(UriError::Port),
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(_) => host_address(host).is_some(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    }
}

/// A host that is an address; IPv6 in brackets or bare.
pub(crate) fn host_address(host: &str) -> Option<IpAddr> {
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(v4));
    }
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if inner.contains(":::") {
        // The grammar of RFC 3261 asks for one colon too many before an IPv4 address (RFC 5118 §4.10).
        return inner
            .replacen(":::", "::", 1)
            .parse::<Ipv6Addr>()
            .ok()
            .filter(|_| inner.contains('.'))
            .map(IpAddr::V6);
    }
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

fn check_escapes(text: &str) -> Result<(), UriError> {
    let mut rest = text.as_bytes();
    while let Some((_, after)) = scan::split_once(rest, b'%') {
        match after {
            [high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest = tail,
            _ => return Err(UriError::Escape),
        }
    }
    Ok(())
}

/// Resolves `%41`; a malformed escape stays as it is, bytes that are not UTF-8 become U+FFFD.
pub fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match tail {
            [high, low, after @ ..] if *first == b'%' => {
                if let (Some(high), Some(low)) = (digit(high), digit(low)) {
                    out.push(high * 16 + low);
                    rest = after;
                    continue;
                }
                out.push(*first);
            }
            _ => out.push(*first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Escapes what may not stand in the user part of a URI.
pub fn escape_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
            || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b'/');
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
    fn good_uris_come_apart_and_print_again() {
        let check = |text: &str, scheme, user: &str, host: &str, port, params: &str, headers: &str| {
            let uri = Uri::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (uri.scheme, uri.user, uri.host, uri.port, uri.params, uri.headers),
                (scheme, user, host, port, params, headers),
                "{text}"
            );
            let printed = uri.to_string();
            assert_eq!(Uri::parse(&printed), Ok(uri), "{text} printed as {printed}");
        };
        use Scheme::{Sip, Sips, Tel};
        check("sip:example.com", Sip, "", "example.com", None, "", "");
        check("sip:a@example.com", Sip, "a", "example.com", None, "", "");
        check("SIPS:a@1.2.3.4:5061", Sips, "a", "1.2.3.4", Some(5061), "", "");
        check("sip:a:pw@[2001:db8::1]:5070;lr", Sip, "a", "[2001:db8::1]", Some(5070), "lr", "");
        check("sip:a;x=1?b@c;transport=udp?h=v", Sip, "a;x=1?b", "c", None, "transport=udp", "h=v");
        check("sip:%61%40b@c_d.example", Sip, "%61%40b", "c_d.example", None, "", "");
        check("tel:+1-201-555-0123;phone-context=x", Tel, "+1-201-555-0123", "", None, "phone-context=x", "");
    }

    #[test]
    fn bad_uris_are_refused() {
        let check = |text: &str, wanted| assert_eq!(Uri::parse(text).err(), Some(wanted), "{text}");
        check("", UriError::NotUri);
        check("example.com", UriError::NotUri);
        check("sip:", UriError::Host);
        check("sip:@host", UriError::NotUri);
        check("sip::password@host", UriError::NotUri);
        check("<sip:a@b>", UriError::NotUri);
        check("sip:a b@c", UriError::NotUri);
        check("sip:a@b:x", UriError::Port);
        check("sip:a@b:70000", UriError::Port);
        check("sip:a@b:0", UriError::Port);
        check("sip:a@[::1", UriError::Host);
        check("sip:a@[1.2.3]", UriError::Host);
        check("sip:a%4@b", UriError::Escape);
        check("tel:", UriError::NotUri);
        check("1x:abc", UriError::NotUri);
    }

    #[test]
    fn unknown_schemes_parse_as_such() {
        assert_eq!(Uri::parse("nobodyKnowsThisScheme:totallyopaquecontent").unwrap().scheme, Scheme::Other);
    }

    #[test]
    fn users_unescape_and_escape() {
        let check =
            |uri: &str, wanted: &str| assert_eq!(Uri::parse(uri).unwrap().user_plain(), wanted, "{uri}");
        check("sip:%2B1555@h", "+1555");
        check("sip:+1555;npdi;rn=x@h", "+1555");
        check("sip:%c3%bc@h", "ü");
        check("tel:+1555;ext=1", "+1555");
        assert_eq!(escape_user("+1 5@;ü"), "+1%205%40%3B%C3%BC");
        assert_eq!(unescape("%zz%4"), "%zz%4");
    }

    #[test]
    fn uris_compare_as_the_rfc_says() {
        let check = |a: &str, b: &str, same: bool| {
            let (first, second) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
            assert_eq!(first.is_same_as(&second), same, "{a} and {b}");
            assert_eq!(second.is_same_as(&first), same, "{b} and {a}");
        };
        // RFC 3261 §19.1.4.
        check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true);
        check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
        check("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true);
        check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
        check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false);
        check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false);
        check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
        check("sip:a@[2001:db8::1]", "sip:a@[2001:0DB8:0:0::1]", true);
        check("sip:a@b", "sips:a@b", false);
    }

    #[test]
    fn addresses_are_recognised() {
        let address = |uri| Uri::parse(uri).unwrap().socket_address().map(|a| a.to_string());
        assert_eq!(address("sip:a@192.0.2.1").as_deref(), Some("192.0.2.1:5060"));
        assert_eq!(address("sip:a@[::1]:7").as_deref(), Some("[::1]:7"));
        assert_eq!(address("sips:192.0.2.1").as_deref(), Some("192.0.2.1:5061"));
        assert_eq!(address("sip:a@example.com"), None);
    }
}
