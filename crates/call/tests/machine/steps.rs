//! The flow's cursor and its simple steps: say, playback, pause, hangup; prompts that come late or never.

use crate::score::{BEGIN, check, command_id, ms, new_call, prompts_kept};
use call::{Input, Machine};
use model::call::Direction;
use model::flow::{Condition, Flow, FlowCommand, Operator, Pause, Say, Step, Variable};
use model::leg::LegFact;
use model::sound::{MediaFact, PlaybackId, PromptFact, PromptId};

#[test]
fn steps_run_one_after_the_other() {
    check(
        r#"
        outbound
        flow: say "Hello" x3
        flow: pause 2s
        flow: play a.wav b.mp3 gap 200ms
        flow: hangup
        flow: say "never"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
            prepare p2 play a.wav
            prepare p3 play b.mp3
            prepare p4 say "never"
        +0 ready p1
        +0 ready p2
        +0 ready p3
        +0 ready p4
        +1s answered
            answered [in_progress]
            joined
            play 1: p1 x3
        +6s played 1
            say s1 completed
        +2s timeout
            pause s2 completed
            play 2: p2 p3 gap 200ms
        +4200ms played 2
            playback s3 completed
            hangup s4 completed
            say s5 cancelled
            leg hang up
        +10ms ended hung_up by local
            left
            ended [completed] hangup by flow after 12210ms
        done
        "#,
    );
}

#[test]
fn keys_outside_a_gather_are_events_and_no_more() {
    check(
        r#"
        outbound
        flow: say "Hello"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +0 ready p1
        +1s key 1
            digit 1
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +1s key D
            digit D
        +100ms key x
        open
        "#,
    );
}

#[test]
fn a_step_whose_prompt_fails_fails_and_the_flow_goes_on() {
    check(
        r#"
        outbound
        flow: say "Hello"
        flow: play gone.wav here.wav
        flow: say "Bye"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
            prepare p2 play gone.wav
            prepare p3 play here.wav
            prepare p4 say "Bye"
        +0 failed p2 "404 Not Found"
        +0 ready p3
        +1s answered
            answered [in_progress]
            joined
        +1s failed p1 "no speech engine"
            say s1 failed "no speech engine"
            playback s2 failed "404 Not Found"
        +1s ready p4
            play 1: p4
        open
        "#,
    );
}

#[test]
fn a_prompt_that_never_comes_fails_its_step_after_30_seconds() {
    check(
        r#"
        outbound
        flow: say "Hello"
        flow: pause 1s
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +10s answered
            answered [in_progress]
            joined
        +30s timeout
            say s1 failed "the prompt was not ready in time"
        +500ms ready p1
        +500ms timeout
            pause s2 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn a_sound_that_breaks_off_fails_its_step() {
    check(
        r#"
        outbound
        flow: say "Hello"
        flow: pause 9s
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +0 ready p1
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +1s cut 1
        +1s timeout
            say s1 failed "the sound broke off before its end"
        open
        "#,
    );
}

#[test]
fn a_sound_whose_end_is_never_reported_does_not_hold_the_call() {
    check(
        r#"
        outbound
        flow: play a.wav b.wav x2 gap 1s
        +0 start
            leg dial 30s
            prepare p1 play a.wav
            prepare p2 play b.wav
        +0 ready p1 2s
        +0 ready p2 3s
        +1s answered
            answered [in_progress]
            joined
            play 1: p1 p2 x2 gap 1s
        +23s timeout
            playback s1 failed "the sound broke off before its end"
            leg hang up
        open
        "#,
    );
}

#[test]
fn a_playback_of_nothing_is_over_at_once() {
    check(
        "outbound
        flow: play
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            playback s1 completed
            leg hang up
        open",
    );
}

#[test]
fn a_pause_is_cancelled_by_the_end() {
    check(
        "outbound
        flow: pause 10s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        +4s ended hung_up by remote
            pause s1 cancelled
            left
            ended [completed] hangup by callee after 4s
        done",
    );
}

#[test]
fn reports_about_other_playbacks_and_prompts_change_nothing() {
    check(
        r#"
        outbound
        flow: say "Hello"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +0 ready p7
        +0 ready p1 5s
        +0 failed p1 "too late to fail"
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +1s played 9
        +1s sent 4
        +0 sound
        +0 voice on
        open
        "#,
    );
}

#[test]
fn a_sound_may_last_longer_than_its_prompt_may_take() {
    check(
        r#"
        outbound
        flow: say "Long" x0
        +0 start
            leg dial 30s
            prepare p1 say "Long"
        +1s answered
            answered [in_progress]
            joined
        +1s ready p1 60s
            play 1: p1
        +60s played 1
            say s1 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn prompts_that_were_played_or_skipped_are_forgotten() {
    let (call, mut setup) = new_call(Direction::Outbound);
    let say = |number, conditions| {
        let text = "Hello".to_owned();
        let say = Say { text, locale: Say::LOCALE.to_owned(), voice: None, times: 1 };
        Step { id: command_id('s', number), command: FlowCommand::Say(say), conditions }
    };
    let never = Condition { variable: Variable::Keys, operator: Operator::Eq, value: "1".to_owned() };
    let pause = FlowCommand::Pause(Pause { length_ms: 9_000 });
    let pause = Step { id: command_id('s', 3), command: pause, conditions: Vec::new() };
    setup.flow = Some(Flow { steps: vec![say(1, Vec::new()), say(2, vec![never]), pause] });
    let mut machine = Machine::new(setup, call, 1);
    let leg = machine.call().first_leg();
    let played = MediaFact::PlaybackFinished { playback: PlaybackId(1), played_ms: 900, completed: true };
    machine.handle(Input::Start, BEGIN);
    assert_eq!(prompts_kept(&machine), 2);
    assert!(machine.wants(PromptId(1)) && !machine.wants(PromptId(3)));
    let mut withdrawn = machine.clone();
    withdrawn.handle(Input::Shutdown, BEGIN);
    assert_eq!(prompts_kept(&withdrawn), 0, "steps that never ran");
    machine.handle(Input::Prompt(PromptFact::Ready { prompt: PromptId(1), duration_ms: 900 }), BEGIN);
    machine.handle(Input::Leg(leg, LegFact::Answered), BEGIN);
    machine.handle(Input::Media(leg, played), BEGIN);
    assert_eq!(prompts_kept(&machine), 0);
}

#[test]
fn time_that_runs_backwards_is_held() {
    let (call, setup) = new_call(Direction::Outbound);
    let mut machine = Machine::new(setup, call, 1);
    let leg = machine.call().first_leg();
    machine.handle(Input::Start, BEGIN + ms(2_000));
    machine.handle(Input::Leg(leg, LegFact::Answered), BEGIN + ms(1_000));
    assert_eq!(machine.call().answered_at, Some(BEGIN + ms(2_000)));
}
