//! Where a URI leads (RFC 3263), as a pure machine: a URI and what we speak go in, questions for the DNS come out, records
//! go in, an ordered list of machines comes out. Bounded in questions, records and places. Who asks, follows CNAMEs and
//! keeps answers is not known here.

mod places;
mod record;

pub use places::{Place, Places, is_worth_another_place};
pub use record::{Naptr, Srv};

use crate::endpoint::order::{Hop, Transport};
use crate::message::Uri;
use crate::message::uri::{Scheme, host_address};
use record::{Draws, in_order, trim_dot, usable};
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 32;
/// Addresses of one host that are used.
const ADDRESSES_MAX: usize = 8;
/// Hosts that are asked for.
const HOSTS_MAX: usize = 16;
/// Places found.
const PLACES_MAX: usize = 32;

/// What we can send by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaks {
    /// Transports, the most wanted first; that order counts where DNS gives none.
    pub transports: Vec<Transport>,
    /// Whether IPv4 can be sent.
    pub ipv4: bool,
    /// Whether IPv6 can be sent.
    pub ipv6: bool,
}

impl Speaks {
    fn has(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }

    fn reaches(&self, ip: IpAddr) -> bool {
        let family = if ip.is_ipv4() { self.ipv4 } else { self.ipv6 };
        family && !ip.is_unspecified() && !ip.is_multicast()
    }
}

/// A question for the DNS. Names are in lower case, without the dot of the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// NAPTR records.
    Naptr(String),
    /// SRV records.
    Srv(String),
    /// A and AAAA records, CNAMEs followed.
    Addresses(String),
}

/// The DNS's answer; an empty one if there is no such name or it could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// To a NAPTR question.
    Naptr(Vec<Naptr>),
    /// To an SRV question.
    Srv(Vec<Srv>),
    /// To a question for addresses; they are tried in this order.
    Addresses(Vec<IpAddr>),
}

/// Why a URI leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LocateError {
    /// Not sip or sips, or without a host.
    #[error("only sip and sips URIs lead to a machine")]
    NotSip,
    /// The URI asks for a transport that we do not speak, or that `sips` forbids.
    #[error("the URI's transport is not spoken here")]
    Transport,
    /// DNS knows no machine for it, or none whose addresses can be reached.
    #[error("no address is known for the URI's host")]
    NotFound,
}

/// Where a search leads to: a host and port by a transport.
#[derive(Clone, Debug)]
struct Lead {
    transport: Transport,
    host: String,
    port: u16,
}

/// A question under way.
struct Asked<T> {
    query: Query,
    about: T,
    given: bool,
    answered: bool,
}

enum Stage {
    Naptr(Asked<()>),
    /// For each transport its SRV name, and what it led to.
    Srv(Vec<(Asked<Transport>, Vec<Srv>)>),
    /// For each host its addresses.
    Addresses(Vec<Lead>, Vec<(Asked<()>, Vec<IpAddr>)>),
    Done(Vec<Place>),
}

/// One search. Ask each [`Self::poll`], give each answer to [`Self::handle`], in any order, until [`Self::result`] is
/// there.
pub struct Locator {
    speaks: Speaks,
    scheme: Scheme,
    target: String,
    draws: Draws,
    stage: Stage,
    ttl_secs: Option<u32>,
}

