//! Via (RFC 3261 §20.42, RFC 3581): the way responses take. Knows no transaction.

use super::params::Params;
use super::scan;
use super::uri::split_host_port;

/// One Via element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, … as written.
    pub transport: &'a str,
    /// Host of sent-by as written.
    pub host: &'a str,
    /// Port of sent-by.
    pub port: Option<u16>,
    /// Its parameters.
    pub params: Params<'a>,
}

/// What a branch of RFC 3261 starts with.
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

impl<'a> Via<'a> {
    /// One element of the header's value. `None` if it is malformed or not SIP/2.0.
    pub fn parse(element: &'a [u8]) -> Option<Self> {
        let (protocol, rest) = scan::split_once(element, b'/')?;
        let (version, rest) = scan::split_once(rest, b'/')?;
        if !scan::trim(protocol).eq_ignore_ascii_case(b"SIP") || scan::trim(version) != b"2.0" {
            return None;
        }
        let rest = scan::trim(rest);
        let end = rest.iter().position(|byte| scan::is_lws(*byte))?;
        let (transport, rest) = rest.split_at_checked(end)?;
        if !scan::is_token(transport) {
            return None;
        }
        let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at_checked(end)?;
        let (host, port) = parse_sent_by(scan::text(scan::trim(sent_by))?)?;
        Some(Self { transport: scan::text(transport)?, host, port, params: Params::parse(params)? })
    }

    /// The branch, if it is one of RFC 3261: the cookie and something unique after it.
    pub fn branch(&self) -> Option<&'a str> {
        let branch = self.params.text("branch")?;
        let (cookie, unique) = branch.split_at_checked(MAGIC_COOKIE.len())?;
        (cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !unique.is_empty()).then_some(branch)
    }
}

/// White space may stand around the colon (`host : 5060`).
fn parse_sent_by(sent_by: &str) -> Option<(&str, Option<u16>)> {
    match sent_by.rsplit_once(':') {
        Some((host, port))
            if host.ends_with(char::is_whitespace) || port.starts_with(char::is_whitespace) =>
        {
            let (host, none) = split_host_port(host.trim_end()).ok()?;
            let port = u16::try_from(scan::number(port.as_bytes())?).ok()?;
            (none.is_none() && port != 0).then_some((host, Some(port)))
        }
        _ => split_host_port(sent_by).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_vias_come_apart() {
        let check = |value: &str, transport: &str, host: &str, port, branch: Option<&str>| {
            let via = Via::parse(value.as_bytes()).unwrap_or_else(|| panic!("refused: {value}"));
            assert_eq!(
                (via.transport, via.host, via.port, via.branch()),
                (transport, host, port, branch),
                "{value}"
            );
        };
        check("SIP/2.0/UDP h", "UDP", "h", None, None);
        check(
            "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx;rport",
            "UDP",
            "192.0.2.1",
            Some(5070),
            Some("z9hG4bKx"),
        );
        check(
            "SIP  / 2.0\r\n /UDP\r\n    192.0.2.2 : 4000 ;ttl=16 ; branch= Z9HG4BKq",
            "UDP",
            "192.0.2.2",
            Some(4000),
            Some("Z9HG4BKq"),
        );
        check(
            "SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bKas3-1",
            "TCP",
            "[2001:db8::9:1]",
            None,
            Some("z9hG4bKas3-1"),
        );
        check("SIP/2.0/UDP h;branch=z9hG4bK", "UDP", "h", None, None);
        check("SIP/2.0/UDP h;branch=old-style", "UDP", "h", None, None);
    }

    #[test]
    fn bad_vias_are_refused() {
        let check = |value: &str| assert_eq!(Via::parse(value.as_bytes()), None, "{value}");
        check("");
        check("SIP/2.0/UDP");
        check("SIP/2.0 UDP h");
        check("SIP/7.0/UDP h");
        check("HTTP/2.0/UDP h");
        check("SIP/2.0/UDP 192.0.2.15;;,;,,");
        check("SIP/2.0/UDP h:99999");
        check("SIP/2.0/UDP h:50 60");
        check("SIP/2.0/UDP [::1");
        check("SIP/2.0/UDP h x");
    }
}
