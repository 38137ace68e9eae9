//! The agent's loop: messages, orders and time go into the endpoint; what comes out goes to the sockets and to the
//! legs. Decides nothing about a call.

mod ground;
mod legs;

use super::gate::{Gate, Passage};
use super::registrations::Ordered;
use super::streams::listen::Accepted;
use super::streams::{Heard, LinkId, News, Streams};
use super::traces::{Trace, Traces};
use super::{AgentOrder, socket};
use crate::leg::{Command, Leg};
pub(crate) use ground::seed;
pub(super) use ground::{Ground, serve};
use model::Timestamp;
use sip::{CallKey, Endpoint, Hop, Order, Output, RegistrationKey, Subject, Transport};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::sync::mpsc;

/// Messages read, or orders taken, before everything else gets its turn.
const TURN_MAX: usize = 64;
/// Largest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// How long to sleep when nothing is waited for; levels are shown at least so often.
const IDLE: Duration = Duration::from_secs(5);
/// Rounds of orders and transport errors before inputs get their turn; what is left then goes on right after one.
const ROUNDS_MAX: usize = 16;
/// An end whose leg is not there is kept for so many orders, of which one may place it: twice what may wait.
const EARLY_END_ORDERS: u64 = 8_192;
/// When a caller may try again whose network has its share of all places.
const RETRY_AFTER_S: u32 = 5;

/// The loop's state.
struct Run<'a> {
    ground: &'a mut Ground,
    endpoint: Endpoint,
    streams: Streams,
    heard: mpsc::Receiver<(LinkId, News)>,
    gate: Gate,
    /// Our port, where we are named to each peer by the address of the route to it.
    named_by_route: Option<u16>,
    legs: HashMap<CallKey, Leg>,
    /// The leg of each call that is a leg's second or later attempt.
    attempts: HashMap<CallKey, CallKey>,
    /// When a leg's attempt is given up if nothing is heard of it: time, leg, attempt.
    patience: BTreeSet<(Timestamp, CallKey, CallKey)>,
    /// What registrars have to prove over TLS, by the registration; gone with it.
    registrars: HashMap<RegistrationKey, Arc<str>>,
    traces: Traces,
    follow_ups: Vec<Order>,
    unreachable: Vec<Hop>,
    /// Calls that were hung up and that the endpoint did not know.
    orphans: Vec<CallKey>,
    /// Bodies of answers that shall be lost once on the way.
    losing: Vec<Vec<u8>>,
    /// Something is left of the last rounds.
    unsettled: bool,
    /// Orders taken since the loop began.
    orders_taken: u64,
    /// Ends that overtook the order to place their call: with the number of the last order that may be that.
    early_ends: BTreeMap<CallKey, (u64, Command)>,
    shown_at: Timestamp,
}

impl<'a> Run<'a> {
    fn new(ground: &'a mut Ground, seed: [u8; 32]) -> Self {
        let config = &ground.config;
        let (streams, heard) = Streams::new(config.streams, Some(Arc::clone(&ground.tls)));
        let (door, counters) = (Arc::clone(&ground.door), Arc::clone(&ground.counters));
        Self {
            endpoint: Endpoint::new(ground.endpoint.clone(), seed),
            streams,
            heard,
            gate: Gate::new(door, counters, config.budget, config.calls_per_source_max.clone()),
            named_by_route: config.named_by_route(),
            legs: HashMap::new(),
            attempts: HashMap::new(),
            patience: BTreeSet::new(),
            registrars: HashMap::new(),
            traces: Traces::default(),
            follow_ups: Vec::new(),
            unreachable: Vec::new(),
            orphans: Vec::new(),
            losing: Vec::new(),
            unsettled: false,
            orders_taken: 0,
            early_ends: BTreeMap::new(),
            shown_at: Timestamp::default(),
            ground,
        }
    }

