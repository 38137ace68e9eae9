//! The world of a simulation: two SIP endpoints, the calls between them, the network, the agenda and the time. One step
//! does one thing, lets everybody come to rest, and then the invariants must hold. Everything is given by the seed.

mod defects;
mod line;
mod others;
mod ours;
mod parts;
mod rest;
mod theirs;
mod wire;

use crate::agenda::Agenda;
use crate::dice::Dice;
use crate::faults::Faults;
use crate::leg::NEVER;
use crate::network::Network;
use crate::plan::{Plan, Program};
use crate::report::Report;
use crate::sound::SoundPacket;
use crate::violation::Violation;
use defects::Defects;
use line::Line;
use model::flow::CallCommand;
use model::sound::{PromptFact, RecordFact};
use model::timeline::TimelineEntry;
use model::{AppId, Timestamp};
use sip::{Endpoint, EndpointConfig};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use wire::Digest;

/// Where a simulation's time begins: 2026-01-01T00:00:00Z.
pub const BEGIN: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// How long a simulation may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of virtual time.
    pub time: Duration,
    /// Things that happen: packets, timers, requests.
    pub steps: u64,
}

/// Rounds in which one thing may cause others at the same moment.
const ROUNDS_MAX: usize = 256;

/// Which side of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The server.
    Ours,
    /// The carrier and the parties behind it.
    Theirs,
}

impl Side {
    /// The other one.
    const fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }

    /// Where SIP is spoken (RFC 5737 addresses).
    pub(crate) const fn sip(self) -> SocketAddr {
        SocketAddr::new(self.ip(), 5060)
    }

    /// Its address.
    const fn ip(self) -> IpAddr {
        match self {
            Self::Ours => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            Self::Theirs => IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2)),
        }
    }

    /// The port of a call's sound.
    fn sound(self, call: usize) -> SocketAddr {
        let port = u16::try_from(call.saturating_mul(2)).unwrap_or_default().saturating_add(20_000);
        SocketAddr::new(self.ip(), port)
    }
}

/// Something that is going to happen.
#[derive(Debug)]
enum Item {
    /// A SIP datagram arrives.
    Sip { to: Side, bytes: Arc<[u8]> },
    /// A packet of a call's sound arrives.
    Sound { to: Side, call: usize, packet: SoundPacket },
    /// The app's request to place a call arrives, or its repetition.
    Request { call: usize },
    /// The persona of a call calls.
    Caller { call: usize },
    /// The call's first event is durable.
    Accepted { call: usize },
    /// A commit is durable, or has failed.
    Committed { call: usize, attempt: u32 },
    /// A prompt is ready, or never will be.
    Prompt { call: usize, fact: PromptFact },
    /// A recording's file is there, or never will be.
    Recorded { call: usize, fact: RecordFact },
    /// Somebody whom a call meets says something.
    Told { call: usize, input: Box<call::Input> },
    /// The app gives a command.
    Command { call: usize, command: CallCommand },
    /// A webhook is tried.
    Webhook { call: usize, sequence: u32 },
    /// The server is told to stop.
    Shutdown,
}

/// What is due next.
#[derive(Debug, Clone, Copy)]
enum Due {
    Agenda,
    Endpoint(Side),
    Machine(usize),
    Sound(Side, usize),
    Party(usize),
}

/// Whether the timeline is kept: it costs more than the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Every line, and every message's bytes in the digest.
    All,
    /// Nothing but the events.
    Nothing,
}

/// The world.
pub struct World {
    now: Timestamp,
    agenda: Agenda<Item>,
    ours: Endpoint,
    theirs: Endpoint,
    network: Network,
    faults: Faults,
    defects: Defects,
    dice: Dice,
    app: AppId,
    calls: Vec<Line>,
    violation: Option<Violation>,
    steps: u64,
    packets: u64,
    digest: Digest,
    telling: Telling,
    timeline: Vec<TimelineEntry>,
    keys: Vec<(usize, u64)>,
}

impl World {
    /// A world in which the program's calls are going to happen.
    pub fn new(program: &Program, telling: Telling) -> Self {
        let mut dice = Dice::new(program.seed);
        let network = Network::new(program.network, dice.fork(), BEGIN);
        let mut world = Self {
            now: BEGIN,
            agenda: Agenda::default(),
            ours: endpoint(Side::Ours, telling, &mut dice),
            theirs: endpoint(Side::Theirs, telling, &mut dice),
            network,
            faults: program.faults,
            defects: Defects::default(),
            app: AppId::generate(dice.ids(), BEGIN),
            dice,
            calls: Vec::new(),
            violation: None,
            steps: 0,
            packets: 0,
            digest: Digest::default(),
            telling,
            timeline: Vec::new(),
            keys: Vec::new(),
        };
        for plan in &program.calls {
            world.add(plan.clone());
        }
        if let Some(at_ms) = program.shutdown_at_ms {
            world.agenda.put(after(BEGIN, at_ms), Item::Shutdown);
        }
        world
    }

