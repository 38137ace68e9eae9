//! Random simulations: any flow, any persona, the app's commands at any moment, any network and fault, all from one seed.
//! Short calls mostly, for there shall be many.

use crate::dice::Dice;
use crate::faults::Faults;
use crate::network::NetworkProfile;
use crate::plan::{Plan, Program};
use model::flow::{
    Bridge, CallCommand, Condition, Conference, Flow, FlowCommand, Gather, GatherPrompt, Operator, Pause,
    Playback, Queue, Record, Say, Step, Transfer, TransferMode, Variable, WhichRecording,
};
use model::sound::Codec;
use model::{CommandId, Pii, Timestamp};
use persona::{CATALOGUE, Settings};

/// The program of a seed.
pub fn random(seed: u64) -> Program {
    let mut dice = Dice::new(seed);
    let calls = if dice.one_in(6) { dice.between(2, 3) } else { 1 };
    Program {
        seed: dice.bits(),
        network: network(&mut dice),
        faults: if dice.one_in(2) { Faults::random(&mut dice) } else { Faults::NONE },
        calls: (0..calls).map(|_| plan(&mut dice)).collect(),
        shutdown_at_ms: dice.one_in(12).then(|| dice.below(20_000)),
    }
}

fn network(dice: &mut Dice) -> NetworkProfile {
    match dice.below(8) {
        0..=3 => NetworkProfile::CLEAN,
        4 => NetworkProfile::MOBILE,
        5 => NetworkProfile::BAD,
        6 => NetworkProfile {
            partition_from_ms: number(dice, 15_000),
            partition_ms: number(dice, 60_000),
            ..NetworkProfile::MOBILE
        },
        _ => NetworkProfile {
            delay_ms: number(dice, 400),
            jitter_ms: number(dice, 400),
            loss_permille: number(dice, 300),
            reorder_permille: number(dice, 100),
            duplicate_permille: number(dice, 100),
            ..NetworkProfile::CLEAN
        },
    }
}

fn number(dice: &mut Dice, limit: u64) -> u32 {
    u32::try_from(dice.below(limit)).unwrap_or_default()
}

fn plan(dice: &mut Dice) -> Plan {
    let persona = dice.pick(CATALOGUE).map_or("+15005550000", |entry| entry.number);
    let mut plan = if dice.one_in(5) {
        Plan { decision_timeout_ms: 1_000 + number(dice, 20_000), ..Plan::inbound(persona, inbound(dice)) }
    } else {
        let flow = (!dice.one_in(8)).then(|| flow(dice));
        let commands = if dice.one_in(2) { commands(dice) } else { Vec::new() };
        Plan { commands, ..Plan::outbound(persona, flow) }
    };
    plan.settings = settings(dice);
    if dice.one_in(4) {
        let first = dice.pick(&Codec::ALL).copied().unwrap_or(Codec::Pcmu);
        plan.codecs.retain(|codec| *codec != first);
        plan.codecs.insert(0, first);
    }
    plan.at_ms = dice.below(3_000);
    plan.repeated = dice.one_in(4);
    plan.ring_timeout_ms = 3_000 + number(dice, 20_000);
    plan.max_duration_ms = 1_000 + number(dice, 60_000);
    plan
}

fn settings(dice: &mut Dice) -> Settings {
    let mut one = |limit: u64| dice.one_in(4).then(|| number(dice, limit));
    Settings {
        answer_after_ms: one(6_000),
        hang_up_after_ms: one(15_000),
        press_after_ms: one(2_000),
        mute_after_ms: one(4_000),
        hold_after_ms: one(3_000),
        hold_ms: one(3_000),
        ..Settings::default()
    }
}

fn flow(dice: &mut Dice) -> Flow {
    let steps = dice.between(1, 6);
    Flow { steps: (0..steps).map(|_| step(dice)).collect() }
}

