//! Which machines a trunk's calls go to, in which order, and where a redirection may lead: to the carrier itself and
//! nowhere else, for a call that goes elsewhere is paid for by whoever runs this server.

use super::avoided::Avoided;
use super::dns::Dns;
use crate::leg::attempts::{Guide, Target};
use model::Timestamp;
use model::trunk::{RedirectPolicy, Trunk, TrunkTransport};
use ports::CarrierError;
use sip::locate::{Place, Speaks};
use sip::message::Uri;
use sip::message::uri::Scheme;
use sip::{Hop, Transport};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What our own sockets can do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sockets {
    /// The address that UDP is bound to: its family is ours.
    pub(super) local: IpAddr,
    /// Whether peers reach us by TCP.
    pub(super) tcp: bool,
    /// Whether peers reach us by TLS.
    pub(super) tls: bool,
}

impl Sockets {
    /// Where the carrier's domain may choose, it chooses among what we can be reached by.
    fn speaks(self, wanted: TrunkTransport) -> Speaks {
        let also = |speaks: bool, transport| speaks.then_some(transport);
        let transports = match wanted {
            TrunkTransport::Auto => {
                let more = [also(self.tcp, Transport::Tcp), also(self.tls, Transport::Tls)];
                [Some(Transport::Udp)].into_iter().chain(more).flatten().collect()
            }
            TrunkTransport::Udp => vec![Transport::Udp],
            TrunkTransport::Tcp => vec![Transport::Tcp],
            TrunkTransport::Tls => vec![Transport::Tls],
        };
        Speaks { transports, ipv4: self.local.is_ipv4(), ipv6: self.local.is_ipv6() }
    }
}

/// The hosts of a trunk in the order in which they are to be tried; never empty.
pub(super) async fn targets(
    trunk: &Trunk,
    sockets: Sockets,
    dns: &Dns,
    avoided: &Avoided,
    now: Timestamp,
) -> Result<Vec<Target>, CarrierError> {
    let mut places = dns.locate(&uri(trunk), sockets.speaks(trunk.transport)).await?;
    places.sort_by_key(|place| avoided.contains(place.hop, now));
    // What a certificate has to name is the carrier's host, whatever the DNS made of it (RFC 5922 §4).
    let name: Arc<str> = trunk.host.as_str().into();
    let target = |place: Place| Target { name: Some(Arc::clone(&name)), ..Target::to(place.hop) };
    Ok(places.into_iter().map(target).collect())
}

/// The URI that says where a trunk is.
fn uri(trunk: &Trunk) -> String {
    let host = uri_host(&trunk.host, trunk.port);
    match trunk.transport {
        TrunkTransport::Auto => format!("sip:{host}"),
        TrunkTransport::Udp => format!("sip:{host};transport=udp"),
        TrunkTransport::Tcp => format!("sip:{host};transport=tcp"),
        TrunkTransport::Tls => format!("sip:{host};transport=tls"),
    }
}

/// The address that `host` spells, if it is no name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse().ok()
}

/// `host` as it stands in a URI: IPv6 addresses in brackets, the port only where one is given.
pub(super) fn uri_host(host: &str, port: Option<u16>) -> String {
    let bracketed = host.contains(':') && !host.starts_with('[');
    let host = if bracketed { format!("[{host}]") } else { host.trim_end_matches('.').to_owned() };
    match port {
        None => host,
        Some(port) => format!("{host}:{port}"),
    }
}

/// Leads one call of a trunk.
pub(super) struct TrunkGuide {
    pub(super) trunk: Arc<Trunk>,
    pub(super) avoided: Arc<Avoided>,
    /// The hosts that the call may go to of itself.
    pub(super) targets: Vec<Target>,
}

impl Guide for TrunkGuide {
    fn failed(&self, hop: Hop, retry_after_s: Option<u32>, now: Timestamp) {
        self.avoided.failed(hop, retry_after_s, now);
    }

    fn redirected(&self, uri: &str) -> Vec<Target> {
        if self.trunk.redirects == RedirectPolicy::Refuse {
            return Vec::new();
        }
        let Ok(contact) = Uri::parse(uri) else { return Vec::new() };
        if !matches!(contact.scheme, Scheme::Sip | Scheme::Sips) {
            return Vec::new();
        }
        let hops = match contact.address() {
            Some(address) => self.at_address(address, &contact),
            None => self.at_name(&contact),
        };
        let name = self.targets.first().and_then(|target| target.name.clone());
        let target = |hop| Target { name: name.clone(), uri: Some(uri.to_owned()), ..Target::to(hop) };
        hops.into_iter().map(target).collect()
    }
}

impl TrunkGuide {
    /// An address that is one of the carrier's.
    fn at_address(&self, address: IpAddr, contact: &Uri<'_>) -> Vec<Hop> {
        let same = |target: &&Target| target.hop.address.ip().to_canonical() == address.to_canonical();
        let own = self.targets.iter().find(same);
        let allowed = &self.trunk.allowed_sources;
        let is_near = allowed.iter().any(|network| !network.is_everything() && network.contains(address));
        if own.is_none() && !is_near {
            return Vec::new();
        }
        let usual = own.or(self.targets.first()).map_or(Transport::Udp, |target| target.hop.transport);
        let Some(transport) = transport(contact, usual) else { return Vec::new() };
        let port = contact.port.unwrap_or(transport.default_port());
        vec![Hop::new(transport, SocketAddr::new(address, port))]
    }

