//! Makes random flows and inputs: mostly such as fit what the machine has ordered, sometimes any.

use super::invariants::Witness;
use super::others;
use crate::score::{command_id, finished};
use call::{FetchId, Input};
use model::flow::{
    CallCommand, Condition, Dtmf, Flow, FlowCommand, Gather, GatherPrompt, Goto, Hangup, HangupCause, Label,
    Operator, Pause, Playback, Record, Ringing, Say, Set, Step, Variable, Webhook, WhichRecording,
};
use model::leg::{LegEnd, LegEndKind, LegEndedBy, LegFact, ReleaseCause};
use model::sound::{DigitsId, MediaFact, PlaybackId, PromptFact, PromptId, RecordFact};
use model::{IdSource, LegId, RecordingId};

/// Random choices, all from one seed.
pub(super) struct Dice(IdSource);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(IdSource::new(seed))
    }

    /// A number below `limit`.
    pub(super) const fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    pub(super) const fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// One of them; none if there are none.
    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let len = u64::try_from(from.len()).unwrap();
        (len > 0).then(|| from[usize::try_from(self.below(len)).unwrap()].clone())
    }

    fn key(&mut self) -> char {
        self.pick(&['1', '2', '3', '#', '*', 'A']).unwrap()
    }

    pub(super) fn millis(&mut self) -> u32 {
        500 * u32::try_from(1 + self.below(20)).unwrap()
    }
}

/// A flow of up to nine steps, or none. No checker has looked at it.
pub(super) fn flow(dice: &mut Dice) -> Option<Flow> {
    let steps = steps(dice);
    (!dice.one_in(4)).then_some(steps)
}

pub(super) fn steps(dice: &mut Dice) -> Flow {
    // Ids that no other flow of the call has.
    let first = 1_000 + dice.below(1 << 30) * 16;
    Flow { steps: (1..=dice.below(10)).map(|number| step(first + number, dice)).collect() }
}

fn step(number: u64, dice: &mut Dice) -> Step {
    let command = match dice.below(17) {
        8 => FlowCommand::Label(Label { name: label(dice) }),
        9 => FlowCommand::Goto(Goto { label: label(dice) }),
        10 => FlowCommand::Set(Set { variable: label(dice), value: "{{keys}}{{b}}".to_owned().into() }),
        11 => FlowCommand::Webhook(Webhook {
            url: "https://example.com".to_owned(),
            timeout_ms: dice.millis(),
            on_failure: dice.one_in(3).then(|| label(dice)),
        }),
        12 => {
            FlowCommand::Dtmf(Dtmf { digits: dice.pick(&["1", "{{keys}}", "x"]).unwrap().to_owned().into() })
        }
        13 if dice.one_in(2) => FlowCommand::Ringing(Ringing { early_media: dice.one_in(2) }),
        13 => FlowCommand::Answer,
        14..=16 => others::step(dice),
        0 | 1 => FlowCommand::Say(say(dice)),
        2 => FlowCommand::Playback(playback(dice)),
        3 | 4 => FlowCommand::Gather(gather(dice)),
        5 => FlowCommand::Record(Record {
            end_key: dice.one_in(2).then(|| dice.key()),
            length_ms_max: dice.millis(),
            silence_ms: dice.millis(),
            beep: dice.one_in(2),
            ..Record::default()
        }),
        6 if dice.one_in(3) => FlowCommand::Hangup(hangup(dice)),
        _ => FlowCommand::Pause(Pause { length_ms: dice.millis() }),
    };
    let operator = dice.pick(&[Operator::Eq, Operator::Ne, Operator::Contains]).unwrap();
    let condition = Condition { variable: Variable::Keys, operator, value: dice.key().into() };
    let conditions = if dice.one_in(4) { vec![condition] } else { Vec::new() };
    Step { id: command_id('s', number), command, conditions }
}

fn label(dice: &mut Dice) -> String {
    dice.pick(&["a", "b", "c"]).unwrap().to_owned()
}

fn hangup(dice: &mut Dice) -> Hangup {
    Hangup { cause: dice.pick(&[None, Some(HangupCause::Rejected), Some(HangupCause::Busy)]).unwrap() }
}

fn say(dice: &mut Dice) -> Say {
    let times = u16::try_from(1 + dice.below(3)).unwrap();
    let text = dice.pick(&["text", "{{keys}} and {{a}}"]).unwrap().to_owned();
    Say { text, locale: Say::LOCALE.to_owned(), voice: None, times }
}

fn playback(dice: &mut Dice) -> Playback {
    let media = (0..dice.below(4)).map(|number| format!("{number}.wav")).collect();
    Playback { media, times: u16::try_from(dice.below(3)).unwrap(), gap_ms: dice.millis() }
}

fn gather(dice: &mut Dice) -> Gather {
    let prompt = match dice.below(3) {
        0 => None,
        1 => Some(GatherPrompt::Say(say(dice))),
        _ => Some(GatherPrompt::Playback(playback(dice))),
    };
    Gather {
        prompt,
        keys_max: dice.one_in(2).then(|| u8::try_from(1 + dice.below(4)).unwrap()),
        end_key: dice.one_in(2).then(|| dice.key()),
        timeout_ms: dice.millis(),
        retries: u8::try_from(dice.below(3)).unwrap(),
        ..Gather::default()
    }
}