impl Locator {
    /// Starts the search for a URI; `random` decides among SRV records of one priority.
    pub fn new(uri: &Uri<'_>, speaks: Speaks, random: u64) -> Result<Self, LocateError> {
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
            return Err(LocateError::NotSip);
        }
        // §4: maddr, if there is one, is what to look for.
        let target = uri.param("maddr").flatten().filter(|maddr| !maddr.is_empty()).unwrap_or(uri.host);
        let asked = asked_transport(uri)?;
        let mut locator = Self {
            speaks,
            scheme: uri.scheme,
            target: trim_dot(target).to_ascii_lowercase(),
            draws: Draws(random),
            stage: Stage::Done(Vec::new()),
            ttl_secs: None,
        };
        if asked.is_some_and(|asked| !locator.speaks.has(asked)) {
            return Err(LocateError::Transport);
        }
        locator.begin(uri.port, asked)?;
        Ok(locator)
    }

    fn begin(&mut self, port: Option<u16>, asked: Option<Transport>) -> Result<(), LocateError> {
        let is_address = host_address(&self.target).is_some();
        if is_address || port.is_some() {
            let transport = asked.or(self.usual_transport()).ok_or(LocateError::Transport)?;
            let port = port.unwrap_or(transport.default_port());
            self.ask_addresses(vec![Lead { transport, host: self.target.clone(), port }]);
        } else if let Some(transport) = asked {
            self.ask_srv(vec![(transport, self.srv_name(transport))]);
        } else {
            let query = Query::Naptr(self.target.clone());
            self.stage = Stage::Naptr(Asked::new(query, ()));
        }
        Ok(())
    }

    /// The next question to ask; several may be under way at one time.
    pub fn poll(&mut self) -> Option<Query> {
        match &mut self.stage {
            Stage::Naptr(asked) => asked.give(),
            Stage::Srv(all) => all.iter_mut().find_map(|(asked, _)| asked.give()),
            Stage::Addresses(_, all) => all.iter_mut().find_map(|(asked, _)| asked.give()),
            Stage::Done(_) => None,
        }
    }

    /// An answer came; one to a question not asked is passed over. `ttl_secs` is the shortest of its records'.
    pub fn handle(&mut self, query: &Query, records: Records, ttl_secs: Option<u32>) {
        let taken = match (&mut self.stage, records) {
            (Stage::Naptr(asked), Records::Naptr(mut found)) if asked.takes(query) => {
                found.truncate(RECORDS_MAX);
                let names = usable(found, |transport| may(transport, self.scheme, &self.speaks));
                self.on_naptr(names);
                true
            }
            (Stage::Srv(all), Records::Srv(mut found)) => {
                let open = all.iter_mut().find(|(asked, _)| asked.takes(query));
                open.is_some_and(|(asked, slot)| {
                    found.truncate(RECORDS_MAX);
                    found.retain(|record| record.port != 0 && !trim_dot(&record.target).is_empty());
                    (asked.answered, *slot) = (true, found);
                    true
                })
            }
            (Stage::Addresses(_, all), Records::Addresses(mut found)) => {
                let open = all.iter_mut().find(|(asked, _)| asked.takes(query));
                open.is_some_and(|(asked, slot)| {
                    found.retain(|ip| self.speaks.reaches(*ip));
                    found.truncate(ADDRESSES_MAX);
                    (asked.answered, *slot) = (true, found);
                    true
                })
            }
            _ => false,
        };
        if taken {
            self.ttl_secs = self.ttl_secs.into_iter().chain(ttl_secs).min();
            self.advance();
        }
    }

    /// The places, once all is answered.
    pub fn result(&self) -> Option<Result<Places, LocateError>> {
        match &self.stage {
            Stage::Done(places) if places.is_empty() => Some(Err(LocateError::NotFound)),
            Stage::Done(places) => Some(Ok(Places::new(places.clone()))),
            _ => None,
        }
    }

    /// For how long the result holds; none if no record was needed.
    pub fn ttl_secs(&self) -> Option<u32> {
        self.ttl_secs
    }

    /// §4.1 without NAPTR: UDP for sip, TLS for sips; what else we speak if that is not it.
    fn usual_transport(&self) -> Option<Transport> {
        let wanted = if self.scheme == Scheme::Sips { Transport::Tls } else { Transport::Udp };
        let other = self.speaks.transports.iter().find(|other| may(**other, self.scheme, &self.speaks));
        if self.speaks.has(wanted) { Some(wanted) } else { other.copied() }
    }

    fn srv_name(&self, transport: Transport) -> String {
        let service = match transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
        };
        format!("{service}.{}", self.target)
    }

    fn on_naptr(&mut self, names: Vec<(Transport, String)>) {
        if !names.is_empty() {
            return self.ask_srv(names);
        }
        // §4.1: no NAPTR, so SRV for each transport that the scheme allows. For sip, TLS is not among them.
        let transports = self.speaks.transports.iter().filter(|transport| match self.scheme {
            Scheme::Sips => transport.is_secure(),
            _ => !transport.is_secure(),
        });
        let names: Vec<_> = transports.map(|transport| (*transport, self.srv_name(*transport))).collect();
        self.ask_srv(names);
        self.advance();
    }

    fn ask_srv(&mut self, names: Vec<(Transport, String)>) {
        let asked = names.into_iter().map(|(about, name)| (Asked::new(Query::Srv(name), about), Vec::new()));
        self.stage = Stage::Srv(asked.collect());
    }

    fn ask_addresses(&mut self, leads: Vec<Lead>) {
        let mut hosts: Vec<&str> = Vec::new();
        for lead in &leads {
            if hosts.len() < HOSTS_MAX && !hosts.contains(&lead.host.as_str()) {
                hosts.push(&lead.host);
            }
        }
        let asked = hosts.iter().map(|host| {
            let mut asked = Asked::new(Query::Addresses((*host).to_owned()), ());
            let ip = host_address(host).filter(|ip| self.speaks.reaches(*ip));
            let known = host_address(host).is_some();
            (asked.given, asked.answered) = (known, known);
            (asked, ip.into_iter().collect())
        });
        let asked = asked.collect();
        self.stage = Stage::Addresses(leads, asked);
        self.advance();
    }

    /// Goes on when all questions of a stage are answered.
    fn advance(&mut self) {
        match &mut self.stage {
            Stage::Srv(all) if all.iter().all(|(asked, _)| asked.answered) => {
                let found = std::mem::take(all);
                self.on_srv(found);
            }
            Stage::Addresses(leads, all) if all.iter().all(|(asked, _)| asked.answered) => {
                self.stage = Stage::Done(places(leads, all));
            }
            _ => {}
        }
    }

    fn on_srv(&mut self, found: Vec<(Asked<Transport>, Vec<Srv>)>) {
        let mut leads = Vec::new();
        let asked: Vec<_> = found.iter().map(|(asked, _)| asked.about).collect();
        for (asked, records) in found {
            for record in in_order(records, &mut self.draws) {
                let host = trim_dot(&record.target).to_ascii_lowercase();
                leads.push(Lead { transport: asked.about, host, port: record.port });
            }
        }
        if leads.is_empty() {
            // §4.2: no SRV, so the host itself at the default port, by the transport that was asked for alone.
            let only = asked.first().copied().filter(|_| asked.len() == 1);
            if let Some(transport) = only.or(self.usual_transport()) {
                let (host, port) = (self.target.clone(), transport.default_port());
                leads.push(Lead { transport, host, port });
            }
        }
        self.ask_addresses(leads);
    }
}

