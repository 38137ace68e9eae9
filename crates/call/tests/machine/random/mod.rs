//! Random programs: a random flow, random inputs and times; after each, the invariants. A failure names the seed,
//! and `CALL_SEED=<seed>` plays that program alone.

mod invariants;
mod others;
mod pairs;
mod program;

use crate::score::{BEGIN, drain, ms, new_call, restored};
use call::{Input, Machine};
use invariants::Witness;
use model::Timestamp;
use model::call::{CallSetup, Direction};
use model::flow::CallCommand;
use program::Dice;

/// How many programs a run of the test plays.
const PROGRAMS: u64 = 2_000;
/// Inputs of one program, besides timers.
const INPUTS_MAX: u64 = 60;

#[test]
fn random_programs_keep_the_invariants() {
    if let Some(seed) = std::env::var("CALL_SEED").ok().and_then(|seed| seed.parse().ok()) {
        play(seed);
        return;
    }
    let mut answered = 0;
    for seed in 1..=PROGRAMS {
        match std::panic::catch_unwind(|| play(seed)) {
            Ok(was_answered) => answered += u64::from(was_answered),
            Err(_) => panic!("replay with CALL_SEED={seed}"),
        }
    }
    println!("seeds 1 to {PROGRAMS}; {answered} calls were answered");
    assert!(answered > PROGRAMS / 4, "the programs must reach what is behind the answer");
}

/// One program; whether its call was answered.
fn play(seed: u64) -> bool {
    let mut dice = Dice::new(seed);
    let mut performance = Performance::new(&mut dice);
    performance.input(Input::Start);
    for _ in 0..dice.below(INPUTS_MAX) {
        performance.wait(&mut dice);
        let input = program::input(&mut dice, &performance.witness, performance.machine.call().first_leg());
        performance.input(input);
    }
    performance.end(&mut dice);
    performance.witness.check_whole(&performance.machine);
    performance.machine.call().answered_at.is_some()
}

/// A machine, a twin that is restored from the other's snapshot now and then, and who watches them.
struct Performance {
    machine: Machine,
    twin: Machine,
    now: Timestamp,
    witness: Witness,
    /// Of so many steps one restores the twin.
    restore_every: u64,
    steps: u64,
}

impl Performance {
    fn new(dice: &mut Dice) -> Self {
        let direction = if dice.one_in(3) { Direction::Inbound } else { Direction::Outbound };
        let (call, mut setup) = new_call(direction);
        setup = CallSetup {
            answer_at_once: dice.one_in(4),
            flow: program::flow(dice),
            record: None,
            ring_timeout_ms: 20_000,
            max_duration_ms: 1_000 * (1 + u32::try_from(dice.below(300)).unwrap()),
            decision_timeout_ms: 10_000,
            ..setup
        };
        let machine = Machine::new(setup, call, dice.below(u64::MAX));
        let twin = restored(&machine, BEGIN);
        let restore_every = if dice.one_in(8) { 1 } else { 16 };
        Self { machine, twin, now: BEGIN, witness: Witness::default(), restore_every, steps: 0 }
    }

    /// Lets time pass, up to the deadline at most.
    fn wait(&mut self, dice: &mut Dice) {
        let pause = [0, 20, 300, 2_000, 11_000][usize::try_from(dice.below(5)).unwrap()];
        let until = self.now + ms(dice.below(pause + 1));
        match self.machine.deadline() {
            Some(deadline) if deadline <= until => self.fire(deadline),
            _ => self.now = until,
        }
    }

    fn fire(&mut self, deadline: Timestamp) {
        self.now = self.now.max(deadline);
        self.machine.handle_timeout(self.now);
        self.twin.handle_timeout(self.now);
        assert!(self.machine.deadline().is_none_or(|next| next > self.now), "a timer that is due has fired");
        self.compare();
    }

    fn input(&mut self, input: Input) {
        let admitted = match &input {
            Input::Command { command, .. } => self.machine.admits(command).is_ok(),
            _ => true,
        };
        if !admitted {
            return;
        }
        self.witness.before(&input, self.now);
        self.machine.handle(input.clone(), self.now);
        self.twin.handle(input, self.now);
        self.compare();
    }

    fn compare(&mut self) {
        let outputs = drain(&mut self.machine);
        assert_eq!(outputs, drain(&mut self.twin), "a restored machine goes on alike");
        assert_eq!(self.machine.deadline(), self.twin.deadline());
        for output in &outputs {
            self.witness.after(output, self.now);
        }
        self.steps += 1;
        if self.steps.is_multiple_of(self.restore_every) {
            self.twin = restored(&self.twin, self.now);
        }
    }

    /// Hangs up, and lets time pass until all is done.
    fn end(&mut self, dice: &mut Dice) {
        let id = self.witness.next_command();
        self.input(Input::Command { id, command: CallCommand::hangup() });
        while let Some(deadline) = self.machine.deadline() {
            if self.witness.ended_at.is_none() && dice.one_in(3) {
                let leg = self.machine.call().first_leg();
                self.input(Input::Leg(leg, program::leg_end(dice)));
            }
            self.fire(deadline);
        }
        assert!(self.machine.is_done(), "without a timer and without the end");
    }
}
