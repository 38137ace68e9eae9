//! What must never happen, whatever the network, the carrier and the app do (the simulator's invariants). A witness
//! watches one call, order by order and event by event.

use call::Output;
use model::Timestamp;
use model::call::{Call, Mode};
use model::child::ChildOrder;
use model::event::{CommandOutcome, EventBody};
use model::leg::LegOrder;
use model::sound::{MediaOrder, RecordOrder};
use model::{CommandId, RecordingId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a hang-up may take: what the machine waits, and the step in which it notices.
const HANG_UP_MAX: Duration = Duration::from_millis(33_001);

/// An invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("call {call} at {at:?}: {what}")]
pub struct Violation {
    /// Which call of the world, from 0.
    pub call: usize,
    /// When it was noticed.
    pub at: Timestamp,
    /// What is wrong.
    pub what: String,
}

/// Watches one call.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    last_sequence: u32,
    ended: Option<Timestamp>,
    let_go: Option<Timestamp>,
    dials: u32,
    joined: u32,
    left: u32,
    recordings: BTreeSet<RecordingId>,
    recorded: BTreeSet<RecordingId>,
    commands: BTreeSet<CommandId>,
    /// Steps and commands that run, by name.
    begun: BTreeMap<CommandId, String>,
    completed: BTreeSet<CommandId>,
    gathered: BTreeSet<CommandId>,
    last_playback: u32,
}

type Check = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(what()) }
}

impl Witness {
    /// The app's command was accepted.
    pub(crate) fn accepted(&mut self, command: CommandId) {
        self.commands.insert(command);
    }

    /// The call's dialling left the server.
    pub(crate) const fn dialled(&mut self) {
        self.dials += 1;
    }

    /// An order is carried out.
    pub(crate) fn ordered(&mut self, output: &Output, durable: bool, now: Timestamp) -> Check {
        match output {
            Output::Leg(_, order) => {
                ensure(self.ended.is_none(), || format!("{order:?} is ordered after the end"))?;
                let costly = matches!(order, LegOrder::Dial { .. } | LegOrder::Answer);
                ensure(!costly || durable, || format!("{order:?} before its announcement is durable"))?;
                if matches!(order, LegOrder::HangUp | LegOrder::Reject { .. }) {
                    self.let_go.get_or_insert(now);
                }
                Ok(())
            }
            Output::Media(_, order) => {
                ensure(self.ended.is_none(), || format!("{order:?} is ordered after the end"))?;
                self.sound(order)
            }
            Output::Prompt(_) | Output::Fetch(_) => {
                ensure(self.ended.is_none(), || "a prompt or steps are ordered after the end".into())
            }
            Output::Record(_, RecordOrder::Start { recording, .. }) => {
                ensure(self.ended.is_none(), || "a recording is started after the end".into())?;
                ensure(self.recordings.insert(*recording), || "a recording is started twice".into())
            }
            Output::Child(_, order) => {
                ensure(self.ended.is_none() || matches!(order, ChildOrder::End), || {
                    "another call is made after the end".into()
                })
            }
            Output::Parent(_)
            | Output::Conference(_)
            | Output::Queue(_)
            | Output::Record(..)
            | Output::Event { .. }
            | Output::Note { .. } => Ok(()),
        }
    }

    fn sound(&mut self, order: &MediaOrder) -> Check {
        let MediaOrder::Play { playback, prompts, .. } = order else { return Ok(()) };
        ensure(playback.0 > self.last_playback, || "a playback's number comes twice".into())?;
        self.last_playback = playback.0;
        ensure(!prompts.is_empty(), || "nothing is played".into())
    }

