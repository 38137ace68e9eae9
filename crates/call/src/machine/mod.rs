//! Routes what happens to the small machines of a call, and what they decide outward. Decides nothing itself.

use crate::{Input, Output, Refused};
use model::Timestamp;
use model::call::{Call, CallSetup};
use model::flow::CallCommand;
use model::recording::Recording;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The brain of one call.
///
/// Whoever owns it calls [`handle`](Self::handle) for each thing that happens, or
/// [`handle_timeout`](Self::handle_timeout) when [`deadline`](Self::deadline) has come, and then
/// [`poll`](Self::poll)s until nothing is left. Outputs are carried out in order. Once
/// [`is_done`](Self::is_done) and polled empty, it can be dropped.
#[derive(Debug)]
pub struct Machine {
    call: Call,
    outputs: VecDeque<Output>,
}

/// Everything a machine knows, to be kept and restored. Opaque; only its serialised form matters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    call: Call,
}

impl Machine {
    /// A call whose event 1 is durable. `call` is the row after that event; `seed` makes the ids of recordings and
    /// must differ from call to call. Nothing happens before [`Input::Start`].
    pub fn new(_setup: CallSetup, call: Call, _seed: u64) -> Self {
        Self { call, outputs: VecDeque::new() }
    }

    /// A call that was found after its node died, with those of its recordings that are not final. One that was
    /// never dialled is started now; any other ends as lost ([`model::call::EndReason::NodeLost`]) without any
    /// order, for its leg is gone. One that had ended already only waits for its recordings, whose
    /// [`model::sound::RecordFact`]s are still expected. `Input::Start` is not needed, and ignored.
    pub fn recover(
        setup: CallSetup,
        call: Call,
        _recordings: Vec<Recording>,
        seed: u64,
        _now: Timestamp,
    ) -> Self {
        Self::new(setup, call, seed)
    }

    /// Something happened.
    pub fn handle(&mut self, _input: Input, _now: Timestamp) {}

    /// The deadline has come. Too early a call does nothing.
    pub fn handle_timeout(&mut self, _now: Timestamp) {}

    /// What is to be done next, in order. None: nothing until the next input or deadline.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    pub fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The call has ended and all its recordings are final.
    pub fn is_done(&self) -> bool {
        self.call.status.is_final()
    }

    /// The row as it is now. Before a `Dial` is carried out, this row (its `started_at` is set) is made durable.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The recordings that are not final yet, as their rows are now, oldest first.
    pub fn recordings(&self) -> impl Iterator<Item = &Recording> {
        std::iter::empty()
    }

    /// Whether the call's state allows the command now. Asked right before the command is handled.
    pub fn admits(&self, _command: &CallCommand) -> Result<(), Refused> {
        if self.call.status.is_final() { Err(Refused::NotActive) } else { Ok(()) }
    }

    /// Everything the machine knows, outputs that were not polled yet included.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { call: self.call.clone() }
    }

    /// A machine that goes on where the snapshot was taken. Deadlines that passed meanwhile are due at once.
    pub fn restore(snapshot: Snapshot, _now: Timestamp) -> Self {
        Self { call: snapshot.call, outputs: VecDeque::new() }
    }
}
