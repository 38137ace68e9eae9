//! The connections of one user agent: found by peer and transport, opened when something is to be sent, bounded in
//! all, for each source and in time. Their tasks read and write; what they say comes out of one bounded queue. Knows
//! no message.

mod link;
pub(crate) mod listen;
mod reader;

pub(crate) use link::LinkId;
pub(crate) use link::News;
use link::{Link, Verify};
use listen::Accepted;
use rustls::pki_types::ServerName;
use sip::{Hop, Transport};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

use super::budget::{Standing, place};
use super::tls::Tls;

/// What all connections together may say before somebody listens.
const NEWS_MAX: usize = 256;
/// What connections may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamLimits {
    /// Connections at one time.
    pub(crate) connections_max: usize,
    /// Those among them from sources we do not know.
    pub(crate) strangers_max: usize,
    /// Those from one source we know.
    pub(crate) per_known_max: usize,
    /// Those from one source we do not know.
    pub(crate) per_stranger_max: usize,
    /// Connections whose handshake is not done.
    pub(crate) opening_max: usize,
    /// Messages that wait to be written on one connection; with one more it is closed.
    pub(crate) queue_max: usize,
    /// Longest attempt to connect.
    pub(crate) connect: Duration,
    /// Longest TLS handshake.
    pub(crate) handshake: Duration,
    /// From the beginning of a peer's connection to its first whole message.
    pub(crate) first_message: Duration,
    /// From the first byte of a message to its last.
    pub(crate) whole_message: Duration,
    /// How long a connection may lie without a message.
    pub(crate) idle: Duration,
    /// The same of a stranger's, whose signs of life do not count.
    pub(crate) idle_stranger: Duration,
    /// Longest write.
    pub(crate) write: Duration,
    /// How often a peer we connected to hears a sign of life (RFC 5626 §4.4.1).
    pub(crate) ping_each: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            strangers_max: 1_024,
            per_known_max: 512,
            per_stranger_max: 16,
            opening_max: 256,
            queue_max: 256,
            connect: Duration::from_secs(4),
            handshake: Duration::from_secs(5),
            first_message: Duration::from_secs(10),
            whole_message: Duration::from_secs(10),
            idle: Duration::from_secs(7_200),
            idle_stranger: Duration::from_secs(60),
            write: Duration::from_secs(10),
            ping_each: Duration::from_secs(110),
        }
    }
}

/// Why a message could not be handed to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("there are as many connections as there may be")]
    Full,
    #[error("the peer does not read")]
    Slow,
    #[error("the phone's connection is over")]
    Gone,
    #[error("the peer's name is none that a certificate could bear")]
    Name,
}

/// What is to be written on a connection.
type Queue = mpsc::Sender<Arc<[u8]>>;

/// All connections.
pub(crate) struct Streams {
    limits: StreamLimits,
    tls: Option<Arc<Tls>>,
    links: HashMap<LinkId, Entry>,
    by_hop: BTreeMap<Hop, LinkId>,
    sources: HashMap<IpAddr, usize>,
    strangers: usize,
    opening: usize,
    /// Connections over TLS that we opened, by the name that their far side has proved.
    by_name: HashMap<(Hop, Box<str>), LinkId>,
    next: u64,
    news: mpsc::Sender<(LinkId, News)>,
    /// Hops whose connection is over, until they are asked for.
    closed: Vec<Hop>,
}

struct Entry {
    hop: Hop,
    queue: Queue,
    /// Whether its source is one we know; its task reads it.
    known: Arc<AtomicBool>,
    is_open: bool,
    /// Opened by us over TLS: what its far side has to prove.
    name: Option<Box<str>>,
}

/// What comes of a connection's news: where it is from, and what it says.
pub(crate) struct Heard {
    pub(crate) hop: Hop,
    pub(crate) news: News,
}