    /// An event is numbered and kept.
    pub(crate) fn event(&mut self, sequence: u32, body: &EventBody, call: &Call, now: Timestamp) -> Check {
        ensure(sequence == self.last_sequence + 1, || {
            format!("event {sequence} follows event {}", self.last_sequence)
        })?;
        self.last_sequence = sequence;
        if let EventBody::RecordingCompleted { recording } = body {
            ensure(self.recordings.contains(&recording.id), || "a recording ends that never began".into())?;
            return ensure(self.recorded.insert(recording.id), || "a recording ends twice".into());
        }
        ensure(self.ended.is_none(), || format!("an event follows the last one: {}", name(body)))?;
        let is_end = matches!(body, EventBody::Ended(_));
        ensure(call.status.is_final() == is_end, || {
            format!("the row says {:?} at {}", call.status, name(body))
        })?;
        match body {
            EventBody::ParticipantJoined { leg, conference: None } if leg.call == call.id => self.joined += 1,
            EventBody::ParticipantLeft { leg, conference: None } if leg.call == call.id => self.left += 1,
            EventBody::GatherCompleted { command, .. } => {
                ensure(self.gathered.insert(*command), || "a gather ends twice".into())?;
            }
            EventBody::CommandStarted { command, name } => {
                let before = self.begun.insert(*command, name.clone());
                ensure(before.is_none(), || format!("{name} begins again while it runs"))?;
            }
            EventBody::CommandCompleted { command, name, outcome } => {
                return self.complete(*command, name, outcome);
            }
            EventBody::Ended(_) => return self.end(call, now),
            _ => {}
        }
        Ok(())
    }

    fn complete(&mut self, command: CommandId, name: &str, outcome: &CommandOutcome) -> Check {
        self.completed.insert(command);
        let begun = self.begun.remove(&command).is_some();
        let idle = matches!(outcome, CommandOutcome::Skipped | CommandOutcome::Cancelled);
        ensure(begun || idle, || format!("{name} is completed and never began"))?;
        let ran = begun && matches!(outcome, CommandOutcome::Completed | CommandOutcome::Cancelled);
        ensure(name != "gather" || self.gathered.remove(&command) == ran, || {
            format!("a gather is {outcome:?} without its keys, or with keys it never took")
        })
    }

    fn end(&mut self, call: &Call, now: Timestamp) -> Check {
        self.ended = Some(now);
        let waited = self.let_go.map(|at| now.since(at)).unwrap_or_default();
        ensure(waited <= HANG_UP_MAX, || format!("the hang-up took {waited:?}"))?;
        ensure(call.ended_at.is_some() && call.end.is_some(), || "the end has no time or reason".into())?;
        ensure(call.duration().is_some() == call.answered_at.is_some(), || {
            "the duration does not fit the answer".into()
        })?;
        let expected = u32::from(call.answered_at.is_some());
        ensure((self.joined, self.left) == (expected, expected), || {
            format!("{} parties joined and {} left", self.joined, self.left)
        })
    }

    /// The call is over and everything about it is written; `pending` webhooks were neither delivered nor given up.
    pub(crate) fn whole(&self, call: &Call, pending: usize) -> Check {
        ensure(self.ended.is_some(), || "the call has no end".into())?;
        ensure(self.dials <= 1, || format!("the phone was rung {} times", self.dials))?;
        ensure(call.mode == Mode::Test && call.trunk.is_none(), || {
            "a test call names a live carrier".into()
        })?;
        ensure(self.recordings == self.recorded, || "a recording has no end".into())?;
        ensure(self.begun.is_empty(), || "what began has no end".into())?;
        ensure(self.commands.is_subset(&self.completed), || {
            "an accepted command was never completed".into()
        })?;
        ensure(pending == 0, || format!("{pending} webhooks are neither delivered nor given up"))
    }
}

const fn name(body: &EventBody) -> &'static str {
    match body {
        EventBody::Initiated => "initiated",
        EventBody::Ringing { .. } => "ringing",
        EventBody::Answered => "answered",
        EventBody::ParticipantJoined { .. } => "participant joined",
        EventBody::ParticipantLeft { .. } => "participant left",
        EventBody::DigitReceived { .. } => "digit received",
        EventBody::GatherCompleted { .. } => "gather completed",
        EventBody::CommandStarted { .. } => "command started",
        EventBody::CommandCompleted { .. } => "command completed",
        EventBody::RecordingChanged { .. } => "recording changed",
        EventBody::RecordingCompleted { .. } => "recording completed",
        EventBody::TranscriptionCompleted { .. } => "transcription completed",
        EventBody::AmdCompleted { .. } => "answerer known",
        EventBody::AmdGreetingEnded { .. } => "greeting ended",
        EventBody::Ended(_) => "ended",
    }
}
