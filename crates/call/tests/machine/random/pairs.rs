//! Every pair of commands, at once and one after the other, with and without a flow: each ends once, none after the
//! call.

use super::Performance;
use super::invariants::Witness;
use super::program::{self, Dice};
use crate::score::{BEGIN, new_call, restored};
use call::{Input, Machine};
use model::call::{CallSetup, Direction};
use model::flow::{
    CallCommand, Flow, Gather, GatherPrompt, Hangup, HangupCause, Playback, Record, Ringing, Say,
};
use model::leg::LegFact;

fn commands(dice: &mut Dice) -> Vec<CallCommand> {
    let say = Say { text: "text".to_owned(), locale: Say::LOCALE.to_owned(), voice: None, times: 1 };
    let prompt = Some(GatherPrompt::Say(say.clone()));
    vec![
        CallCommand::Answer,
        CallCommand::Ring(Ringing { early_media: true }),
        CallCommand::Reject { reason: None },
        CallCommand::hangup(),
        CallCommand::Hangup(Hangup { cause: Some(HangupCause::Busy) }),
        CallCommand::SendDigits { digits: "1".to_owned().into() },
        CallCommand::Say(say),
        CallCommand::Playback(Playback { media: vec!["a.wav".to_owned()], times: 2, gap_ms: 10 }),
        CallCommand::StopAudio,
        CallCommand::Gather(Gather { prompt, keys_max: Some(1), ..Gather::default() }),
        CallCommand::Record(Record { beep: true, ..Record::default() }),
        CallCommand::start_recording(),
        CallCommand::stop_recording(),
        CallCommand::ReplaceFlow(program::steps(dice)),
        CallCommand::ReplaceFlow(Flow::default()),
    ]
}

#[test]
fn every_pair_of_commands_keeps_the_invariants() {
    let kinds = commands(&mut Dice::new(1)).len();
    for first in 0..kinds {
        for second in 0..kinds {
            for seed in 0..12 {
                let played = std::panic::catch_unwind(|| play(first, second, seed));
                assert!(played.is_ok(), "pair {first} and {second}, seed {seed}");
            }
        }
    }
}

/// The seed says the direction, whether there is a flow, whether the call is answered, and the pauses.
fn play(first: usize, second: usize, seed: u64) {
    let mut dice = Dice::new(seed);
    let direction = if seed.is_multiple_of(3) { Direction::Inbound } else { Direction::Outbound };
    let (call, setup) = new_call(direction);
    let flow = (!seed.is_multiple_of(4)).then(|| program::steps(&mut dice));
    let machine = Machine::new(CallSetup { flow, ..setup }, call, seed);
    let twin = restored(&machine, BEGIN);
    let mut performance =
        Performance { machine, twin, now: BEGIN, witness: Witness::default(), restore_every: 3, steps: 0 };
    performance.input(Input::Start);
    let leg = performance.machine.call().first_leg();
    if seed.is_multiple_of(2) {
        if direction == Direction::Inbound {
            let id = performance.witness.next_command();
            performance.input(Input::Command { id, command: CallCommand::Answer });
        }
        performance.input(Input::Leg(leg, LegFact::Answered));
    }
    for at in [first, second] {
        let command = commands(&mut dice).swap_remove(at);
        let id = performance.witness.next_command();
        performance.input(Input::Command { id, command });
        performance.wait(&mut dice);
        for _ in 0..dice.below(6) {
            let input = program::fact(&mut dice, &performance.witness, leg);
            performance.input(input);
        }
    }
    performance.end(&mut dice);
    performance.witness.check_whole(&performance.machine);
}