impl Streams {
    /// No connection yet; what they will say comes out of the receiver.
    pub(crate) fn new(limits: StreamLimits, tls: Option<Arc<Tls>>) -> (Self, mpsc::Receiver<(LinkId, News)>) {
        let (news, heard) = mpsc::channel(NEWS_MAX);
        let streams = Self {
            limits,
            tls,
            links: HashMap::new(),
            by_hop: BTreeMap::new(),
            sources: HashMap::new(),
            strangers: 0,
            opening: 0,
            by_name: HashMap::new(),
            next: 0,
            news,
            closed: Vec::new(),
        };
        (streams, heard)
    }

    /// Connections at this moment.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// Takes a connection that a peer opened, if there is room; else it is closed at once.
    pub(crate) fn accept(&mut self, accepted: Accepted, known: bool) -> bool {
        let Accepted { stream, peer, transport } = accepted;
        let tls = match transport {
            Transport::Tls => match self.tls.as_ref().and_then(|tls| tls.server()) {
                Some(config) => Some(config),
                None => return false,
            },
            _ => None,
        };
        if !self.has_room(peer.ip(), known) {
            return false;
        }
        let link = self.enter(Hop::new(transport, peer), known, false);
        tokio::spawn(link.serve(stream, tls));
        true
    }

    /// Hands a message to the connection of this hop; over TLS, where whom it leads to matters, to one whose far side has
    /// proved this name (RFC 5922 §4). If there is none, a peer's other connection may do, or one is
    /// opened; not so for phones: behind the same address there may be a neighbour.
    pub(crate) fn send(
        &mut self,
        hop: Hop,
        name: Option<&str>,
        standing: Standing,
        message: &Arc<[u8]>,
    ) -> Result<(), StreamError> {
        let (id, queue) = match self.find(hop, name, standing).and_then(|id| Some((id, self.links.get(&id)?)))
        {
            Some((id, entry)) => (id, entry.queue.clone()),
            None if standing == Standing::Phone => return Err(StreamError::Gone),
            None => self.open(hop, name)?,
        };
        if queue.try_send(Arc::clone(message)).is_err() {
            self.close(id);
            return Err(StreamError::Slow);
        }
        Ok(())
    }

    /// The hop by which a message to this one goes: itself, but for a peer's response whose connection is over. Phones and
    /// strangers are sought nowhere else.
    pub(crate) fn way(&self, hop: Hop, name: Option<&str>, standing: Standing, message: &[u8]) -> Hop {
        if standing != Standing::Peer || self.find(hop, name, standing).is_some() {
            return hop;
        }
        sip::way_without_connection(message, hop).unwrap_or(hop)
    }

    /// The connection of a hop: over TLS one whose far side has proved the name, or that it opened itself; where nothing
    /// says what the machine at that very port has to prove, one that its address has with us already: who called us is
    /// answered where it called from (RFC 5923).
    fn find(&self, hop: Hop, name: Option<&str>, standing: Standing) -> Option<LinkId> {
        let own = self.by_hop.get(&hop).copied();
        if let Some(name) = name.filter(|_| hop.transport.is_secure()) {
            let theirs = |id: &LinkId| self.links.get(id).is_some_and(|entry| entry.name.is_none());
            return self.by_name.get(&(hop, name.into())).copied().or(own.filter(theirs));
        }
        let may_share = hop.transport.is_secure() && standing == Standing::Peer;
        if own.is_some() || !may_share {
            return own;
        }
        let lowest = Hop::tls(SocketAddr::new(hop.address.ip(), 0));
        let mut others = self
            .by_hop
            .range(lowest..)
            .take_while(|(other, _)| other.transport.is_secure() && other.address.ip() == hop.address.ip());
        others.find(|(_, id)| self.links.get(id).is_some_and(|entry| entry.is_open)).map(|(_, id)| *id)
    }

