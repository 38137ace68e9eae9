//! What is simulated: calls, the network, the faults, all from one seed.

use crate::faults::Faults;
use crate::network::NetworkProfile;
use crate::recorded::Inputs;
use model::call::{CallSetup, Direction};
use model::flow::variable::Variables;
use model::flow::{CallCommand, Flow};
use model::sound::Codec;
use persona::Settings;

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Who calls: the app, or the persona.
    pub direction: Direction,
    /// The persona's number.
    pub persona: String,
    /// The app's number.
    pub app: String,
    /// What is set of the persona.
    pub settings: Settings,
    /// What a real far side did, to be done again instead of a persona.
    pub recorded: Option<Inputs>,
    /// The flow of an outbound call.
    pub flow: Option<Flow>,
    /// What the caller speaks, best first; never empty. The other side knows all codecs.
    pub codecs: Vec<Codec>,
    /// Variables that it begins with.
    pub variables: Variables,
    /// From the beginning of the simulation.
    pub at_ms: u64,
    /// The app's commands and when they come, from the request or the arrival.
    pub commands: Vec<(u64, CallCommand)>,
    /// The request is sent twice, under one idempotency key.
    pub repeated: bool,
    /// How long the callee may ring.
    pub ring_timeout_ms: u32,
    /// How long the answered call may last.
    pub max_duration_ms: u32,
    /// How long an inbound call may wait for its first command.
    pub decision_timeout_ms: u32,
}

impl Plan {
    /// The app calls a persona and runs a flow.
    pub fn outbound(persona: impl Into<String>, flow: Option<Flow>) -> Self {
        Self {
            direction: Direction::Outbound,
            persona: persona.into(),
            app: "+15005550100".to_owned(),
            settings: Settings::default(),
            recorded: None,
            flow,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            variables: Variables::new(),
            at_ms: 0,
            commands: Vec::new(),
            repeated: false,
            ring_timeout_ms: CallSetup::RING_TIMEOUT_MS,
            max_duration_ms: CallSetup::MAX_DURATION_MS,
            decision_timeout_ms: CallSetup::DECISION_TIMEOUT_MS,
        }
    }

    /// A persona calls the app, which gives these commands.
    pub fn inbound(persona: impl Into<String>, commands: Vec<(u64, CallCommand)>) -> Self {
        Self { direction: Direction::Inbound, commands, ..Self::outbound(persona, None) }
    }
}

/// A whole simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Everything that is chance comes from it.
    pub seed: u64,
    /// The network between both sides.
    pub network: NetworkProfile,
    /// What goes wrong beside it.
    pub faults: Faults,
    /// The calls.
    pub calls: Vec<Plan>,
    /// When the server is told to stop, from the beginning.
    pub shutdown_at_ms: Option<u64>,
}

impl Program {
    /// One call where nothing goes wrong.
    pub fn of(plan: Plan, seed: u64) -> Self {
        Self {
            seed,
            network: NetworkProfile::CLEAN,
            faults: Faults::NONE,
            calls: vec![plan],
            shutdown_at_ms: None,
        }
    }
}
