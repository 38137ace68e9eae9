//! What must hold for every call, whatever happens to it: watched input by input and output by output.

use super::others::Others;
use crate::score::{command_id, ms};
use call::{FetchId, Input, Machine, Output};
use model::call::Call;
use model::event::{CommandOutcome, EventBody};
use model::leg::{LegFact, LegOrder};
use model::sound::{
    DigitsId, MediaFact, MediaOrder, PlaybackId, PromptFact, PromptId, PromptOrder, RecordOrder,
};
use model::{CommandId, RecordingId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What went in and came out so far.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// Prompts that were ordered.
    pub(super) prompts: Vec<PromptId>,
    /// The last playback that was ordered.
    pub(super) playback: Option<PlaybackId>,
    /// The last listening that was ordered.
    pub(super) listen: Option<model::speech::ListenId>,
    /// Digits that were ordered.
    pub(super) digits: Vec<DigitsId>,
    /// Questions to the app.
    pub(super) fetches: Vec<FetchId>,
    /// Recordings that were ordered.
    pub(super) recordings: Vec<RecordingId>,
    /// When the call ended.
    pub(super) ended_at: Option<Timestamp>,
    ready: BTreeSet<PromptId>,
    stopped: BTreeSet<RecordingId>,
    finished: BTreeSet<RecordingId>,
    commands: Vec<CommandId>,
    /// How often each step and command was begun, less how often it was completed.
    begun: BTreeMap<CommandId, String>,
    completed: BTreeSet<CommandId>,
    gathered: BTreeSet<CommandId>,
    keyed: usize,
    heard: usize,
    dials: usize,
    leg_over: bool,
    connected: bool,
    joined: usize,
    left: usize,
    /// Others that are connected now.
    together: i32,
    /// Whom the call meets.
    pub(super) others: Others,
    let_go_at: Option<Timestamp>,
}

impl Witness {
    /// An id for the next command.
    pub(super) fn next_command(&self) -> CommandId {
        command_id('c', u64::try_from(self.commands.len()).unwrap() + 1)
    }

    /// An input is about to be handled.
    pub(super) fn before(&mut self, input: &Input, _now: Timestamp) {
        self.others.before(input);
        match input {
            Input::Command { id, .. } => self.commands.push(*id),
            Input::Leg(leg, LegFact::Ended(_)) if leg.ordinal == 0 => self.leg_over = true,
            Input::Media(leg, MediaFact::Digit { .. }) if leg.ordinal == 0 && self.ended_at.is_none() => {
                self.keyed += 1;
            }
            Input::Prompt(PromptFact::Ready { prompt, .. }) => {
                self.ready.insert(*prompt);
            }
            _ => {}
        }
    }

    /// An output was put out.
    pub(super) fn after(&mut self, output: &Output, now: Timestamp) {
        match output {
            Output::Event { body, call } => return self.event(body, call, now),
            Output::Note { summary, .. } => return assert!(summary.len() <= 200),
            Output::Parent(_) => return,
            _ => assert_eq!(self.ended_at, None, "nothing is ordered after the end: {output:?}"),
        }
        self.others.after(output);
        match output {
            Output::Leg(_, order) => self.leg(order, now),
            Output::Media(_, order) => self.media(order),
            Output::Prompt(PromptOrder::Prepare { prompt, .. }) => self.prompts.push(*prompt),
            Output::Record(_, RecordOrder::Start { recording, .. }) => {
                assert_eq!(self.let_go_at, None, "nothing begins after the hang-up");
                self.recordings.push(*recording);
            }
            Output::Record(_, RecordOrder::Pause { recording } | RecordOrder::Resume { recording }) => {
                assert!(self.recordings.contains(recording) && !self.stopped.contains(recording));
            }
            Output::Record(_, RecordOrder::Stop { recording }) => {
                assert!(self.recordings.contains(recording), "what is stopped was started");
                assert!(self.stopped.insert(*recording), "and is stopped once");
            }
            Output::Child(..) | Output::Parent(_) | Output::Conference(_) | Output::Queue(_) => {}
            Output::Fetch(fetch) => self.fetches.push(fetch.id),
            Output::Event { .. } | Output::Note { .. } => {}
        }
    }

    fn leg(&mut self, order: &LegOrder, now: Timestamp) {
        assert!(!self.leg_over, "a leg that is gone gets no order");
        assert_eq!(self.let_go_at, None, "a leg is let go once, and nothing is ordered of it then");
        match order {
            LegOrder::Dial { .. } => self.dials += 1,
            LegOrder::HangUp | LegOrder::Reject { .. } => self.let_go_at = Some(now),
            LegOrder::Ring { .. }
            | LegOrder::Answer
            | LegOrder::Hold
            | LegOrder::Resume
            | LegOrder::Transfer { .. }
            | LegOrder::AnswerTransfer { .. } => {}
        }
    }