    fn add(&mut self, plan: Plan) {
        let call = self.calls.len();
        let at = after(self.now, plan.at_ms);
        match plan.direction {
            model::call::Direction::Outbound => {
                self.agenda.put(at, Item::Request { call });
                if plan.repeated {
                    let later = self.dice.below(2_000);
                    self.agenda.put(after(at, later), Item::Request { call });
                }
            }
            model::call::Direction::Inbound => self.agenda.put(at, Item::Caller { call }),
        }
        for (after_ms, command) in &plan.commands {
            self.agenda.put(after(at, *after_ms), Item::Command { call, command: command.clone() });
        }
        let seed = self.dice.bits();
        self.calls.push(Line::new(plan, seed));
    }

    /// Runs until nothing is left to happen, a limit is reached, or an invariant is broken.
    pub fn run(mut self, limits: Limits) -> Report {
        let until = BEGIN + limits.time;
        let finished = loop {
            let Some((at, due)) = self.next() else { break true };
            if at > until || self.steps >= limits.steps {
                break false;
            }
            self.now = self.now.max(at);
            self.steps += 1;
            self.happen(due);
            self.settle();
            if self.violation.is_some() {
                break true;
            }
        };
        if finished && self.violation.is_none() {
            self.check_all();
        }
        Report::new(self, finished)
    }

    /// What is due next. At one moment the agenda comes first, then the sides, then the calls in their order.
    fn next(&self) -> Option<(Timestamp, Due)> {
        let mut next = (NEVER, Due::Agenda);
        let mut consider = |at: Option<Timestamp>, due: Due| {
            if let Some(at) = at
                && at < next.0
            {
                next = (at, due);
            }
        };
        consider(self.agenda.next_at(), Due::Agenda);
        consider(self.ours.deadline(), Due::Endpoint(Side::Ours));
        consider(self.theirs.deadline(), Due::Endpoint(Side::Theirs));
        for (call, line) in self.calls.iter().enumerate() {
            let machine = line.machine_deadline().map(|at| at + self.defects.timers_late);
            consider(machine, Due::Machine(call));
            consider(
                line.our_sound.as_ref().and_then(|sound| sound.deadline()),
                Due::Sound(Side::Ours, call),
            );
            if let Some(far) = &line.far {
                consider(far.sound.deadline(), Due::Sound(Side::Theirs, call));
                consider(far.party.deadline(), Due::Party(call));
            }
        }
        (next.0 < NEVER).then_some(next)
    }

    fn happen(&mut self, due: Due) {
        let now = self.now;
        match due {
            Due::Agenda => {
                if let Some(item) = self.agenda.take() {
                    self.begin(item);
                }
            }
            Due::Endpoint(side) => self.endpoint(side).handle_timeout(now),
            Due::Machine(call) => {
                if let Some(actor) = self.touch(call).and_then(|line| line.actor.as_mut()) {
                    actor.machine.handle_timeout(now);
                }
            }
            Due::Sound(side, call) => self.tick(side, call),
            Due::Party(call) => {
                if let Some(far) = self.touch(call).and_then(|line| line.far.as_mut()) {
                    far.party.handle_timeout(now);
                }
            }
        }
    }

    fn begin(&mut self, item: Item) {
        match item {
            Item::Sip { to, bytes } => self.receive(to, &bytes),
            Item::Sound { to, call, packet } => self.hear(to, call, &packet),
            Item::Request { call } => self.request(call),
            Item::Caller { call } => self.call_in(call),
            Item::Accepted { call } => self.accepted(call),
            Item::Committed { call, attempt } => self.committed(call, attempt),
            Item::Prompt { call, fact } => self.prompt_fact(call, fact),
            Item::Told { call, input } => self.tell(call, *input),
            Item::Recorded { call, fact } => self.tell(call, call::Input::Record(fact)),
            Item::Command { call, command } => self.command(call, command),
            Item::Webhook { call, sequence } => self.webhook(call, sequence),
            Item::Shutdown => {
                for call in 0..self.calls.len() {
                    self.tell(call, call::Input::Shutdown);
                }
            }
        }
    }

    const fn endpoint(&mut self, side: Side) -> &mut Endpoint {
        match side {
            Side::Ours => &mut self.ours,
            Side::Theirs => &mut self.theirs,
        }
    }

    /// A call, which is brought to rest afterwards.
    fn touch(&mut self, call: usize) -> Option<&mut Line> {
        let line = self.calls.get_mut(call)?;
        line.touched = true;
        Some(line)
    }

    fn violate(&mut self, call: usize, checked: Result<(), String>) {
        if let Err(what) = checked {
            let at = self.now;
            self.violation.get_or_insert(Violation { call, at, what });
        }
    }
}

fn endpoint(side: Side, telling: Telling, dice: &mut Dice) -> Endpoint {
    let mut seed = [0; 32];
    for chunk in seed.chunks_exact_mut(8) {
        chunk.copy_from_slice(&dice.bits().to_be_bytes());
    }
    let agent = match side {
        Side::Ours => "Lyrebird",
        Side::Theirs => "Simulated carrier",
    };
    let mut config = EndpointConfig::new(side.sip().to_string(), agent);
    config.trace = side == Side::Ours && telling == Telling::All;
    // Personas say themselves when their network takes a call.
    config.automatic_trying = side == Side::Ours;
    Endpoint::new(config, seed)
}

/// So many milliseconds later.
fn after(at: Timestamp, after_ms: u64) -> Timestamp {
    at + Duration::from_millis(after_ms)
}
