//! Labels, jumps, variables, templates and questions to the app.

use crate::score::{BEGIN, check, command_id, drain, new_call};
use call::{Input, Machine, Output};
use model::call::{CallSetup, Direction};
use model::event::EventBody;
use model::flow::{Flow, FlowCommand, Goto, Label, Pause, Set, Step};
use model::leg::{LegFact, LegOrder};

/// An answered call with this flow, and what it puts out from its answer on.
fn answered(commands: Vec<FlowCommand>) -> (Machine, Vec<Output>) {
    let (call, setup) = new_call(Direction::Outbound);
    let step = |(at, command)| Step { id: command_id('s', at), command, conditions: Vec::new() };
    let flow = Some(Flow { steps: (1..).zip(commands).map(step).collect() });
    let mut machine = Machine::new(CallSetup { flow, ..setup }, call, 1);
    machine.handle(Input::Start, BEGIN);
    drain(&mut machine);
    let leg = machine.call().first_leg();
    machine.handle(Input::Leg(leg, LegFact::Answered), BEGIN);
    let outputs = drain(&mut machine);
    (machine, outputs)
}

#[test]
fn a_loop_that_waits_for_nothing_ends_the_call() {
    let (_, outputs) = answered(vec![
        FlowCommand::Label(Label { name: "a".to_owned() }),
        FlowCommand::Set(Set { variable: "x".to_owned(), value: "1".to_owned().into() }),
        FlowCommand::Goto(Goto { label: "a".to_owned() }),
    ]);
    assert!(matches!(outputs.last(), Some(Output::Leg(_, LegOrder::HangUp))), "{:?}", outputs.last());
    assert!(outputs.len() < 1_000, "{}", outputs.len());
}

#[test]
fn each_step_says_when_it_begins_and_when_it_ends() {
    let set = FlowCommand::Set(Set { variable: "x".to_owned(), value: "1".to_owned().into() });
    let (_, outputs) = answered(vec![set, FlowCommand::Pause(Pause { length_ms: 1_000 })]);
    let told: Vec<String> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event { body: EventBody::CommandStarted { name, .. }, .. } => {
                Some(format!("{name} begins"))
            }
            Output::Event { body: EventBody::CommandCompleted { name, .. }, .. } => {
                Some(format!("{name} ends"))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, ["set begins", "set ends", "pause begins"]);
}

#[test]
fn a_menu_asks_again_until_it_gets_a_key_it_knows() {
    check(
        r#"outbound
        flow: label menu
        flow: gather keys 1
        flow: if keys == 1: set team sales
        flow: if keys != 1: goto menu
        flow: say "You get {{team}}, {{keys}}."
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        +1s key 7
            digit 7
            gathered s2 "7" by keys_max
            gather s2 completed
            set s3 skipped
            goto s4 completed
        +1s key 1
            digit 1
            gathered s2 "1" by keys_max
            gather s2 completed
            set s3 completed
            goto s4 skipped
            prepare p1 say "You get sales, 1."
        +0 ready p1
            play 1: p1
        +2s played 1
            say s5 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 4100ms
        done"#,
    );
}

#[test]
fn conditions_say_how_a_loop_goes_round() {
    check(
        r#"outbound
        flow: label again
        flow: if keys == 1: pause 1s
        flow: if keys == 2: goto again
        flow: gather keys 1
        flow: goto again
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            pause s2 skipped
            goto s3 skipped
        +1s key 1
            digit 1
            gathered s4 "1" by keys_max
            gather s4 completed
            goto s5 completed
        +1s timeout
            pause s2 completed
            goto s3 skipped
        +1s key 3
            digit 3
            gathered s4 "3" by keys_max
            gather s4 completed
            goto s5 completed
            pause s2 skipped
            goto s3 skipped
        +1s ended hung_up by remote
            gathered s4 "" by interrupted
            gather s4 cancelled
            left
            ended [completed] hangup by callee after 4s
        done"#,
    );
}

#[test]
fn a_prompt_is_made_again_when_its_step_runs_again() {
    check(
        r#"outbound
        flow: label again
        flow: say "Hello"
        flow: if keys == 1: hangup
        flow: gather keys 1
        flow: goto again
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +0 ready p1
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +2s played 1
            say s2 completed
            hangup s3 skipped
        +1s key 1
            digit 1
            gathered s4 "1" by keys_max
            gather s4 completed
            goto s5 completed
            prepare p2 say "Hello"
        +0 ready p2
            play 2: p2
        +2s played 2
            say s2 completed
            hangup s3 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 5100ms
        done"#,
    );
}

#[test]
fn the_app_gives_the_next_steps_nothing_or_no_answer() {
    check(
        r#"outbound
        flow: webhook https://app.example/next timeout 2s
        flow: webhook https://app.example/more
        flow: webhook https://app.example/fails else sorry
        flow: say "never"
        flow: label sorry
        flow: pause 1s
        +0 start
            leg dial 30s
            prepare p1 say "never"
        +1s answered
            answered [in_progress]
            joined
            fetch 1: https://app.example/next
        +1s fetched 1 say "New" / pause 1s
            webhook s1 completed
            prepare p2 say "New"
        +0 ready p2
            play 1: p2
        +2s played 1
            say fetched completed
        +1s timeout
            pause fetched completed
            fetch 2: https://app.example/more
        +1s fetched 2 nothing
            webhook s2 completed
            fetch 3: https://app.example/fails
        +1s fetched 3 failed "503 Service Unavailable"
            webhook s3 failed "503 Service Unavailable"
        +1s timeout
            pause s6 completed
            say s4 cancelled
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 7100ms
        done"#,
    );
}

#[test]
fn an_app_that_does_not_answer_is_not_waited_for_for_ever() {
    check(
        r#"outbound
        flow: webhook https://app.example/next timeout 2s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            fetch 1: https://app.example/next
        +9s timeout
            webhook s1 failed "the answer did not come in time"
            leg hang up
        +0 fetched 1 say "Late"
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 9100ms
        done"#,
    );
}

#[test]
fn steps_fetched_again_take_the_place_of_those_before() {
    check(
        r#"outbound
        flow: label again
        flow: webhook https://app.example/next
        flow: if keys == 9: hangup
        flow: goto again
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            fetch 1: https://app.example/next
        +1s fetched 1 gather keys 1
            webhook s2 completed
        +1s key 1
            digit 1
            gathered fetched "1" by keys_max
            gather fetched completed
            hangup s3 skipped
            goto s4 completed
            fetch 2: https://app.example/next
        +1s fetched 2 if keys == 2: pause 1s / gather keys 1
            webhook s2 completed
            pause fetched skipped
        +1s key 9
            digit 9
            gathered fetched "9" by keys_max
            gather fetched completed
            hangup s3 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 4100ms
        done"#,
    );
}

#[test]
fn keys_are_sent_and_what_cannot_be_sent_fails() {
    check(
        r#"outbound
        flow: dtmf 12#
        flow: gather keys 1
        flow: dtmf {{keys}}
        flow: dtmf {{speech}}
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            send 1: 12#
        +1s sent 1
            dtmf s1 completed
        +1s key 5
            digit 5
            gathered s2 "5" by keys_max
            gather s2 completed
            send 2: 5
        +1s unsent 2 "the far side takes no keys"
            dtmf s3 failed "the far side takes no keys"
            dtmf s4 failed "digits may hold 1 to 64 of 0-9, *, #, w (half a second) and W (one second)"
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 3100ms
        done"#,
    );
}