/// Something that could happen now.
pub(super) fn input(dice: &mut Dice, seen: &Witness, leg: LegId) -> Input {
    match dice.below(26) {
        20 | 21 => fetched(dice, seen),
        22..=25 => seen.others.input(dice, leg),
        0 | 1 => Input::Leg(leg, LegFact::Ringing { early_media: dice.one_in(2) }),
        2 | 3 => Input::Leg(leg, LegFact::Answered),
        4 if dice.one_in(4) => Input::Leg(leg, leg_end(dice)),
        4..=8 => Input::Prompt(prompt(dice, seen)),
        9 | 10 => Input::Media(leg, playback_finished(dice, seen)),
        11 | 12 => Input::Media(leg, MediaFact::Digit { digit: dice.key(), duration_ms: 80 }),
        13 => Input::Media(leg, voice(dice)),
        14 => Input::Record(record(dice, seen)),
        15 if dice.one_in(8) => Input::Shutdown,
        15 if dice.one_in(8) => Input::Media(leg, MediaFact::TimedOut { silent_ms: 30_000 }),
        15 => Input::Media(LegId::new(leg.call, 1), MediaFact::Digit { digit: '1', duration_ms: 80 }),
        _ => Input::Command { id: seen.next_command(), command: command(dice) },
    }
}

/// Something that the rest of the server could report now, and that ends no call.
pub(super) fn fact(dice: &mut Dice, seen: &Witness, leg: LegId) -> Input {
    match dice.below(6) {
        0 | 1 => Input::Prompt(prompt(dice, seen)),
        2 => Input::Media(leg, playback_finished(dice, seen)),
        3 => Input::Media(leg, MediaFact::Digit { digit: dice.key(), duration_ms: 80 }),
        4 => fetched(dice, seen),
        _ => Input::Record(record(dice, seen)),
    }
}

/// Some end of the leg.
pub(super) fn leg_end(dice: &mut Dice) -> LegFact {
    use LegEndKind::{Busy, Canceled, Declined, Failed, HungUp, NoAnswer};
    use LegEndedBy::{Local, Remote, Timeout, Transport};
    let kind = dice.pick(&[HungUp, Busy, NoAnswer, Declined, Canceled, Failed]).unwrap();
    let by = dice.pick(&[Remote, Local, Timeout, Transport]).unwrap();
    LegFact::Ended(LegEnd { kind, by, cause: ReleaseCause::default() })
}

fn command(dice: &mut Dice) -> CallCommand {
    match dice.below(24) {
        22 => CallCommand::PauseRecording(WhichRecording::default()),
        23 => CallCommand::ResumeRecording(WhichRecording::default()),
        16 => CallCommand::Ring(Ringing { early_media: dice.one_in(2) }),
        17 | 18 => CallCommand::Gather(gather(dice)),
        19 => CallCommand::Record(Record { silence_ms: dice.millis(), ..Record::default() }),
        20 => CallCommand::ReplaceFlow(steps(dice)),
        21 if dice.one_in(3) => CallCommand::Hangup(hangup(dice)),
        0..=2 => CallCommand::Answer,
        3 if dice.one_in(3) => CallCommand::Reject { reason: Some("no".to_owned()) },
        4 if dice.one_in(3) => CallCommand::hangup(),
        5 | 6 => CallCommand::SendDigits { digits: "1w#".to_owned().into() },
        7 | 8 => CallCommand::Playback(playback(dice)),
        9 => CallCommand::StopAudio,
        10 | 11 => CallCommand::start_recording(),
        12 => CallCommand::stop_recording(),
        _ => CallCommand::Say(say(dice)),
    }
}

fn fetched(dice: &mut Dice, seen: &Witness) -> Input {
    let id = dice.pick(&seen.fetches).unwrap_or(FetchId(77));
    Input::Fetched(
        id,
        match dice.below(3) {
            0 => Ok(None),
            1 => Ok(Some(steps(dice))),
            _ => Err("503 Service Unavailable".to_owned()),
        },
    )
}

fn prompt(dice: &mut Dice, seen: &Witness) -> PromptFact {
    let prompt = dice.pick(&seen.prompts).unwrap_or(PromptId(77));
    match dice.below(6) {
        0 => PromptFact::Failed { prompt, reason: "no such file".to_owned() },
        _ => PromptFact::Ready { prompt, duration_ms: dice.millis() },
    }
}

fn playback_finished(dice: &mut Dice, seen: &Witness) -> MediaFact {
    match (dice.below(8), dice.pick(&seen.digits)) {
        (0, id) => MediaFact::DigitsSent { id: id.unwrap_or(DigitsId(77)) },
        (1, _) => MediaFact::PlaybackFinished { playback: PlaybackId(1), played_ms: 1, completed: true },
        (other, _) => {
            let playback = seen.playback.unwrap_or(PlaybackId(77));
            MediaFact::PlaybackFinished { playback, played_ms: 500, completed: other > 2 }
        }
    }
}

fn voice(dice: &mut Dice) -> MediaFact {
    if dice.one_in(2) { MediaFact::VoiceStarted } else { MediaFact::VoiceStopped }
}

fn record(dice: &mut Dice, seen: &Witness) -> RecordFact {
    let stranger = RecordingId::from_uuid(IdSource::new(77).next_uuid(crate::score::BEGIN));
    let recording = dice.pick(&seen.recordings).unwrap_or(stranger);
    match dice.below(4) {
        0 | 1 => RecordFact::Started { recording },
        2 => finished(recording),
        _ => RecordFact::Failed { recording, reason: "disk full".to_owned() },
    }
}