    async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            self.endpoint.set_calls_max(self.ground.config.calls_max.get());
            let now = self.ground.clock.now();
            let rest = self.deadline().map_or(IDLE, |deadline| deadline.since(now).min(IDLE));
            let sleep = if self.unsettled { Duration::ZERO } else { rest };
            tokio::select! {
                order = self.ground.orders.recv() => {
                    let Some(order) = order else { return };
                    self.take_orders(order).await;
                }
                ready = self.ground.socket.ready(Interest::READABLE | Interest::ERROR) => {
                    if ready.is_ok_and(|ready| ready.is_error()) {
                        self.hear_refusals();
                        self.settle(now).await;
                    }
                    self.read(&mut buffer).await;
                }
                () = self.ground.farewells.rung() => self.take_farewells().await,
                Some((id, news)) = self.heard.recv() => self.hear(id, news).await,
                Some(accepted) = self.ground.accepted.recv() => self.accept(accepted),
                () = tokio::time::sleep(sleep) => {}
            }
            for hop in self.streams.take_closed() {
                self.guarded("a closed connection", |run| run.ground.door.closed(hop));
            }
            let now = self.ground.clock.now();
            if self.deadline().is_some_and(|deadline| deadline <= now) {
                self.lose_patience(now);
                // A timer that is due is taken out before anything else, so none comes twice.
                self.guarded("a timer", |run| run.endpoint.handle_timeout(now));
                self.settle(now).await;
            } else if self.unsettled {
                self.settle(now).await;
            }
            self.show(now);
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        let patience = self.patience.first().map(|waiting| waiting.0);
        self.endpoint.deadline().into_iter().chain(patience).min()
    }

    /// Shows what is held, once a second.
    fn show(&mut self, now: Timestamp) {
        if now.since(self.shown_at) < Duration::from_secs(1) {
            return;
        }
        self.shown_at = now;
        let (load, levels) = (self.endpoint.load(), &self.ground.counters.levels);
        let figure = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        levels.calls.set(figure(load.calls));
        levels.transactions.set(figure(load.transactions));
        levels.timers.set(figure(load.timers));
        levels.connections.set(figure(self.streams.len()));
        levels.orders.set(figure(self.ground.orders.len()));
    }

    async fn take_orders(&mut self, first: AgentOrder) {
        let mut next = Some(first);
        let mut left = TURN_MAX;
        while let Some(order) = next.take() {
            let now = self.ground.clock.now();
            let key = match &order {
                AgentOrder::Place { leg, .. } => Some(leg.key()),
                AgentOrder::Tell { key, .. } => Some(*key),
                AgentOrder::Register { .. } | AgentOrder::Unregister { .. } | AgentOrder::Release { .. } => {
                    None
                }
            };
            let done = self.guarded("an order", |run| run.take_order(order, now));
            if let (None, Some(key)) = (done, key) {
                self.give_up(key);
            }
            self.settle(now).await;
            self.orders_taken += 1;
            left -= 1;
            if left > 0 {
                next = self.ground.orders.try_recv().ok();
            }
        }
        let taken = self.orders_taken;
        self.early_ends.retain(|_, (last, _)| *last > taken);
    }

    /// Carries out ends that found no room in the queue.
    async fn take_farewells(&mut self) {
        let now = self.ground.clock.now();
        for (key, command) in self.ground.farewells.take() {
            if self.guarded("an end", |run| run.farewell(key, command, now)).is_none() {
                self.give_up(key);
            }
            self.settle(now).await;
        }
    }

    fn take_order(&mut self, order: AgentOrder, now: Timestamp) {
        match order {
            AgentOrder::Place { leg, call, taken } => self.place(*leg, call, taken, now),
            AgentOrder::Tell { key, command } => self.tell(key, command, now),
            AgentOrder::Register { key, registration, name } => {
                self.name_towards(registration.destination.address);
                match name {
                    Some(name) => drop(self.registrars.insert(key, name)),
                    None => drop(self.registrars.remove(&key)),
                }
                self.follow_ups.push(Order::Register { key, registration });
            }
            AgentOrder::Unregister { key } => self.follow_ups.push(Order::Unregister { key }),
            AgentOrder::Release { snapshot } => self.release(*snapshot, now),
        }
    }

    async fn read(&mut self, buffer: &mut [u8]) {
        for _ in 0..TURN_MAX {
            // An error is the echo of something sent before.
            let (length, source) = match self.ground.socket.try_recv_from(buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.hear_refusals();
                    continue;
                }
            };
            let Some(datagram) = buffer.get(..length) else { return };
            let now = self.ground.clock.now();
            if self.message(Hop::udp(source), datagram, now).is_none_or(Passage::is_heard) {
                self.settle(now).await;
            }
        }
    }

    /// A message arrived; whose it is. None: it ended in a panic.
    fn message(&mut self, hop: Hop, bytes: &[u8], now: Timestamp) -> Option<Passage> {
        self.ground.counters.received.add();
        self.guarded("a message", |run| {
            let passage = run.gate.takes(hop, bytes, now);
            let is_named = passage == Passage::Known || (passage.is_heard() && hop.transport.is_reliable());
            if is_named && !run.endpoint.has_name_towards(hop.address.ip()) {
                run.name_towards(hop.address);
            }
            if passage.is_heard() {
                run.endpoint.set_registrar(run.ground.door.is_registrar());
                if bytes.starts_with(b"INVITE ") {
                    let timers = run.ground.door.session_timers(hop.address.ip());
                    run.endpoint.set_session_timers(timers.unwrap_or(run.ground.config.session_timers));
                }
                run.endpoint.handle_message(hop, bytes, now);
            }
            passage
        })
    }

    /// The network told of peers that cannot be reached.
    fn hear_refusals(&mut self) {
        self.unreachable.extend(socket::refusals(&self.ground.socket).into_iter().map(Hop::udp));
    }

    fn accept(&mut self, accepted: Accepted) {
        let now = self.ground.clock.now();
        let passage = self.gate.weigh(accepted.peer.ip(), now);
        let taken = passage != Passage::Refused && self.streams.accept(accepted, passage == Passage::Known);
        let counters = &self.ground.counters;
        if taken { counters.connections_taken.add() } else { counters.connections_refused.add() }
    }

    /// A connection tells something.
    async fn hear(&mut self, id: LinkId, news: News) {
        let now = self.ground.clock.now();
        let Some(Heard { hop, news }) = self.streams.hear(id, news) else { return };
        match news {
            News::Opened => return,
            News::Message(bytes) => match self.message(hop, &bytes, now) {
                // Whoever says what nobody wants to hear has no business here.
                Some(Passage::Refused) => return self.streams.close_hop(hop),
                // Its REGISTER may be under way on this very connection.
                Some(Passage::Early) => return,
                Some(passage) => {
                    self.settle(now).await;
                    // A stranger may have become known by this very message: a phone that registered.
                    let known = passage == Passage::Known || self.gate.knows(hop.address.ip());
                    return self.streams.is_known(hop, known);
                }
                None => {}
            },
            News::Fault(fault, head) => {
                if self.gate.takes(hop, &head, now).is_heard() {
                    self.guarded("a broken stream", |run| {
                        run.endpoint.handle_stream_fault(hop, fault, &head);
                    });
                    self.settle(now).await;
                }
                return self.streams.close_hop(hop);
            }
            News::Closed(why) => {
                tracing::debug!(peer = %hop.address, why, "a SIP connection is over");
                self.ground.counters.connections_lost.add();
                self.unreachable.push(hop);
            }
        }
        self.settle(now).await;
    }

    /// A machine with several addresses is reached by each peer at that of the route to it.
    fn name_towards(&mut self, peer: SocketAddr) {
        if let Some(port) = self.named_by_route
            && let Ok(address) = socket::address_towards(peer)
        {
            self.endpoint.set_name_towards(peer.ip(), &SocketAddr::new(address, port).to_string());
        }
    }

    /// Carries out all that the endpoint and the legs want, until nobody wants anything.
    async fn settle(&mut self, now: Timestamp) {
        self.unsettled = false;
        for _ in 0..ROUNDS_MAX {
            while let Some(output) = self.endpoint.poll() {
                match output {
                    Output::Send { subject, hop, bytes, retransmission } => {
                        self.send(subject, hop, &bytes, retransmission).await;
                    }
                    Output::Event(event) => {
                        let key = event.key();
                        if self.guarded("an event", |run| run.event(event, now)).is_none()
                            && let Some(key) = key
                        {
                            self.give_up(key);
                        }
                    }
                    Output::Trace { key, direction, hop, bytes, retransmission } => {
                        if let Some(key) = key {
                            let trace = Trace { direction, hop, bytes, retransmission, at: now };
                            self.guarded("a line on the timeline", |run| run.trace(key, trace));
                        }
                    }
                }
            }
            if self.follow_ups.is_empty() && self.unreachable.is_empty() {
                self.let_orphans_go();
                self.losing.clear();
                return;
            }
            for hop in std::mem::take(&mut self.unreachable) {
                self.guarded("a transport error", |run| run.endpoint.handle_transport_error(hop, now));
            }
            for order in std::mem::take(&mut self.follow_ups) {
                self.guarded("an order", |run| run.follow_up(order, now));
            }
        }
        self.unsettled = true;
    }

    fn follow_up(&mut self, order: Order, now: Timestamp) {
        let hung_up = match &order {
            Order::HangUp { key, .. } => Some(*key),
            _ => None,
        };
        if let Order::Answer { key, sdp } = &order
            && self.legs.get_mut(key).is_some_and(Leg::takes_lost_answer)
        {
            self.losing.push(sdp.clone());
        }
        let registration = Ordered::of(&order);
        if let Err(error) = self.endpoint.handle_order(order, now) {
            self.ground.counters.orders_refused.add();
            if let Some((key, news)) = registration.map(|ordered| ordered.refused(&error)) {
                self.ground.door.registration(key, news);
            }
            tracing::debug!(%error, "an order did not fit the call's state");
            self.orphans.extend(hung_up);
        }
    }

    /// Does one piece of work. A panic in it costs what it was about, and no other call.
    fn guarded<T>(&mut self, what: &'static str, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(|| work(self))).ok();
        if done.is_none() {
            self.ground.counters.panics.add();
            tracing::error!(what, "work of the SIP user agent ended in a panic; it is dropped");
        }
        done
    }

    async fn send(&mut self, subject: Subject, hop: Hop, bytes: &Arc<[u8]>, retransmission: bool) {
        if !retransmission && self.losing.iter().any(|body| bytes.ends_with(body)) {
            return;
        }
        let sent = if self.ground.config.loopback_only && !hop.address.ip().to_canonical().is_loopback() {
            Err("this agent speaks to loopback only".to_owned())
        } else if hop.transport == Transport::Udp {
            self.send_datagram(hop.address, bytes).await.map_err(|error| error.to_string())
        } else {
            let standing = self.ground.door.standing(hop.address.ip());
            let name = self.name_of(subject, hop);
            let hop = self.streams.way(hop, name.as_deref(), standing, bytes);
            self.streams.send(hop, name.as_deref(), standing, bytes).map_err(|error| error.to_string())
        };
        let counters = &self.ground.counters;
        match sent {
            Ok(()) => {
                counters.sent.add();
                if retransmission {
                    counters.retransmitted.add();
                }
            }
            Err(error) => {
                counters.send_failures.add();
                tracing::debug!(error, peer = %hop.address, "a SIP message could not be sent");
                self.unreachable.push(hop);
            }
        }
    }

    /// What the far side of this hop has to prove, for whom a message is sent there.
    fn name_of(&self, subject: Subject, hop: Hop) -> Option<Arc<str>> {
        if !hop.transport.is_secure() {
            return None;
        }
        match subject {
            Subject::Call(key) => self.legs.get(&self.leg_of(key))?.peer_name_at(hop.address.ip()),
            Subject::Registration(key) => self.registrars.get(&key).cloned(),
            Subject::Nobody => None,
        }
    }

    async fn send_datagram(&mut self, peer: SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
        if self.ground.socket.send_to(bytes, peer).await.is_ok() {
            return Ok(());
        }
        // The error may tell of what was sent to somebody else before; that is not said twice.
        self.hear_refusals();
        self.ground.socket.send_to(bytes, peer).await.map(|_| ())
    }
}
