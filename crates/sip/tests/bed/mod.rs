//! A test bed in virtual time: endpoints, a network between them that delays, loses and reorders by seed, and a log
//! of every packet and event in few words. Nothing here sleeps.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod raw;

use model::Timestamp;
use sip::digest::{Algorithm, Authorization, Challenge, Qop, Secret};
use sip::stream::{Frame, Framer};
use sip::{
    CallKey, Endpoint, EndpointConfig, Event, Hop, OfferRequest, Order, OutgoingCall, Output, Party,
    Transport,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

pub const A: usize = 0;
pub const B: usize = 1;
/// Where hand-written messages come from.
pub const RAW: &str = "127.0.0.1:6000";
pub const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
pub const ANSWER: &[u8] =
    b"v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";

pub type Behaviour = Box<dyn FnMut(&Event) -> Vec<Order>>;
pub type Judge = Box<dyn FnMut(&Packet) -> bool>;

#[derive(Clone, Debug)]
pub struct Packet {
    pub transport: Transport,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Packet {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// `INVITE`, or `200 INVITE`.
    pub fn name(&self) -> String {
        let text = self.text();
        let first = text.lines().next().unwrap_or_default();
        let word = |n: usize| first.split(' ').nth(n).unwrap_or_default().to_owned();
        match first.starts_with("SIP/2.0") {
            true => format!("{} {}", word(1), header(&text, "CSeq").split(' ').nth(1).unwrap_or_default()),
            false => word(0),
        }
    }
}

/// The value of a header in a message we wrote.
pub fn header(text: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase()));
    line.map(|line| line[prefix.len()..].to_owned()).unwrap_or_default()
}

pub struct Peer {
    pub endpoint: Endpoint,
    pub address: SocketAddr,
    pub events: Vec<(Timestamp, Event)>,
    behaviour: Behaviour,
}

pub struct Bed {
    pub now: Timestamp,
    /// `now`, for behaviours.
    pub clock: Rc<Cell<Timestamp>>,
    pub peers: Vec<Peer>,
    /// Every packet put on the wire, lost ones too.
    pub packets: Vec<(Timestamp, Packet)>,
    flying: BTreeMap<(Timestamp, u64), Packet>,
    serial: u64,
    random: u64,
    pub loss_per_mille: u64,
    pub delay_ms: std::ops::Range<u64>,
    /// Packets it says true to are lost.
    lose: Judge,
    start: Timestamp,
}

pub fn config(address: SocketAddr) -> EndpointConfig {
    EndpointConfig::new(address.to_string(), "bed")
}

impl Bed {
    pub fn new(seed: u64) -> Self {
        let start = Timestamp::from_millis(1_777_000_000_000);
        let mut bed = Self {
            now: start,
            clock: Rc::new(Cell::new(start)),
            peers: Vec::new(),
            packets: Vec::new(),
            flying: BTreeMap::new(),
            serial: 0,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            loss_per_mille: 0,
            delay_ms: 10..11,
            lose: Box::new(|_| false),
            start,
        };
        for (index, port) in [5060u16, 5070].into_iter().enumerate() {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let mut seed_bytes = [index as u8; 32];
            seed_bytes[8..16].copy_from_slice(&seed.to_be_bytes());
            bed.add(config(address), address, seed_bytes);
        }
        bed
    }

    pub fn add(&mut self, config: EndpointConfig, address: SocketAddr, seed: [u8; 32]) -> usize {
        let endpoint = Endpoint::new(config, seed);
        self.peers.push(Peer { endpoint, address, events: Vec::new(), behaviour: Box::new(|_| Vec::new()) });
        self.peers.len() - 1
    }

    /// What a peer orders when it hears an event.
    pub fn behave(&mut self, peer: usize, behaviour: impl FnMut(&Event) -> Vec<Order> + 'static) {
        self.peers[peer].behaviour = Box::new(behaviour);
    }

    /// Loses what it says true to.
    pub fn lose(&mut self, judge: impl FnMut(&Packet) -> bool + 'static) {
        self.lose = Box::new(judge);
    }

