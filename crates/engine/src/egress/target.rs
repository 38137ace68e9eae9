//! Whether a URL may be gone to, by its text alone. The URL parser has already turned decimal, octal and hex
//! spellings of an address into the address. Pure.

use super::address::is_public;
use ports::EgressError;
use std::net::IpAddr;
use url::{Host, Url};

/// Longest URL, bytes.
const URL_BYTES_MAX: usize = 2_048;

/// A URL that may be gone to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    /// The configuration allows its host, whatever its address.
    pub(super) allowed: bool,
}

/// A host that the configuration allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedHost {
    host: Host<String>,
    /// None: every port.
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().ok()?))
            }
            _ => (text, None),
        };
        let bare_v6 = host.parse::<std::net::Ipv6Addr>().ok().map(Host::Ipv6);
        Some(Self { host: bare_v6.or_else(|| Host::parse(host).ok())?, port })
    }

    fn covers(&self, url: &Url) -> bool {
        let host = url.host().map(|host| host.to_owned());
        let port = self.port.is_none() || self.port == url.port_or_known_default();
        port && host.as_ref() == Some(&self.host)
    }
}

/// The URL, if it may be gone to.
pub(super) fn check(text: &str, allowed: &[AllowedHost]) -> Result<Target, EgressError> {
    let refuse = |why: &str| Err(EgressError::NotAllowed(why.to_owned()));
    if text.len() > URL_BYTES_MAX {
        return refuse("it is longer than 2048 bytes");
    }
    let Ok(url) = Url::parse(text) else { return refuse("it is no URL") };
    if !matches!(url.scheme(), "https" | "http") {
        return refuse("only https URLs are allowed");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("user and password in a URL are not allowed");
    }
    if allowed.iter().any(|host| host.covers(&url)) {
        return Ok(Target { url, allowed: true });
    }
    if url.scheme() != "https" {
        return refuse("only https URLs are allowed");
    }
    let private = match url.host() {
        None => true,
        Some(Host::Domain(name)) => is_local_name(name),
        Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
    };
    if private {
        return refuse("it names a private, loopback or reserved address");
    }
    Ok(Target { url, allowed: false })
}

/// Names that never lead out (RFC 6761 §6.3, RFC 6762 §3, RFC 8375, and the one reserved for private use).
fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let top = name.rsplit('.').next().unwrap_or_default();
    matches!(top, "localhost" | "local" | "internal") || name.ends_with(".home.arpa") || !name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: bool) {
        let allowed =
            ["127.0.0.1:8080", "dev.internal", "[::1]:9000"].map(|host| AllowedHost::parse(host).unwrap());
        assert_eq!(super::check(url, &allowed).is_ok(), expected, "{url}");
    }

    #[test]
    fn urls() {
        check("https://example.com/hook?x=1", true);
        check("https://8.8.8.8/", true);
        check("https://[2606:4700::1111]/", true);
        check("http://example.com/", false);
        check("ftp://example.com/", false);
        check("file:///etc/passwd", false);
        check("example.com", false);
        check("", false);
        check("https://user:pw@example.com/", false);
        check(&format!("https://example.com/{}", "a".repeat(2_048)), false);
    }

    #[test]
    fn private_hosts_in_every_spelling() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "intranet",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0x7f.1",
            "0",
            "10.0.0.1",
            "169.254.169.254",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[fd00::1]",
            "[fe80::1]",
            "router.home.arpa",
            "１２７.0.0.1",
        ] {
            check(&format!("https://{host}/"), false);
        }
    }

    #[test]
    fn named_hosts_are_let_through() {
        check("http://127.0.0.1:8080/", true);
        check("https://127.0.0.1:8080/", true);
        check("http://127.0.0.1:8081/", false);
        check("http://0x7f.1:8080/", true);
        check("http://dev.internal/", true);
        check("http://dev.internal:1234/", true);
        check("http://other.internal/", false);
        check("http://[::1]:9000/", true);
        check("http://[::1]/", false);
    }

    #[test]
    fn allowed_hosts_are_hosts() {
        for bad in ["", "a b", "host:port", "http://x", "host:99999"] {
            assert_eq!(AllowedHost::parse(bad), None, "{bad}");
        }
        assert_eq!(AllowedHost::parse("::1").unwrap().port, None);
    }
}