    fn open(&mut self, hop: Hop, name: Option<&str>) -> Result<(LinkId, Queue), StreamError> {
        if self.links.len() >= self.limits.connections_max {
            return Err(StreamError::Full);
        }
        let verify = match (hop.transport, &self.tls) {
            (Transport::Tls, None) => return Err(StreamError::Name),
            (Transport::Tls, Some(tls)) => {
                let address = || Ok(ServerName::IpAddress(hop.address.ip().into()));
                let name = name.map_or_else(address, |name| ServerName::try_from(name.to_owned()));
                Some(Verify { client: tls.client(), name: name.map_err(|_| StreamError::Name)? })
            }
            _ => None,
        };
        let link = self.enter(hop, true, true);
        if let (Some(name), Transport::Tls, Some(entry)) = (name, hop.transport, self.links.get_mut(&link.id))
        {
            entry.name = Some(name.into());
            self.by_name.insert((hop, name.into()), link.id);
        }
        let queue = self.links.get(&link.id).map(|entry| entry.queue.clone()).ok_or(StreamError::Full)?;
        let id = link.id;
        tokio::spawn(link.open(hop.address, verify));
        Ok((id, queue))
    }

    fn has_room(&self, source: IpAddr, known: bool) -> bool {
        let limits = &self.limits;
        let of_source = self.sources.get(&place(source)).copied().unwrap_or_default();
        let of_source_max = if known { limits.per_known_max } else { limits.per_stranger_max };
        self.links.len() < limits.connections_max
            && self.opening < limits.opening_max
            && of_source < of_source_max
            && (known || self.strangers < limits.strangers_max)
    }

    fn enter(&mut self, hop: Hop, known: bool, ours: bool) -> Link {
        let id = LinkId(self.next);
        self.next += 1;
        let (queue, waiting) = mpsc::channel(self.limits.queue_max);
        let queue_end = queue.downgrade();
        let flag = Arc::new(AtomicBool::new(known));
        self.links.insert(id, Entry { hop, queue, known: Arc::clone(&flag), is_open: false, name: None });
        self.by_hop.insert(hop, id);
        *self.sources.entry(place(hop.address.ip())).or_default() += 1;
        self.strangers += usize::from(!known);
        self.opening += 1;
        Link {
            id,
            limits: self.limits,
            queue: waiting,
            queue_end,
            news: self.news.clone(),
            known: flag,
            ours,
        }
    }

    /// What a connection told; none if it had been closed already.
    pub(crate) fn hear(&mut self, id: LinkId, news: News) -> Option<Heard> {
        let entry = self.links.get_mut(&id)?;
        let hop = entry.hop;
        match &news {
            News::Opened => {
                if !std::mem::replace(&mut entry.is_open, true) {
                    self.opening -= 1;
                }
            }
            News::Closed(_) => self.close(id),
            News::Message(_) | News::Fault(..) => {}
        }
        Some(Heard { hop, news })
    }

    /// The source of a connection is one we know after all, or no longer.
    pub(crate) fn is_known(&mut self, hop: Hop, known: bool) {
        let entry = self.by_hop.get(&hop).and_then(|id| self.links.get_mut(id));
        if let Some(entry) = entry
            && entry.known.swap(known, Ordering::Relaxed) != known
        {
            self.strangers = if known { self.strangers - 1 } else { self.strangers + 1 };
        }
    }

    /// Closes the connection of a hop once all that waits is written.
    pub(crate) fn close_hop(&mut self, hop: Hop) {
        if let Some(id) = self.by_hop.get(&hop).copied() {
            self.close(id);
        }
    }

    /// The hops that have no connection any more, whoever ended it, each told once.
    pub(crate) fn take_closed(&mut self) -> Vec<Hop> {
        std::mem::take(&mut self.closed)
    }

    fn close(&mut self, id: LinkId) {
        let Some(entry) = self.links.remove(&id) else { return };
        if self.by_hop.get(&entry.hop) == Some(&id) {
            self.by_hop.remove(&entry.hop);
            self.closed.push(entry.hop);
        }
        if let Some(name) = entry.name.clone() {
            let place = (entry.hop, name);
            if self.by_name.get(&place) == Some(&id) {
                self.by_name.remove(&place);
            }
        }
        self.strangers -= usize::from(!entry.known.load(Ordering::Relaxed));
        self.opening -= usize::from(!entry.is_open);
        let source = place(entry.hop.address.ip());
        if let Some(count) = self.sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
    }
}