    /// Loses the first `count` packets of a name.
    pub fn lose_first(&mut self, name: &'static str, count: usize) {
        let mut left = count;
        self.lose(move |packet| {
            let hit = left > 0 && packet.name() == name;
            left -= usize::from(hit);
            hit
        });
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound.max(1)
    }

    pub fn order(&mut self, peer: usize, order: Order) {
        let shown = format!("{order:?}");
        let result = self.peers[peer].endpoint.handle_order(order, self.now);
        result.unwrap_or_else(|error| panic!("{error}: {shown}"));
        self.drain(peer);
    }

    /// A hand-written message arrives at a peer now.
    pub fn inject(&mut self, peer: usize, from: &str, text: &str) {
        let now = self.now;
        self.peers[peer].endpoint.handle_datagram(from.parse().unwrap(), text.as_bytes(), now);
        self.drain(peer);
    }

    pub fn drain(&mut self, peer: usize) {
        self.clock.set(self.now);
        while let Some(output) = self.peers[peer].endpoint.poll() {
            match output {
                Output::Send { hop, bytes, .. } => self.fly(peer, hop, bytes.to_vec()),
                Output::Event(event) => {
                    let orders = (self.peers[peer].behaviour)(&event);
                    self.peers[peer].events.push((self.now, event));
                    for order in orders {
                        // Under loss an order may come too late; that is the peer's own affair.
                        let _ = self.peers[peer].endpoint.handle_order(order, self.now);
                    }
                }
                Output::Trace { .. } => {}
            }
        }
    }

    fn fly(&mut self, peer: usize, hop: Hop, bytes: Vec<u8>) {
        let from = self.peers[peer].address;
        if hop.transport.is_reliable() {
            let mut framer = Framer::default();
            framer.push(&bytes);
            assert_eq!(
                framer.next_frame(),
                Some(Frame::Message(&bytes)),
                "what goes over a stream has a frame"
            );
        }
        let packet = Packet { transport: hop.transport, from, to: hop.address, bytes };
        self.packets.push((self.now, packet.clone()));
        let lost = (self.lose)(&packet) || self.draw(1_000) < self.loss_per_mille;
        if lost {
            return;
        }
        let span = self.delay_ms.end - self.delay_ms.start;
        let delay = self.delay_ms.start + self.draw(span);
        self.serial += 1;
        self.flying.insert((self.now + Duration::from_millis(delay), self.serial), packet);
    }

    /// The next thing that happens; false if nothing will within `until`.
    fn step(&mut self, until: Timestamp) -> bool {
        let packet_at = self.flying.first_key_value().map(|((at, _), _)| *at);
        let timer = (0..self.peers.len())
            .filter_map(|peer| self.peers[peer].endpoint.deadline().map(|at| (at, peer)))
            .min();
        let next = [packet_at, timer.map(|(at, _)| at)].into_iter().flatten().min();
        let Some(next) = next.filter(|at| *at <= until) else { return false };
        self.now = self.now.max(next);
        if packet_at == Some(next) {
            let (_, packet) = self.flying.pop_first().unwrap();
            if let Some(peer) = self.peers.iter().position(|peer| peer.address == packet.to) {
                let source = Hop::new(packet.transport, packet.from);
                self.peers[peer].endpoint.handle_message(source, &packet.bytes, self.now);
                self.drain(peer);
            }
        } else if let Some((_, peer)) = timer {
            let now = self.now;
            self.peers[peer].endpoint.handle_timeout(now);
            self.drain(peer);
        }
        true
    }

