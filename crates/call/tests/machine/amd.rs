//! Who answered: the leg is listened to from the answer on, the outcome is told once, and the flow goes on meanwhile.

use crate::score::{BEGIN, new_call, restored};
use call::{Input, Machine, Output};
use model::Timestamp;
use model::amd::{
    AmdBeep, AmdEvidence, AmdFinding, AmdGreetingEndedBy, AmdNews, AmdNotify, AmdResult, AmdSettings, AmdSign,
};
use model::call::Direction;
use model::event::EventBody;
use model::leg::LegFact;
use model::sound::{MediaFact, MediaOrder};
use std::time::Duration;

fn decided(result: AmdResult) -> AmdNews {
    let evidence = AmdEvidence::default();
    AmdNews::Decided(AmdFinding { result, sign: AmdSign::LongGreeting, words: 20, at_ms: 4_000, evidence })
}

fn beep() -> AmdNews {
    AmdNews::Beep(AmdBeep { frequencies_hz: [1_000, 0], length_ms: 400, at_ms: 6_000 })
}

/// An answered call that is watched, restored from its snapshot after each thing that happens.
struct Call {
    machine: Machine,
    now: Timestamp,
    told: Vec<String>,
}

impl Call {
    fn answered(notify: Option<AmdNotify>) -> Self {
        let (row, mut setup) = new_call(Direction::Outbound);
        setup.amd = notify.map(|notify| AmdSettings { notify, ..AmdSettings::default() });
        let mut call = Self { machine: Machine::new(setup, row, 1), now: BEGIN, told: Vec::new() };
        call.happens(Input::Start);
        let leg = call.machine.call().first_leg();
        call.happens(Input::Leg(leg, LegFact::Answered));
        call
    }

    fn happens(&mut self, input: Input) {
        self.machine.handle(input, self.now);
        self.listen();
    }

    fn hears(&mut self, news: AmdNews) {
        let leg = self.machine.call().first_leg();
        self.happens(Input::Media(leg, MediaFact::Amd(news)));
    }

    fn waits(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.machine.handle_timeout(self.now);
        self.listen();
    }

    fn listen(&mut self) {
        self.machine = restored(&self.machine, self.now);
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Media(_, MediaOrder::DetectMachine { .. }) => self.told.push("detect".into()),
                Output::Media(_, MediaOrder::StopDetecting) => self.told.push("stop".into()),
                Output::Event { body: EventBody::AmdCompleted { outcome }, call } => {
                    assert_eq!(call.amd.as_ref(), Some(&outcome), "the row tells the same");
                    self.told.push(format!("{:?}", outcome.finding.result));
                }
                Output::Event { body: EventBody::AmdGreetingEnded { end }, call } => {
                    assert_eq!(call.amd.and_then(|amd| amd.greeting_end), Some(end));
                    self.told.push(format!("greeting ended by {:?}", end.by));
                }
                Output::Event { body: EventBody::Ended(_), .. } => self.told.push("ended".into()),
                _ => {}
            }
        }
    }
}

fn check(notify: AmdNotify, script: fn(&mut Call), told: &[&str]) {
    let mut call = Call::answered(Some(notify));
    script(&mut call);
    assert_eq!(call.told.split_first().map(|(first, rest)| (first.as_str(), rest.to_vec())), {
        Some(("detect", told.iter().map(|line| (*line).to_owned()).collect()))
    });
}

#[test]
fn a_person_is_told_at_once_and_nothing_more_is_listened_for() {
    for notify in [AmdNotify::WordCount, AmdNotify::Beep, AmdNotify::Silence] {
        let script = |call: &mut Call| {
            call.hears(decided(AmdResult::Human));
            call.hears(beep());
            call.hears(decided(AmdResult::Machine));
        };
        check(notify, script, &["Human", "stop"]);
    }
}

#[test]
fn the_end_of_a_machines_greeting_is_waited_for_where_the_app_asked_for_it() {
    let machine = |call: &mut Call| call.hears(decided(AmdResult::Machine));
    check(AmdNotify::WordCount, machine, &["Machine", "stop"]);
    let by_beep = |call: &mut Call| {
        call.hears(decided(AmdResult::Machine));
        call.hears(AmdNews::Silence { at_ms: 5_000 });
        call.hears(beep());
    };
    check(AmdNotify::Beep, by_beep, &["Machine", "greeting ended by Beep", "stop"]);
    check(AmdNotify::Silence, by_beep, &["Machine", "greeting ended by Silence", "stop"]);
}

#[test]
fn a_greeting_without_an_end_is_given_up() {
    let script = |call: &mut Call| {
        call.hears(decided(AmdResult::Machine));
        call.waits(29);
        assert_eq!(call.told.len(), 2);
        call.waits(1);
        call.hears(beep());
    };
    let by = format!("greeting ended by {:?}", AmdGreetingEndedBy::Timeout);
    check(AmdNotify::Beep, script, &["Machine", &by, "stop"]);
}

#[test]
fn a_call_that_ends_before_says_so_once() {
    let early = |call: &mut Call| {
        call.happens(Input::Shutdown);
        call.hears(decided(AmdResult::Human));
        call.waits(40);
    };
    check(AmdNotify::WordCount, early, &["Unknown", "stop", "ended"]);
    let within = |call: &mut Call| {
        call.hears(decided(AmdResult::Machine));
        call.happens(Input::Shutdown);
        call.waits(40);
    };
    check(AmdNotify::Beep, within, &["Machine", "greeting ended by CallEnded", "stop", "ended"]);
}

#[test]
fn who_is_not_asked_for_is_not_listened_for() {
    let mut call = Call::answered(None);
    call.hears(decided(AmdResult::Machine));
    assert_eq!(call.told, Vec::<String>::new());
    assert_eq!(call.machine.call().amd, None);
}
