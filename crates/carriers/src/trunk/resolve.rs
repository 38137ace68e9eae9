//! From a trunk's host to its addresses.

use ports::CarrierError;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long the resolver may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Most addresses of a host that are looked at.
const ADDRESSES_MAX: usize = 16;

/// The addresses of `host` that a socket bound to `local` can reach, in the resolver's order; never empty.
pub(crate) async fn resolve(host: &str, port: u16, local: IpAddr) -> Result<Vec<SocketAddr>, CarrierError> {
    let unresolvable =
        |reason: &str| CarrierError::Unresolvable { host: host.to_owned(), reason: reason.to_owned() };
    let found: Vec<SocketAddr> = match literal(host) {
        Some(address) => vec![SocketAddr::new(address, port)],
        None => {
            let lookup = tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port))).await;
            let found = lookup.map_err(|_| unresolvable("the resolver did not answer within 3 seconds"))?;
            found.map_err(|error| unresolvable(&error.to_string()))?.take(ADDRESSES_MAX).collect()
        }
    };
    let reachable: Vec<_> = found.into_iter().filter(|found| found.is_ipv4() == local.is_ipv4()).collect();
    if reachable.is_empty() {
        return Err(unresolvable("it has no address of the family that our SIP socket speaks"));
    }
    Ok(reachable)
}

/// The address that `host` spells, if it is no name.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse().ok()
}

/// `host` as it stands in a URI: IPv6 addresses in brackets, the port only where it is given and not 5060.
pub(crate) fn uri_host(host: &str, port: Option<u16>) -> String {
    let bracketed = host.contains(':') && !host.starts_with('[');
    let host = if bracketed { format!("[{host}]") } else { host.to_owned() };
    match port {
        None | Some(5060) => host,
        Some(port) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_need_no_resolver_and_must_fit_our_socket() {
        for (host, local, expected) in [
            ("192.0.2.1", "0.0.0.0", Some("192.0.2.1:5070")),
            ("[2001:db8::1]", "::", Some("[2001:db8::1]:5070")),
            ("2001:db8::1", "::", Some("[2001:db8::1]:5070")),
            ("2001:db8::1", "0.0.0.0", None),
            ("192.0.2.1", "::", None),
        ] {
            let found = resolve(host, 5070, local.parse().unwrap()).await;
            let expected = expected.map(|address| vec![address.parse::<SocketAddr>().unwrap()]);
            assert_eq!(found.ok(), expected, "{host} from {local}");
        }
    }

    #[tokio::test]
    async fn a_host_without_address_is_named() {
        let error = resolve("no such host", 5060, [0, 0, 0, 0].into()).await.unwrap_err();
        assert!(
            matches!(&error, CarrierError::Unresolvable { host, .. } if host == "no such host"),
            "{error}"
        );
    }

    #[test]
    fn hosts_in_uris() {
        assert_eq!(uri_host("sip.example.com", None), "sip.example.com");
        assert_eq!(uri_host("192.0.2.1", Some(5080)), "192.0.2.1:5080");
        assert_eq!(uri_host("2001:db8::1", Some(5060)), "[2001:db8::1]");
        assert_eq!(uri_host("[2001:db8::1]", Some(5061)), "[2001:db8::1]:5061");
    }
}