    pub fn run_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.step(until) {}
        self.now = until;
    }

    /// Until no packet flies and no timer runs; panics if that takes more than ten minutes, or if anything but
    /// a transaction outlives the last packet and event.
    pub fn run_out(&mut self) {
        let until = self.now + Duration::from_secs(600);
        while self.step(until) {}
        let events = self.peers.iter().filter_map(|peer| peer.events.last().map(|(at, _)| *at));
        let last = events.chain(self.packets.last().map(|(at, _)| *at)).max().unwrap_or(self.now);
        // 64·T1, and T4 for what arrives last.
        assert!(self.now - last <= Duration::from_secs(37), "a timer outlived what it was for");
        for (index, peer) in self.peers.iter().enumerate() {
            assert_eq!(peer.endpoint.load(), sip::Load::default(), "peer {index} still holds something");
        }
    }

    /// All events of a peer in few words.
    pub fn heard(&self, peer: usize) -> Vec<String> {
        self.peers[peer].events.iter().map(|(_, event)| short(event)).collect()
    }

    /// Names of all packets, with their sender: `A INVITE`.
    pub fn wire(&self) -> Vec<String> {
        let who = |from| {
            self.peers.iter().position(|peer| peer.address == from).map_or('?', |i| (b'A' + i as u8) as char)
        };
        self.packets.iter().map(|(_, packet)| format!("{} {}", who(packet.from), packet.name())).collect()
    }

    /// How many packets have this sender and name.
    pub fn count(&self, name: &str) -> usize {
        self.wire().iter().filter(|packet| *packet == name).count()
    }

    /// The last packet with this sender and name.
    pub fn last(&self, name: &str) -> String {
        let at = self.wire().iter().rposition(|packet| packet == name);
        self.packets[at.unwrap_or_else(|| panic!("no {name} in {:?}", self.wire()))].1.text()
    }

    /// Key of the first call a peer received.
    pub fn incoming(&self, peer: usize) -> CallKey {
        let found = self.peers[peer].events.iter().find_map(|(_, event)| match event {
            Event::Incoming { key, .. } => Some(*key),
            _ => None,
        });
        found.expect("no incoming call")
    }

    pub fn start(&self) -> Timestamp {
        self.start
    }

    pub fn elapsed_ms(&self) -> u128 {
        (self.now - self.start).as_millis()
    }
}

/// An event in few words.
pub fn short(event: &Event) -> String {
    match event {
        Event::Incoming { .. } => "incoming".into(),
        Event::Trying { .. } => "trying".into(),
        Event::Provisional { code, fork, sdp, reliable, .. } => {
            let reliable = if *reliable { " reliable" } else { "" };
            format!("{code} fork {fork}{}{reliable}", if sdp.is_some() { " sdp" } else { "" })
        }
        Event::Answered { answer, .. } => format!("answered fork {}", answer.fork),
        Event::AnswerAcknowledged { sdp, .. } => {
            format!("acknowledged{}", if sdp.is_some() { " sdp" } else { "" })
        }
        Event::Failed { failure, .. } => format!("failed {} {:?}", failure.code, failure.by),
        Event::Canceled { by, crossed_answer, .. } => {
            format!("canceled {by:?}{}", if *crossed_answer { " crossed" } else { "" })
        }
        Event::Ended { by, .. } => format!("ended {by:?}"),
        Event::ReinviteReceived { sdp, request, .. } => {
            let name = match request {
                OfferRequest::Reinvite => "reinvite".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            };
            format!("{name}{}", if sdp.is_some() { " sdp" } else { "" })
        }
        Event::AnswerWanted { place, .. } => format!("answer wanted {place:?}"),
        Event::ProvisionalAcknowledged { sdp, .. } => {
            format!("provisional acknowledged{}", if sdp.is_some() { " sdp" } else { "" })
        }
        Event::SessionRefreshed { sdp, .. } => {
            format!("refreshed{}", if sdp.is_some() { " sdp" } else { "" })
        }
        Event::ReferReceived { request, .. } => format!("refer {}", request.wants_progress),
        Event::ReferProgress { progress, .. } => format!("refer {progress:?}"),
        Event::ReinviteCanceled { .. } => "reinvite canceled".into(),
        Event::ReinviteAnswered { .. } => "reinvite answered".into(),
        Event::ReinviteFailed { code, .. } => format!("reinvite failed {code}"),
        Event::InfoDigit { digit, duration_ms, .. } => format!("digit {digit} {duration_ms:?}"),
        Event::Registered { expires, .. } => format!("registered {} s", expires.as_secs()),
        Event::RegistrationFailed { code, retry_after, .. } => {
            format!("not registered {code}, again in {} s", retry_after.as_secs())
        }
        Event::Unregistered { code, .. } => format!("unregistered {code:?}"),
        Event::RegisterReceived { .. } => "register".into(),
        Event::OptionsAnswered { ping, code } => format!("options {ping} {code:?}"),
    }
}