fn step(dice: &mut Dice) -> Step {
    let command = match dice.below(10) {
        9 => others(dice),
        0..=2 => FlowCommand::Say(say(dice)),
        3 => FlowCommand::Playback(playback(dice)),
        4 | 5 => FlowCommand::Gather(gather(dice)),
        6 => FlowCommand::Record(Record {
            end_key: dice.one_in(2).then(|| key(dice)),
            length_ms_max: millis(dice),
            silence_ms: millis(dice),
            beep: dice.one_in(2),
            ..Record::default()
        }),
        7 if dice.one_in(3) => FlowCommand::hangup(),
        _ => FlowCommand::Pause(Pause { length_ms: millis(dice) }),
    };
    let operators = [Operator::Eq, Operator::Ne, Operator::Contains];
    let operator = dice.pick(&operators).copied().unwrap_or(Operator::Eq);
    let condition = Condition { variable: Variable::Keys, operator, value: key(dice).into() };
    let conditions = if dice.one_in(4) { vec![condition] } else { Vec::new() };
    Step { id: CommandId::generate(dice.ids(), Timestamp::default()), command, conditions }
}

/// A step that connects the call with others.
fn others(dice: &mut Dice) -> FlowCommand {
    let to = Pii::new("+15005550001".to_owned());
    match dice.below(4) {
        0 => FlowCommand::Conference(Conference {
            leave_key: dice.one_in(2).then_some('#'),
            ..Conference::named("room".to_owned())
        }),
        1 => FlowCommand::Queue(Queue {
            take: dice.one_in(2),
            wait_ms_max: 4 * millis(dice),
            ..Queue::named("queue".to_owned())
        }),
        2 => FlowCommand::Transfer(Transfer {
            to,
            mode: if dice.one_in(2) { TransferMode::Blind } else { TransferMode::Attended },
            from: None,
            ring_timeout_ms: Transfer::RING_TIMEOUT_MS,
        }),
        _ => {
            let ring_tone = dice.one_in(2).then(|| "de".to_owned());
            FlowCommand::Bridge(Box::new(Bridge { ring_tone, ..Bridge::to(to) }))
        }
    }
}

fn millis(dice: &mut Dice) -> u32 {
    500 * (1 + number(dice, 8))
}

fn key(dice: &mut Dice) -> char {
    dice.pick(&['1', '2', '3', '#', '*']).copied().unwrap_or('1')
}

fn say(dice: &mut Dice) -> Say {
    let words = usize::try_from(dice.between(1, 12)).unwrap_or(1);
    let times = if dice.one_in(6) { 2 } else { 1 };
    Say { text: "word ".repeat(words), locale: Say::LOCALE.to_owned(), voice: None, times }
}

fn playback(dice: &mut Dice) -> Playback {
    let media = (0..dice.between(1, 2)).map(|number| format!("{number}.wav")).collect();
    Playback { media, times: 1, gap_ms: if dice.one_in(3) { millis(dice) } else { 0 } }
}

fn gather(dice: &mut Dice) -> Gather {
    let prompt = match dice.below(4) {
        0 => None,
        1 => Some(GatherPrompt::Playback(playback(dice))),
        _ => Some(GatherPrompt::Say(say(dice))),
    };
    Gather {
        prompt,
        keys_max: dice.one_in(2).then(|| 1 + u8::try_from(dice.below(5)).unwrap_or_default()),
        end_key: dice.one_in(2).then(|| key(dice)),
        timeout_ms: millis(dice),
        retries: u8::try_from(dice.below(3)).unwrap_or_default(),
        ..Gather::default()
    }
}

fn inbound(dice: &mut Dice) -> Vec<(u64, CallCommand)> {
    let mut commands = vec![(dice.below(10_000), CallCommand::Answer)];
    if dice.one_in(4) {
        commands = vec![(dice.below(10_000), CallCommand::Reject { reason: None })];
    }
    commands.extend(self::commands(dice));
    commands
}

fn commands(dice: &mut Dice) -> Vec<(u64, CallCommand)> {
    let count = dice.between(1, 5);
    (0..count).map(|_| (dice.below(20_000), command(dice))).collect()
}

fn command(dice: &mut Dice) -> CallCommand {
    match dice.below(12) {
        0 => CallCommand::hangup(),
        1 | 2 => CallCommand::SendDigits { digits: "1w#2".to_owned().into() },
        3 => CallCommand::Playback(playback(dice)),
        4 => CallCommand::StopAudio,
        5 | 6 => CallCommand::start_recording(),
        7 => CallCommand::stop_recording(),
        9 => CallCommand::PauseRecording(WhichRecording::default()),
        10 => CallCommand::ResumeRecording(WhichRecording::default()),
        8 if dice.one_in(4) => CallCommand::Answer,
        _ => CallCommand::Say(say(dice)),
    }
}