    fn media(&mut self, order: &MediaOrder) {
        assert!(self.connected && !self.leg_over, "sound is ordered of a connected leg: {order:?}");
        assert_eq!(self.let_go_at, None, "and not after it was let go");
        match order {
            MediaOrder::Play { playback, prompts, times, .. } => {
                assert!(Some(*playback) > self.playback, "playbacks are numbered upwards");
                assert!(prompts.iter().all(|prompt| self.ready.contains(prompt)), "only what is ready plays");
                assert!(*times >= 1 && !prompts.is_empty());
                self.playback = Some(*playback);
            }
            MediaOrder::StopPlayback { playback } => assert_eq!(Some(*playback), self.playback),
            MediaOrder::SendDigits { id, .. } => self.digits.push(*id),
            MediaOrder::Listen(listening) => {
                assert!(Some(listening.listen) > self.listen, "listenings are numbered upwards");
                self.listen = Some(listening.listen);
            }
            MediaOrder::StopListening { listen } => assert_eq!(Some(*listen), self.listen),
            MediaOrder::WatchVoice { .. }
            | MediaOrder::DetectMachine { .. }
            | MediaOrder::StopDetecting
            | MediaOrder::Bridge { .. }
            | MediaOrder::Join { .. }
            | MediaOrder::Unbridge => {}
        }
    }

    fn event(&mut self, body: &EventBody, call: &Call, now: Timestamp) {
        assert_eq!(call.status.is_final(), self.ended_at.is_some() || matches!(body, EventBody::Ended(_)));
        if let EventBody::RecordingCompleted { recording } = body {
            assert!(self.recordings.contains(&recording.id));
            assert!(self.finished.insert(recording.id), "a recording ends once");
            return;
        }
        assert_eq!(self.ended_at, None, "only recordings end after the call: {body:?}");
        match body {
            EventBody::Answered => self.connected = true,
            EventBody::ParticipantJoined { leg, conference: None } if leg.call == call.id => self.joined += 1,
            EventBody::ParticipantLeft { leg, conference: None } if leg.call == call.id => self.left += 1,
            EventBody::ParticipantJoined { .. } => {
                self.together += 1;
                assert_eq!(self.together, 1, "nobody is connected twice");
            }
            EventBody::ParticipantLeft { .. } => self.together -= 1,
            EventBody::DigitReceived { .. } => self.heard += 1,
            EventBody::GatherCompleted { command, keys, .. } => {
                assert!(keys.expose().len() <= 64);
                assert!(self.gathered.insert(*command), "a gather ends once");
            }
            EventBody::CommandStarted { command, name } => {
                let before = self.begun.insert(*command, name.clone());
                assert_eq!(before, None, "what runs is not begun again");
            }
            EventBody::CommandCompleted { command, name, outcome } => self.complete(*command, name, outcome),
            EventBody::Ended(_) => {
                self.ended_at = Some(now);
                if let Some(let_go_at) = self.let_go_at {
                    assert!(now - let_go_at <= ms(33_000), "a hang-up ends the call in time");
                }
            }
            _ => {}
        }
    }

    fn complete(&mut self, command: CommandId, name: &str, outcome: &CommandOutcome) {
        self.completed.insert(command);
        let begun = self.begun.remove(&command);
        let unbegun = matches!(outcome, CommandOutcome::Skipped | CommandOutcome::Cancelled);
        assert!(begun.as_deref().map_or(unbegun, |begun| begun == name), "{name} is over before it began");
        let ran = matches!(outcome, CommandOutcome::Completed | CommandOutcome::Cancelled);
        if name == "gather" {
            let told = self.gathered.remove(&command);
            assert_eq!(told, ran && begun.is_some(), "a gather tells its keys first: {outcome:?}");
        }
    }

    /// The call is done.
    pub(super) fn check_whole(&self, machine: &Machine) {
        let call = machine.call();
        assert!(self.ended_at.is_some(), "each call ends");
        assert_eq!(call.ended_at, self.ended_at);
        assert_eq!(call.duration().is_some(), call.answered_at.is_some());
        assert_eq!(self.heard, self.keyed, "no key is lost");
        assert!(self.dials <= 1, "nobody is rung twice");
        assert_eq!((self.joined, self.left), if self.connected { (1, 1) } else { (0, 0) });
        self.others.check_whole();
        assert_eq!(self.together, 0, "whoever is connected is parted");
        assert_eq!(self.finished.len(), self.recordings.len(), "each recording has an end");
        assert_eq!(self.begun.len(), 0, "what began has an end: {:?}", self.begun);
        assert!(self.commands.iter().all(|id| self.completed.contains(id)), "each command is completed");
    }
}