impl<T> Asked<T> {
    const fn new(query: Query, about: T) -> Self {
        Self { query, about, given: false, answered: false }
    }

    fn give(&mut self) -> Option<Query> {
        if self.given {
            return None;
        }
        self.given = true;
        Some(self.query.clone())
    }

    fn takes(&self, query: &Query) -> bool {
        self.given && !self.answered && self.query == *query
    }
}

/// The transport that the URI itself asks for.
fn asked_transport(uri: &Uri<'_>) -> Result<Option<Transport>, LocateError> {
    let Some(word) = uri.param("transport").flatten() else { return Ok(None) };
    let asked = Transport::from_parameter(word).ok_or(LocateError::Transport)?;
    match (uri.scheme, asked) {
        (Scheme::Sips, Transport::Udp) => Err(LocateError::Transport),
        (Scheme::Sips, _) => Ok(Some(Transport::Tls)),
        _ => Ok(Some(asked)),
    }
}

/// Whether a transport may serve a scheme, and is spoken.
fn may(transport: Transport, scheme: Scheme, speaks: &Speaks) -> bool {
    speaks.has(transport) && (scheme != Scheme::Sips || transport.is_secure())
}

/// The leads with their addresses, each place once.
fn places(leads: &[Lead], hosts: &[(Asked<()>, Vec<IpAddr>)]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for lead in leads {
        let of_lead =
            |asked: &Asked<()>| matches!(&asked.query, Query::Addresses(host) if *host == lead.host);
        let found = hosts.iter().find(|(asked, _)| of_lead(asked));
        for ip in found.into_iter().flat_map(|(_, addresses)| addresses) {
            let hop = Hop::new(lead.transport, SocketAddr::new(*ip, lead.port));
            if places.len() < PLACES_MAX && !places.iter().any(|place| place.hop == hop) {
                places.push(Place { hop, host: lead.host.clone() });
            }
        }
    }
    places
}

#[cfg(test)]
mod tests;
