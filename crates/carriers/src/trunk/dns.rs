//! Asks the DNS what a search for machines wants to know, and keeps what it found for as long as the records say.
//! Addresses come from the system's own resolver (with its hosts file) unless name servers are configured. Decides
//! nothing about the order of machines.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use ports::CarrierError;
use sip::locate::{Locator, Naptr, Place, Query, Records, Speaks, Srv};
use sip::message::Uri;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one question may take.
const QUESTION_MAX: Duration = Duration::from_secs(3);
/// How long one name server may take.
const SERVER_MAX: Duration = Duration::from_millis(1_200);
/// Most questions of one search.
const QUESTIONS_MAX: usize = 32;
/// Most searches whose result is kept.
const KEPT_MAX: usize = 4_096;
/// For how long a result is kept at least and at most, and where no record says.
const KEPT_S: (u32, u32, u32) = (5, 3_600, 30);

/// The way to the DNS.
pub(super) struct Dns {
    resolver: Option<TokioResolver>,
    /// Name servers of the configuration answer everything.
    configured: bool,
    kept: Mutex<HashMap<String, (Vec<Place>, Instant)>>,
}

impl Dns {
    /// Asks these name servers; none: those of the system.
    pub(super) fn new(nameservers: &[SocketAddr]) -> Self {
        let builder = if nameservers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let servers = nameservers.iter().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
        };
        let resolver = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = SERVER_MAX;
            options.attempts = 2;
            builder.build()
        });
        let resolver = resolver.inspect_err(
            |error| tracing::warn!(%error, "no DNS: carriers are found by their addresses alone"),
        );
        Self { resolver: resolver.ok(), configured: !nameservers.is_empty(), kept: Mutex::default() }
    }

    /// The machines that a URI leads to, in order; never empty.
    pub(super) async fn locate(&self, uri: &str, speaks: Speaks) -> Result<Vec<Place>, CarrierError> {
        if let Some(places) = self.known(uri) {
            return Ok(places);
        }
        let parsed = Uri::parse(uri).map_err(|error| unresolvable(uri, &error.to_string()))?;
        let fail = |reason: String| unresolvable(parsed.host, &reason);
        let random = getrandom::u64().map_err(|error| fail(error.to_string()))?;
        let mut search = Locator::new(&parsed, speaks, random).map_err(|error| fail(error.to_string()))?;
        let mut last_error = None;
        for _ in 0..QUESTIONS_MAX {
            if search.result().is_some() {
                break;
            }
            let Some(query) = search.poll() else { break };
            let (records, ttl_secs) = match self.ask(&query).await {
                Ok(found) => found,
                Err((nothing, error)) => {
                    last_error = Some(error);
                    (nothing, None)
                }
            };
            search.handle(&query, records, ttl_secs);
        }
        match search.result() {
            Some(Ok(places)) => {
                self.keep(uri, places.all(), search.ttl_secs());
                Ok(places.all().to_vec())
            }
            Some(Err(error)) => Err(fail(last_error.unwrap_or_else(|| error.to_string()))),
            None => Err(fail("its records lead in too many directions".to_owned())),
        }
    }

    fn known(&self, uri: &str) -> Option<Vec<Place>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(uri).filter(|(_, until)| *until > Instant::now()).map(|(places, _)| places.clone())
    }

    fn keep(&self, uri: &str, places: &[Place], ttl_secs: Option<u32>) {
        let (least, most, otherwise) = KEPT_S;
        let ttl = Duration::from_secs(ttl_secs.unwrap_or(otherwise).clamp(least, most).into());
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (_, until)| *until > now);
        }
        if kept.len() < KEPT_MAX {
            kept.insert(uri.to_owned(), (places.to_vec(), now + ttl));
        }
    }

    /// The answer with the shortest life of its records; without one an empty answer and why.
    async fn ask(&self, query: &Query) -> Result<(Records, Option<u32>), (Records, String)> {
        match query {
            Query::Naptr(name) => {
                let found = self.records(name, RecordType::NAPTR).await;
                let found = found.map_err(|error| (Records::Naptr(Vec::new()), error))?;
                Ok((Records::Naptr(data(&found).filter_map(naptr).collect()), ttl(&found)))
            }
            Query::Srv(name) => {
                let found = self.records(name, RecordType::SRV).await;
                let found = found.map_err(|error| (Records::Srv(Vec::new()), error))?;
                Ok((Records::Srv(data(&found).filter_map(srv).collect()), ttl(&found)))
            }
            Query::Addresses(name) => {
                let found = if self.configured { self.addresses(name).await } else { system(name).await };
                found
                    .map(|(addresses, ttl)| (Records::Addresses(addresses), ttl))
                    .map_err(|error| (Records::Addresses(Vec::new()), error))
            }
        }
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Lookup, String> {
        let resolver = self.resolver.as_ref().ok_or_else(|| "there is no resolver".to_owned())?;
        let asked = tokio::time::timeout(QUESTION_MAX, resolver.lookup(format!("{name}."), kind)).await;
        let answer = asked.map_err(|_| "the resolver did not answer within 3 seconds".to_owned())?;
        answer.map_err(|error| error.to_string())
    }

    async fn addresses(&self, name: &str) -> Result<(Vec<IpAddr>, Option<u32>), String> {
        let (v4, v6) = tokio::join!(self.records(name, RecordType::A), self.records(name, RecordType::AAAA));
        let both: Vec<&Lookup> = v4.iter().chain(v6.iter()).collect();
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let found: Vec<_> = both.iter().flat_map(|found| data(found)).filter_map(address).collect();
        let shortest = both.iter().filter_map(|found| ttl(found)).min();
        match (found.is_empty(), v4) {
            (true, Err(error)) => Err(error),
            _ => Ok((found, shortest)),
        }
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

/// By the system's own resolver.
async fn system(name: &str) -> Result<(Vec<IpAddr>, Option<u32>), String> {
    let asked = tokio::time::timeout(QUESTION_MAX, tokio::net::lookup_host((name, 0))).await;
    let answer = asked.map_err(|_| "the resolver did not answer within 3 seconds".to_owned())?;
    let found = answer.map_err(|error| error.to_string())?;
    Ok((found.map(|address| address.ip()).collect(), None))
}

fn data(found: &Lookup) -> impl Iterator<Item = &RData> {
    found.answers().iter().map(|record| &record.data)
}

fn ttl(found: &Lookup) -> Option<u32> {
    found.answers().iter().map(|record| record.ttl).min()
}

fn naptr(data: &RData) -> Option<Naptr> {
    let RData::NAPTR(record) = data else { return None };
    Some(Naptr {
        order: record.order,
        preference: record.preference,
        flags: String::from_utf8_lossy(&record.flags).into_owned(),
        service: String::from_utf8_lossy(&record.services).into_owned(),
        replacement: record.replacement.to_ascii(),
    })
}

fn srv(data: &RData) -> Option<Srv> {
    let RData::SRV(record) = data else { return None };
    let (priority, weight, port) = (record.priority, record.weight, record.port);
    Some(Srv { priority, weight, port, target: record.target.to_ascii() })
}

fn unresolvable(host: &str, reason: &str) -> CarrierError {
    CarrierError::Unresolvable { host: host.to_owned(), reason: reason.to_owned() }
}
