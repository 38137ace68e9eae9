//! What every carrier does with its legs, whatever they are for: places them, orders them, takes and refuses those
//! that arrive. Decides nothing about routes.

use super::attempts::{Attempts, Guide, Target};
use super::report::Report;
use super::sound::LegSound;
use super::story::Story;
use super::table::{Found, LegTable, Seat};
use super::transfer::{Asker, Target as TransferTo, Transfer, TransferRules};
use super::{Body, Command, Leg, Permit, Profile};
use crate::StartError;
use crate::agent::counters::AgentFigures;
use crate::agent::{AgentConfig, AgentError, Door, SipAgent, socket};
use model::LegId;
use model::leg::{LegFact, LegOrder, Refusal};
use model::transfer::TransferTarget;
use ports::{CarrierError, Clock, LegSink, MediaPlane, Timeline};
use sip::{
    CallKey, Credentials, EndedBy, OrderError, OutgoingCall, Party, Rejection, SessionTimers, leg_end,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One user agent with its legs and their sound.
pub(crate) struct Exchange {
    agent: SipAgent,
    table: Arc<LegTable>,
    media: Arc<dyn MediaPlane>,
    timeline: Option<Arc<dyn Timeline>>,
}

/// A leg to place, ready to be sent.
pub(crate) struct Placing {
    /// Where it goes: the first, and the next where that one cannot take it.
    pub(crate) targets: Vec<Target>,
    /// Knows the carrier's hosts; without it there is one attempt.
    pub(crate) guide: Option<Arc<dyn Guide>>,
    /// Who is called.
    pub(crate) to_uri: String,
    /// Who calls.
    pub(crate) from: Party,
    /// What a challenge is answered with.
    pub(crate) credentials: Option<Credentials>,
    /// Further headers.
    pub(crate) headers: Vec<(String, String)>,
    /// How long its session lives unrefreshed; none: as the agent is set.
    pub(crate) session_timers: Option<SessionTimers>,
    /// How long it may ring.
    pub(crate) ring_timeout: Duration,
    /// How it behaves.
    pub(crate) profile: Profile,
}

impl Exchange {
    /// Starts the user agent.
    pub(crate) fn start(
        config: AgentConfig,
        table: Arc<LegTable>,
        door: Arc<dyn Door>,
        media: Arc<dyn MediaPlane>,
        timeline: Option<Arc<dyn Timeline>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let config = AgentConfig { trace: timeline.is_some(), ..config };
        let agent = SipAgent::start(&config, door, clock)?;
        Ok(Self { agent, table, media, timeline })
    }

    /// Where SIP is spoken.
    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.agent.local_addr()
    }

    /// Whether the SIP user agent still takes orders.
    pub(crate) fn is_running(&self) -> bool {
        self.agent.is_running()
    }

    /// Where SIP is spoken over TLS.
    pub(crate) const fn tls_addr(&self) -> Option<SocketAddr> {
        self.agent.tls_addr()
    }

    /// The user agent itself.
    pub(crate) const fn agent(&self) -> &SipAgent {
        &self.agent
    }

    /// What the user agent has done.
    pub(crate) fn figures(&self) -> AgentFigures {
        self.agent.figures()
    }

    /// Takes a seat for a leg that is about to be placed.
    pub(crate) fn sit(&self, leg: LegId) -> Result<Seat, CarrierError> {
        self.table.sit(leg)
    }

    /// Places a leg. `Ok` means that exactly one end follows, or has been told already.
    pub(crate) async fn place(
        &self,
        seat: Seat,
        leg: LegId,
        sink: &Arc<dyn LegSink>,
        placing: Placing,
    ) -> Result<(), CarrierError> {
        let Placing {
            targets,
            guide,
            to_uri,
            from,
            credentials,
            headers,
            session_timers,
            ring_timeout,
            profile,
        } = placing;
        let hop = targets.first().ok_or_else(|| CarrierError::Resources("there is no host".to_owned()))?.hop;
        let peers: Vec<_> = targets.iter().map(|target| target.hop.address.ip()).collect();
        let line = profile.line;
        let (mut sound, permit, transfers) = self.open(leg, &peers, profile, sink)?;
        let call = OutgoingCall {
            to_uri,
            from,
            destination: hop,
            sdp: sound.offer(),
            credentials,
            replaces: None,
            route: Vec::new(),
            session_timers,
            extra_headers: headers,
            ring_timeout,
            large_over_tcp: guide.as_ref().is_some_and(|guide| guide.takes_connections()),
        };
        let attempts = Attempts::new(call.clone(), targets, guide);
        let call = attempts.as_ref().map_or(call, Attempts::present);
        let place = self.agent.reserve().await.map_err(resources)?;
        let key = self.agent.next_key();
        if !seat.connect(key) {
            drop((sound, seat, permit));
            withdrawn(leg, sink.as_ref());
            return Ok(());
        }
        let body = Body { sound, seat, permit, transfers, line, report: Report::new(leg, Arc::clone(sink)) };
        let story = Story::new(self.timeline.clone(), Some(leg.call));
        let taken = place.place(Leg::outgoing(key, body, attempts, story), call).await;
        taken.map_err(|_| resources(AgentError::Stopped))?.map_err(|error| match error {
            OrderError::Full => CarrierError::Full,
            error => resources(error),
        })
    }

    /// Orders a leg.
    pub(crate) fn order(&self, leg: LegId, order: &LegOrder) -> Result<(), CarrierError> {
        let command = match order {
            LegOrder::Dial { .. } => return Err(CarrierError::WrongRoute),
            LegOrder::Ring { early_media: false } => Command::Ring,
            LegOrder::Ring { early_media: true } => Command::EarlyMedia,
            LegOrder::Answer => Command::Answer,
            LegOrder::Reject { refusal } => Command::Reject(leg_end::rejection(*refusal)),
            LegOrder::HangUp => Command::HangUp,
            LegOrder::Hold => Command::Hold(true),
            LegOrder::Resume => Command::Hold(false),
            LegOrder::Transfer { target } => {
                Command::Transfer(Transfer { target: self.target(target), asker: Asker::Owner })
            }
            LegOrder::AnswerTransfer { transfer, reply } => Command::AnswerTransfer(*transfer, *reply),
        };
        self.command(leg, command)
    }

    fn target(&self, target: &TransferTarget) -> TransferTo {
        match target {
            TransferTarget::Address(address) => TransferTo::Address(address.expose().clone()),
            TransferTarget::Leg(leg) => TransferTo::Call(match self.table.find(*leg, false) {
                Some(Found::Call(key)) => Some(key),
                Some(Found::Preparing) | None => None,
            }),
        }
    }

    /// Gives a leg a command that orders have no word for.
    pub(crate) fn command(&self, leg: LegId, command: Command) -> Result<(), CarrierError> {
        let withdraw = matches!(command, Command::HangUp);
        match self.table.find(leg, withdraw).ok_or(CarrierError::UnknownLeg)? {
            Found::Call(key) => self.agent.tell(key, command).map_err(resources),
            Found::Preparing => Ok(()),
        }
    }

    /// Ties an incoming call to its leg.
    pub(crate) fn adopt(
        &self,
        key: CallKey,
        leg: LegId,
        sink: &Arc<dyn LegSink>,
    ) -> Result<(), CarrierError> {
        let seat = self.table.sit(leg)?;
        let arrival = self.table.claim(key).ok_or(CarrierError::UnknownLeg)?;
        let line = arrival.profile.line;
        let opened = self.open(leg, &[arrival.peer], arrival.profile, sink);
        let (sound, permit, transfers) = opened.inspect_err(|_| self.refuse(key, Refusal::Unavailable))?;
        if !seat.connect(key) {
            self.refuse(key, Refusal::Unavailable);
            return Err(CarrierError::UnknownLeg);
        }
        let mut report = Report::new(leg, Arc::clone(sink));
        report.open();
        let body = Body { sound, seat, permit, transfers, line, report };
        // A body that finds no way to its leg tells the end itself; nobody else can take the caller any more.
        if self.agent.tell(key, Command::Adopt(Box::new(body))).is_err() {
            self.refuse(key, Refusal::ServerBusy);
        }
        Ok(())
    }

    /// Refuses an incoming call that nobody takes.
    pub(crate) fn refuse(&self, key: CallKey, refusal: Refusal) {
        self.reject(key, leg_end::rejection(refusal));
    }

    /// Refuses an incoming call in so many words.
    pub(crate) fn reject(&self, key: CallKey, rejection: Rejection) {
        if let Err(error) = self.agent.tell(key, Command::Reject(rejection)) {
            tracing::warn!(%error, "an incoming call could not be refused");
        }
    }

    fn open(
        &self,
        leg: LegId,
        peers: &[IpAddr],
        profile: Profile,
        sink: &Arc<dyn LegSink>,
    ) -> Result<(LegSound, Option<Permit>, TransferRules), CarrierError> {
        let peer = peers.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let bind = bind_towards(self.local_addr().ip(), peers)?;
        let sound = LegSound::open(&self.media, leg, bind, peer, &profile.sound, Arc::clone(sink));
        let sound = sound.map_err(|error| CarrierError::Resources(error.to_string()))?;
        Ok((sound, profile.permit, profile.transfers))
    }
}

/// Where the sound of a leg is bound that may go to any of these peers: to the one address that is ours towards all of
/// them, if we are bound to none in particular and there is one.
fn bind_towards(bound: IpAddr, peers: &[IpAddr]) -> Result<IpAddr, CarrierError> {
    if !bound.is_unspecified() {
        return Ok(bound);
    }
    let towards = |peer: &IpAddr| {
        let address = socket::address_towards(SocketAddr::new(*peer, 9));
        address.map_err(|error| CarrierError::Resources(format!("no route to {peer}: {error}")))
    };
    let (first, rest) = peers.split_first().ok_or_else(|| CarrierError::Resources("no host".to_owned()))?;
    let first = towards(first)?;
    // A host without any route is none that sound goes to.
    let agree = rest.iter().filter_map(|peer| towards(peer).ok()).all(|other| other == first);
    Ok(if agree { first } else { bound })
}

/// Tells that a leg was withdrawn before anything was sent of it.
pub(crate) fn withdrawn(leg: LegId, sink: &dyn LegSink) {
    sink.leg(leg, LegFact::Ended(leg_end::of_canceled(EndedBy::Local, None)));
}

fn resources(error: impl std::error::Error) -> CarrierError {
    CarrierError::Resources(error.to_string())
}