    /// The carrier's own name.
    fn at_name(&self, contact: &Uri<'_>) -> Vec<Hop> {
        if !contact.host.trim_end_matches('.').eq_ignore_ascii_case(self.trunk.host.trim_end_matches('.')) {
            return Vec::new();
        }
        let hop = |target: &Target| {
            let transport = transport(contact, target.hop.transport)?;
            let port = contact.port.unwrap_or(target.hop.address.port());
            Some(Hop::new(transport, SocketAddr::new(target.hop.address.ip(), port)))
        };
        self.targets.iter().filter_map(hop).collect()
    }
}

/// The transport that a contact asks for; nothing less safe than what the trunk is spoken to by.
fn transport(contact: &Uri<'_>, usual: Transport) -> Option<Transport> {
    let asked = match contact.param("transport").flatten() {
        Some(word) => Transport::from_parameter(word)?,
        None if contact.scheme == Scheme::Sips => Transport::Tls,
        None => usual,
    };
    (asked.is_secure() || (!usual.is_secure() && contact.scheme == Scheme::Sip)).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::trunk::TransferPolicy;
    use model::{IdSource, OrganizationId, TrunkId};

    fn trunk(host: &str, redirects: RedirectPolicy) -> Trunk {
        let mut ids = IdSource::new(1);
        let now = Timestamp::from_millis(1);
        Trunk {
            id: TrunkId::generate(&mut ids, now),
            organization: OrganizationId::generate(&mut ids, now),
            name: "t".into(),
            host: host.into(),
            port: None,
            transport: TrunkTransport::Auto,
            register: false,
            register_expires_s: 600,
            redirects,
            transfers: TransferPolicy::Refuse,
            srtp: model::srtp::SrtpPolicy::Off,
            credentials: None,
            allowed_sources: vec!["198.51.100.0/24".parse().unwrap()],
            codecs: Trunk::CODECS.to_vec(),
            codec_preference: Default::default(),
            session: Default::default(),
            calls_per_second_max: 1,
            concurrent_calls_max: 1,
            filed: false,
            created_at: now,
            updated_at: now,
        }
    }

    fn check(uri: &str, expected: &[&str]) {
        let hop = Hop::udp("192.0.2.1:5060".parse().unwrap());
        let target = Target { name: Some("carrier.example".into()), ..Target::to(hop) };
        let guide = TrunkGuide {
            trunk: Arc::new(trunk("carrier.example", RedirectPolicy::Follow)),
            avoided: Arc::default(),
            targets: vec![target],
        };
        let found = guide.redirected(uri);
        let found: Vec<_> =
            found.iter().map(|t| format!("{} {}", t.hop.transport.parameter(), t.hop.address)).collect();
        assert_eq!(found, expected, "{uri}");
        let refusing = Arc::new(trunk("carrier.example", RedirectPolicy::Refuse));
        assert!(TrunkGuide { trunk: refusing, ..guide }.redirected(uri).is_empty(), "{uri}");
    }

    #[test]
    fn redirections_stay_with_the_carrier() {
        check("sip:+49301@carrier.example", &["udp 192.0.2.1:5060"]);
        check("sip:+49301@CARRIER.example:5070", &["udp 192.0.2.1:5070"]);
        check("sip:+49301@192.0.2.1:5080;transport=tcp", &["tcp 192.0.2.1:5080"]);
        check("sip:+49301@198.51.100.7", &["udp 198.51.100.7:5060"]);
        check("sips:+49301@carrier.example:5061", &["tls 192.0.2.1:5061"]);
        check("sip:+882@203.0.113.9", &[]);
        check("sip:+882@premium.example", &[]);
        check("sip:+882@carrier.example.evil.example", &[]);
        check("tel:+882", &[]);
        check("sip:+882@carrier.example;transport=sctp", &[]);
        check("nonsense", &[]);
    }

    #[test]
    fn an_open_network_is_no_place_to_be_redirected_to() {
        let mut open = trunk("carrier.example", RedirectPolicy::Follow);
        open.allowed_sources = vec!["0.0.0.0/0".parse().unwrap()];
        let guide = TrunkGuide { trunk: Arc::new(open), avoided: Arc::default(), targets: Vec::new() };
        assert!(guide.redirected("sip:+882@203.0.113.9").is_empty());
    }

    #[test]
    fn hosts_in_uris() {
        assert_eq!(uri_host("sip.example.com", None), "sip.example.com");
        assert_eq!(uri_host("sip.example.com.", None), "sip.example.com");
        assert_eq!(uri_host("192.0.2.1", Some(5080)), "192.0.2.1:5080");
        assert_eq!(uri_host("2001:db8::1", Some(5060)), "[2001:db8::1]:5060");
        assert_eq!(uri_host("[2001:db8::1]", Some(5061)), "[2001:db8::1]:5061");
    }
}
