//! The agent's loop: datagrams, orders and time go into the endpoint; what comes out goes to the socket and to the
//! legs. Decides nothing about a call.

use super::budget::{Budget, Verdict};
use super::counters::Counters;
use super::{AgentConfig, AgentOrder, Door, socket};
use crate::leg::story::{Message, Story};
use crate::leg::{self, Command, Fate, Leg};
use model::Timestamp;
use ports::Clock;
use sip::message::{HeaderName, Message as SipMessage, NameAddr, StartLine};
use sip::{CallKey, Endpoint, Event, Hop, IncomingCall, Order, OrderError, OutgoingCall, Output};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

/// Datagrams read, or orders taken, before everything else gets its turn.
const TURN_MAX: usize = 64;
/// Largest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// How long to sleep when the endpoint waits for nothing.
const IDLE: Duration = Duration::from_secs(3_600);
/// Rounds of orders and transport errors that one input may cause; what is left waits for the next input.
const ROUNDS_MAX: usize = 16;
/// Legs that are over and whose last messages still go to their timeline.
const ENDED_MAX: usize = 256;
/// Messages that are held until the leg they belong to stands.
const EARLY_TRACES_MAX: usize = 32;

/// The task's state.
pub(super) struct Run {
    socket: UdpSocket,
    endpoint: Endpoint,
    orders: mpsc::Receiver<AgentOrder>,
    door: Arc<dyn Door>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    budget: Budget,
    loopback_only: bool,
    /// Our port, where we are named to each peer by the address of the route to it.
    named_by_route: Option<u16>,
    legs: HashMap<CallKey, Leg>,
    ended: VecDeque<(CallKey, Story)>,
    early_traces: VecDeque<(CallKey, Trace)>,
    follow_ups: Vec<Order>,
    unreachable: Vec<Hop>,
    /// Calls that were hung up and that the endpoint did not know.
    orphans: Vec<CallKey>,
    /// Bodies of answers that shall be lost once on the way.
    losing: Vec<Vec<u8>>,
}

/// A message that went out or came in, as the endpoint tells it.
struct Trace {
    direction: sip::Direction,
    hop: Hop,
    bytes: Arc<[u8]>,
    retransmission: bool,
    at: Timestamp,
}

impl Run {
    pub(super) fn new(
        socket: UdpSocket,
        endpoint: Endpoint,
        orders: mpsc::Receiver<AgentOrder>,
        door: Arc<dyn Door>,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
        config: &AgentConfig,
    ) -> Self {
        Self {
            socket,
            endpoint,
            orders,
            door,
            clock,
            counters,
            budget: Budget::new(config.budget),
            loopback_only: config.loopback_only,
            named_by_route: config.named_by_route(),
            legs: HashMap::new(),
            ended: VecDeque::new(),
            early_traces: VecDeque::new(),
            follow_ups: Vec::new(),
            unreachable: Vec::new(),
            orphans: Vec::new(),
            losing: Vec::new(),
        }
    }

