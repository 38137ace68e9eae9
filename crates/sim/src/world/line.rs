//! One simulated call: the server's side, the far side, and who watches. Only holds; what is done with it stands beside.

use crate::leg::Leg;
use crate::network::Network;
use crate::office::{Actor, Outbox};
use crate::party::Party;
use crate::plan::Plan;
use crate::sound::Sound;
use crate::violation::Witness;
use model::call::Call;
use model::sound::{DigitsId, MediaFigures, PlaybackId, PromptId};
use model::{RecordingId, Timestamp};
use std::collections::BTreeMap;

/// A call.
pub(crate) struct Line {
    pub(crate) plan: Plan,
    /// What is chance about this call alone.
    pub(crate) seed: u64,
    /// The row of a request whose first event is not durable yet.
    pub(crate) accepting: Option<Box<Call>>,
    pub(crate) actor: Option<Actor>,
    pub(crate) our_leg: Option<Leg>,
    pub(crate) our_sound: Option<Sound>,
    /// An arrived call whose caller was gone before it was taken.
    pub(crate) gone: bool,
    pub(crate) figures: Option<MediaFigures>,
    pub(crate) prompts: BTreeMap<PromptId, u32>,
    pub(crate) recordings: BTreeMap<RecordingId, Timestamp>,
    pub(crate) outbox: Outbox,
    pub(crate) witness: Witness,
    pub(crate) far: Option<Far>,
    /// What the far side's network does to the sound of both directions.
    pub(crate) impairment: Option<Network>,
    /// The next 200 to the INVITE gets lost.
    pub(crate) loses_answer: bool,
    /// The carrier's lie was told once already.
    pub(crate) lied: bool,
    pub(crate) touched: bool,
}

/// The far side of a call.
pub(crate) struct Far {
    pub(crate) party: Party,
    pub(crate) leg: Leg,
    pub(crate) sound: Sound,
    pub(crate) playback: PlaybackId,
    pub(crate) digits: DigitsId,
    pub(crate) connected: bool,
    pub(crate) over: bool,
}

impl Line {
    pub(crate) fn new(plan: Plan, seed: u64) -> Self {
        Self {
            plan,
            seed,
            accepting: None,
            actor: None,
            our_leg: None,
            our_sound: None,
            gone: false,
            figures: None,
            prompts: BTreeMap::new(),
            recordings: BTreeMap::new(),
            outbox: Outbox::default(),
            witness: Witness::default(),
            far: None,
            impairment: None,
            loses_answer: false,
            lied: false,
            touched: false,
        }
    }

    pub(crate) fn machine_deadline(&self) -> Option<Timestamp> {
        self.actor.as_ref().and_then(|actor| actor.machine.deadline())
    }

    /// The row as it is now, once there is one.
    pub(crate) fn row(&self) -> Option<&Call> {
        self.actor.as_ref().map(|actor| actor.machine.call())
    }
}
