//! The desk all small machines of a call write on: its row, its time, its timers and what goes out.
//! Decides nothing.

use super::timers::{Timer, Timers};
use crate::{Fetch, Output};
use model::call::{Call, CallSetup};
use model::event::{CommandOutcome, EventBody};
use model::leg::LegOrder;
use model::sound::{MediaOrder, PromptOrder, RecordOrder};
use model::timeline::TimelineKind;
use model::{CallId, CommandId, IdSource, RecordingId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Longest summary of a note, in bytes.
const NOTE_BYTES_MAX: usize = 200;

/// Row, time, timers, outputs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Desk {
    /// What the call was made with. Its flow has moved to the flow's cursor.
    pub(super) setup: CallSetup,
    /// The row as it is now.
    pub(super) call: Call,
    /// The time of what is being handled. Never runs backwards.
    pub(super) now: Timestamp,
    /// The timers that run.
    pub(super) timers: Timers,
    /// Whether the leg can be given orders about its sound: from its answer, or its early media, to its end.
    pub(super) connected: bool,
    /// Makes the next id.
    seed: u64,
    /// What was not polled yet.
    outputs: VecDeque<Output>,
}

impl Desk {
    /// A desk for a call whose event 1 is durable.
    pub(super) fn new(setup: CallSetup, call: Call, seed: u64) -> Self {
        let now = call.created_at;
        let timers = Timers::default();
        Self { setup, call, now, timers, connected: false, seed, outputs: VecDeque::new() }
    }

    /// Time has come to `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// The next output.
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Starts a timer that is due so many milliseconds from now.
    pub(super) fn set_timer(&mut self, timer: Timer, delay_ms: u64) {
        self.timers.set(timer, self.now + Duration::from_millis(delay_ms));
    }

    /// Keeps an event, with the row as it is now.
    pub(super) fn emit(&mut self, body: EventBody) {
        let call = Box::new(self.call.clone());
        self.outputs.push_back(Output::Event { body, call });
    }

    /// A step or a live command has begun.
    pub(super) fn begin(&mut self, command: CommandId, name: &str) {
        self.emit(EventBody::CommandStarted { command, name: name.to_owned() });
    }

    /// A step or a live command is over.
    pub(super) fn complete(&mut self, command: CommandId, name: &str, outcome: CommandOutcome) {
        self.emit(EventBody::CommandCompleted { command, name: name.to_owned(), outcome });
    }

    /// Orders the leg.
    pub(super) fn order_leg(&mut self, order: LegOrder) {
        self.outputs.push_back(Output::Leg(self.call.first_leg(), order));
    }

    /// Orders the leg's sound; nothing is ordered of a leg that is not connected.
    pub(super) fn order_media(&mut self, order: MediaOrder) {
        if self.connected {
            self.outputs.push_back(Output::Media(self.call.first_leg(), order));
        }
    }

    /// Orders a prompt.
    pub(super) fn order_prompt(&mut self, order: PromptOrder) {
        self.outputs.push_back(Output::Prompt(order));
    }

    /// Orders the recorder.
    pub(super) fn order_record(&mut self, order: RecordOrder) {
        self.outputs.push_back(Output::Record(self.call.first_leg(), order));
    }

    /// A line on the timeline, cut to its longest length.
    pub(super) fn note(&mut self, kind: TimelineKind, summary: impl Into<String>) {
        let mut summary = summary.into();
        summary.truncate(summary.floor_char_boundary(NOTE_BYTES_MAX));
        self.outputs.push_back(Output::Note { kind, summary });
    }

    /// Puts out what has no other words here.
    pub(super) fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Asks the app for steps.
    pub(super) fn order_fetch(&mut self, fetch: Fetch) {
        self.outputs.push_back(Output::Fetch(fetch));
    }

    /// An id for a new recording.
    pub(super) fn recording_id(&mut self) -> RecordingId {
        self.make(RecordingId::generate)
    }

    /// An id for a call that this one makes.
    pub(super) fn call_id(&mut self) -> CallId {
        self.make(CallId::generate)
    }

    /// An id for a step that was fetched.
    pub(super) fn command_id(&mut self) -> CommandId {
        self.make(CommandId::generate)
    }

    fn make<T>(&mut self, generate: impl FnOnce(&mut IdSource, Timestamp) -> T) -> T {
        let mut source = IdSource::new(self.seed);
        let id = generate(&mut source, self.now);
        self.seed = source.next_u64();
        id
    }
}
