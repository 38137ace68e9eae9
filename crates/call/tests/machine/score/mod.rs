//! Plays a score to a machine and writes down what it does, in the score's own words; the two must be equal.
//!
//! ```text
//! outbound ring 20s                    who calls, and the limits that differ from the usual
//! flow: gather say "Pin?" keys 4       the flow's steps: s1, s2, …
//! flow: if keys == 12: hangup
//! +0 start                             an input, with the time since the one before; commands are c1, c2, …
//!     leg dial 20s                     an output (orders), notes left out
//!     prepare p1 say "Pin?"
//! +200ms ringing
//!     ringing [ringing]                an event, with the row's status where it changes
//! +20s timeout                         the deadline must be exactly now
//! open                                 at last: is the machine done, or open?
//! ```

mod others;
mod render;
mod words;

use call::{Input, Machine, Output, Snapshot};
use model::call::{Call, CallSetup, Direction, Mode};
use model::sound::RecordFact;
use model::{AppId, CallId, CommandId, IdSource, Pii, RecordingId, Timestamp};
use std::time::Duration;
use words::Cue;

/// When every score begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_777_713_247_000);

/// Plays the score, then again with the machine kept and restored before every input.
pub(crate) fn check(score: &str) {
    let expected = words::normalised(score);
    for restoring in [false, true] {
        let actual = play(score, restoring);
        assert!(
            actual == expected,
            "the machine played otherwise (restoring: {restoring})\n--- expected\n{expected}\n--- played\n{actual}"
        );
    }
}

/// An accepted call.
pub(crate) fn new_call(direction: Direction) -> (Call, CallSetup) {
    let mut ids = IdSource::new(1);
    let (id, app) = (CallId::generate(&mut ids, BEGIN), AppId::generate(&mut ids, BEGIN));
    let (from, to) = (Pii::new("+15005550100".to_owned()), Pii::new("+15005550000".to_owned()));
    let call = Call::new(id, app, Mode::Test, direction, from, to, BEGIN);
    let setup = CallSetup::new(call.id, direction);
    (call, setup)
}

/// The id of the n-th step (`s`) or command (`c`).
pub(crate) fn command_id(kind: char, number: u64) -> CommandId {
    CommandId::from_uuid(IdSource::new(u64::from(kind) << 32 | number).next_uuid(BEGIN))
}

/// Through text and back, as a store would keep it.
pub(crate) fn restored(machine: &Machine, now: Timestamp) -> Machine {
    let text = serde_json::to_string(&machine.snapshot()).unwrap();
    let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
    Machine::restore(snapshot, now)
}

/// How many prompts the machine still knows.
pub(crate) fn prompts_kept(machine: &Machine) -> usize {
    let kept = serde_json::to_value(machine.snapshot()).unwrap();
    kept["stage"]["prompts"]["wanted"].as_object().unwrap().len()
}

/// All outputs that wait.
pub(crate) fn drain(machine: &mut Machine) -> Vec<Output> {
    std::iter::from_fn(|| machine.poll()).collect()
}

/// A performance: the machine, its time, and what was written down.
struct Stage {
    machine: Machine,
    now: Timestamp,
    commands: u64,
    recordings: Vec<RecordingId>,
    children: Vec<CallId>,
    written: String,
}

fn play(score: &str, restoring: bool) -> String {
    let (call, setup) = words::header(score);
    let machine = Machine::new(setup, call, 7);
    let mut stage = Stage {
        machine,
        now: BEGIN,
        commands: 0,
        recordings: Vec::new(),
        children: Vec::new(),
        written: String::new(),
    };
    for (delay, text) in words::inputs(score) {
        let at = stage.now + delay;
        stage.fire_before(at);
        if restoring {
            stage.machine = restored(&stage.machine, stage.now);
        }
        stage.input(at, &text);
    }
    let last = if stage.machine.is_done() { "done" } else { "open" };
    assert!(last == "open" || stage.machine.deadline().is_none(), "what is done waits for nothing");
    stage.written + last
}

impl Stage {
    /// Timers that the score does not mention still fire, and show.
    fn fire_before(&mut self, at: Timestamp) {
        while let Some(deadline) = self.machine.deadline().filter(|deadline| *deadline < at) {
            self.machine.handle_timeout(deadline);
            self.write(deadline, "timeout");
        }
    }

    fn input(&mut self, at: Timestamp, text: &str) {
        match words::cue(text, &self.recordings, &self.children) {
            Cue::Timeout if self.machine.deadline() == Some(at) => self.machine.handle_timeout(at),
            Cue::Timeout => {
                return self.write(at, &format!("no timeout, but at {:?}", self.machine.deadline()));
            }
            Cue::Input(make) => {
                let leg = self.machine.call().first_leg();
                self.machine.handle(make(leg), at);
            }
            Cue::App { command, forced } => {
                self.commands += 1;
                if let (false, Err(refused)) = (forced, self.machine.admits(&command)) {
                    self.write(at, text);
                    self.written.push_str(&format!("    refused: {refused}\n"));
                    return;
                }
                self.machine.handle(Input::Command { id: command_id('c', self.commands), command }, at);
            }
        }
        self.write(at, text);
    }

    fn write(&mut self, at: Timestamp, text: &str) {
        self.written.push_str(&format!("+{} {text}\n", render::duration(at - self.now)));
        self.now = at;
        for output in drain(&mut self.machine) {
            if let Some(line) = render::output(&output, &mut self.recordings, &mut self.children) {
                self.written.push_str(&format!("    {line}\n"));
            }
        }
    }
}

/// A recording's whole file.
pub(crate) const fn finished(recording: RecordingId) -> RecordFact {
    RecordFact::Finished { recording, duration_ms: 3_000, bytes: 48_044 }
}

/// Milliseconds as a duration.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