/// A call from A to B.
pub fn call() -> OutgoingCall {
    call_to("127.0.0.1:5070")
}

pub fn call_to(address: &str) -> OutgoingCall {
    OutgoingCall {
        to_uri: format!("sip:+15550101@{address}"),
        from: Party { display: Some("Al".into()), user: "+15550100".into(), host: "127.0.0.1".into() },
        destination: address.parse::<SocketAddr>().unwrap().into(),
        sdp: OFFER.to_vec(),
        credentials: None,
        replaces: None,
        route: Vec::new(),
        session_timers: None,
        extra_headers: vec![("X-Test".into(), "1".into())],
        ring_timeout: Duration::from_secs(200),
        large_over_tcp: false,
    }
}

pub fn invite(key: u64) -> Order {
    Order::Invite { key: CallKey(key), call: Box::new(call()) }
}

/// A call whose callee makes the offer.
pub fn offerless(key: u64) -> Order {
    let call = OutgoingCall { sdp: Vec::new(), ..call() };
    Order::Invite { key: CallKey(key), call: Box::new(call) }
}

pub fn give_answer(bed: &mut Bed, peer: usize, key: CallKey, place: sip::AnswerPlace) {
    bed.order(peer, Order::GiveAnswer { key, place, sdp: ANSWER.to_vec() });
}

pub fn hang_up(key: CallKey) -> Order {
    Order::HangUp { key, q850: Some(sip::Q850 { cause: 16, text: None }) }
}

/// B rings and answers at once.
pub fn answer_at_once(event: &Event) -> Vec<Order> {
    match event {
        Event::Incoming { key, .. } => vec![
            Order::Ring { key: *key, code: 180, sdp: None },
            Order::Answer { key: *key, sdp: ANSWER.to_vec() },
        ],
        Event::ReinviteReceived { key, .. } => {
            vec![Order::AnswerReinvite { key: *key, sdp: ANSWER.to_vec() }]
        }
        _ => Vec::new(),
    }
}

/// Brings a call up from A (key 1) to B.
pub fn talking(seed: u64) -> (Bed, CallKey, CallKey) {
    let mut bed = Bed::new(seed);
    bed.behave(B, answer_at_once);
    bed.order(A, invite(1));
    bed.run_ms(200);
    let key = bed.incoming(B);
    (bed, CallKey(1), key)
}

/// A response to a request we sent, written by hand.
pub fn response_to(request: &str, status: &str, tag: &str, more: &str, body: &str) -> String {
    let to = header(request, "To");
    let to = if to.contains("tag=") || tag.is_empty() { to } else { format!("{to};tag={tag}") };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
        header(request, "Via"),
        header(request, "From"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
        body.len()
    )
}

/// A challenge with `qop=auth`.
pub fn challenge(realm: &str, nonce: &str, algorithm: Algorithm) -> String {
    let (realm, nonce, qop) = (realm.to_owned(), nonce.to_owned(), Some(Qop::Auth));
    Challenge { realm, nonce, opaque: None, algorithm, qop, stale: false }.to_string()
}

/// Whether an Authorization value answers that challenge for the user `al` with the password `secret`.
pub fn is_right(value: &str, realm: &str, nonce: &str, method: &str) -> bool {
    Authorization::parse(value.as_bytes()).is_some_and(|claim| {
        let named = claim.username == "al" && claim.realm == realm && claim.nonce == nonce;
        named && claim.is_right(Secret::Password("secret"), method, b"")
    })
}