    /// Serves until the last handle is gone.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let now = self.clock.now();
            let sleep = self.endpoint.deadline().map_or(IDLE, |deadline| deadline.since(now).min(IDLE));
            tokio::select! {
                order = self.orders.recv() => {
                    let Some(order) = order else { return };
                    self.take_orders(order).await;
                }
                readable = self.socket.readable() => {
                    if readable.is_ok() {
                        self.read(&mut buffer).await;
                    }
                }
                () = tokio::time::sleep(sleep) => {}
            }
            let now = self.clock.now();
            if self.endpoint.deadline().is_some_and(|deadline| deadline <= now) {
                // A timer that is due is taken out before anything else, so none comes twice.
                self.guarded("a timer", |run| run.endpoint.handle_timeout(now));
                self.settle(now).await;
            }
        }
    }

    async fn take_orders(&mut self, first: AgentOrder) {
        let mut next = Some(first);
        let mut left = TURN_MAX;
        while let Some(order) = next.take() {
            let now = self.clock.now();
            let key = match &order {
                AgentOrder::Place { leg, .. } => leg.key(),
                AgentOrder::Tell { key, .. } => *key,
            };
            let done = self.guarded("an order", |run| match order {
                AgentOrder::Place { leg, call, taken } => run.place(*leg, call, taken, now),
                AgentOrder::Tell { key, command } => run.tell(key, command, now),
            });
            if done.is_none() {
                self.give_up(key);
            }
            self.settle(now).await;
            left -= 1;
            if left > 0 {
                next = self.orders.try_recv().ok();
            }
        }
    }

    async fn read(&mut self, buffer: &mut [u8]) {
        for _ in 0..TURN_MAX {
            // An error is the echo of something sent before; the endpoint's own timers notice what it meant.
            let Ok((length, source)) = self.socket.try_recv_from(buffer) else { return };
            let Some(datagram) = buffer.get(..length) else { return };
            let now = self.clock.now();
            self.counters.received.add();
            let taken = self.guarded("a datagram", |run| {
                let admitted = run.admits(source, datagram, now);
                if admitted {
                    run.endpoint.handle_datagram(source, datagram, now);
                }
                admitted
            });
            if taken != Some(false) {
                self.settle(now).await;
            }
        }
    }

    /// Whether a datagram may reach the endpoint: within its source's budget, and no stranger's request outside of
    /// a call. Messages within a call may come from anywhere; the endpoint knows its dialogs.
    fn admits(&mut self, source: SocketAddr, datagram: &[u8], now: Timestamp) -> bool {
        let door = &self.door;
        match self.budget.take(source.ip(), now, |source| door.admits(source)) {
            Verdict::Known => {
                if !self.endpoint.has_name_towards(source.ip()) {
                    self.name_towards(source);
                }
                true
            }
            Verdict::Stranger if is_outside_any_call(datagram) => {
                self.counters.strangers.add();
                false
            }
            Verdict::Stranger => true,
            Verdict::TooMany => {
                self.counters.over_budget.add();
                false
            }
        }
    }

    /// A machine with several addresses is reached by each peer at that of the route to it.
    fn name_towards(&mut self, peer: SocketAddr) {
        if let Some(port) = self.named_by_route
            && let Ok(address) = socket::address_towards(peer)
        {
            self.endpoint.set_name_towards(peer.ip(), &SocketAddr::new(address, port).to_string());
        }
    }

    fn place(
        &mut self,
        leg: Leg,
        call: Box<OutgoingCall>,
        taken: oneshot::Sender<Result<(), OrderError>>,
        now: Timestamp,
    ) {
        let key = leg.key();
        self.name_towards(call.destination.address);
        let accepted = self.endpoint.handle_order(Order::Invite { key, call }, now);
        if accepted.is_ok() {
            self.legs.entry(key).insert_entry(leg).get_mut().placed();
        }
        // Whoever asked may have stopped waiting; the leg then tells its own end.
        let _ = taken.send(accepted);
    }

    fn tell(&mut self, key: CallKey, command: Command, now: Timestamp) {
        if let Some(leg) = self.legs.get_mut(&key) {
            leg.command(command, now, &mut self.follow_ups);
        } else if let Command::Adopt(body) = command {
            body.finish(leg::gone());
        }
    }

    /// Carries out all that the endpoint and the legs want, until nobody wants anything.
    async fn settle(&mut self, now: Timestamp) {
        for _ in 0..ROUNDS_MAX {
            while let Some(output) = self.endpoint.poll() {
                match output {
                    Output::Send { hop, bytes, retransmission } => {
                        self.send(hop, &bytes, retransmission).await;
                    }
                    Output::Event(event) => {
                        let key = key_of(&event);
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
        if let Err(error) = self.endpoint.handle_order(order, now) {
            self.counters.orders_refused.add();
            tracing::debug!(%error, "an order did not fit the call's state");
            self.orphans.extend(hung_up);
        }
    }

    /// Of a call that the endpoint lost to a panic no end would ever come: its leg is let go when it is hung up.
    fn let_orphans_go(&mut self) {
        for key in std::mem::take(&mut self.orphans) {
            if !self.endpoint.has_call(key) && self.legs.contains_key(&key) {
                self.give_up(key);
            }
        }
    }

    /// Does one piece of work. A panic in it costs what it was about, and no other call.
    fn guarded<T>(&mut self, what: &'static str, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(self))).ok();
        if done.is_none() {
            self.counters.panics.add();
            tracing::error!(what, "work of the SIP user agent ended in a panic; it is dropped");
        }
        done
    }

    /// Lets go of a leg that a panic left half done: its end is told, and the peer hears that it is over.
    fn give_up(&mut self, key: CallKey) {
        self.guarded("a leg's end", |run| drop(run.legs.remove(&key)));
        if self.endpoint.has_call(key) {
            self.follow_ups.push(Order::HangUp { key, q850: None });
        }
    }

    async fn send(&mut self, hop: Hop, bytes: &[u8], retransmission: bool) {
        if self.loopback_only && !hop.address.ip().to_canonical().is_loopback() {
            self.counters.send_failures.add();
            self.unreachable.push(hop);
            return;
        }
        if !retransmission && self.losing.iter().any(|body| bytes.ends_with(body)) {
            return;
        }
        match self.socket.send_to(bytes, hop.address).await {
            Ok(_) => {
                self.counters.sent.add();
                if retransmission {
                    self.counters.retransmitted.add();
                }
            }
            Err(error) => {
                self.counters.send_failures.add();
                tracing::debug!(%error, peer = %hop.address, "a SIP message could not be sent");
                self.unreachable.push(hop);
            }
        }
    }

    fn event(&mut self, event: Event, now: Timestamp) {
        let event = match event {
            Event::Incoming { key, call } => return self.incoming(key, *call),
            event => event,
        };
        let Some(key) = key_of(&event) else { return };
        let Some(leg) = self.legs.get_mut(&key) else { return };
        if leg.event(event, now, &mut self.follow_ups) == Fate::Over
            && let Some(leg) = self.legs.remove(&key)
        {
            if self.ended.len() >= ENDED_MAX {
                self.ended.pop_front();
            }
            self.ended.push_back((key, leg.into_story()));
        }
    }

    fn incoming(&mut self, key: CallKey, call: IncomingCall) {
        self.counters.incoming.add();
        match self.door.incoming(key, &call) {
            Ok(mut leg) => {
                for (of, trace) in std::mem::take(&mut self.early_traces) {
                    if of == key {
                        tell_story(leg.story(), &trace);
                    } else {
                        self.early_traces.push_back((of, trace));
                    }
                }
                self.legs.insert(key, leg);
                self.door.arrived(key, call);
            }
            Err(rejection) => self.follow_ups.push(Order::Reject { key, rejection }),
        }
    }

    fn trace(&mut self, key: CallKey, trace: Trace) {
        if let Some(leg) = self.legs.get_mut(&key) {
            tell_story(leg.story(), &trace);
        } else if let Some((_, story)) = self.ended.iter_mut().find(|ended| ended.0 == key) {
            tell_story(story, &trace);
        } else if key.is_incoming() {
            if self.early_traces.len() >= EARLY_TRACES_MAX {
                self.early_traces.pop_front();
            }
            self.early_traces.push_back((key, trace));
        }
    }
}

fn tell_story(story: &mut Story, trace: &Trace) {
    let Trace { direction, hop, bytes, retransmission, at } = trace;
    let message = Message { direction: *direction, hop: *hop, bytes, retransmission: *retransmission };
    story.message(&message, *at);
}

/// Whether a datagram is a request that belongs to no call yet, or nothing that can be read.
fn is_outside_any_call(datagram: &[u8]) -> bool {
    let Ok(message) = SipMessage::parse(datagram) else { return true };
    let StartLine::Request { .. } = message.start else { return false };
    let to = message.value(HeaderName::To).and_then(NameAddr::parse);
    to.and_then(|to| to.tag()).is_none()
}

const fn key_of(event: &Event) -> Option<CallKey> {
    match event {
        Event::Incoming { key, .. }
        | Event::Trying { key }
        | Event::Provisional { key, .. }
        | Event::Answered { key, .. }
        | Event::AnswerAcknowledged { key, .. }
        | Event::Failed { key, .. }
        | Event::Canceled { key, .. }
        | Event::Ended { key, .. }
        | Event::ReinviteReceived { key, .. }
        | Event::ReinviteCanceled { key }
        | Event::ReinviteAnswered { key, .. }
        | Event::ReinviteFailed { key, .. }
        | Event::AnswerWanted { key, .. }
        | Event::ProvisionalAcknowledged { key, .. }
        | Event::SessionRefreshed { key, .. }
        | Event::ReferReceived { key, .. }
        | Event::ReferProgress { key, .. }
        | Event::InfoDigit { key, .. } => Some(*key),
        Event::OptionsAnswered { .. }
        | Event::Registered { .. }
        | Event::RegistrationFailed { .. }
        | Event::Unregistered { .. }
        | Event::RegisterReceived { .. } => None,
    }
}
