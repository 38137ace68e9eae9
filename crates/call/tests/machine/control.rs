//! Control of a live call: commands that listen take the place of the running step, a new flow that of the old one;
//! flows that say themselves when an inbound call rings and is answered.

use crate::score::check;

#[test]
fn a_gather_of_the_app_takes_the_place_of_the_running_step_and_the_flow_goes_on_after_it() {
    check(
        r#"outbound
        flow: gather keys 4
        flow: if keys == 7: pause 1s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        +1s key 1
            digit 1
        +1s app gather keys 1
            gathered s1 "1" by interrupted
            gather s1 cancelled
        +1s key 7
            digit 7
            gathered c1 "7" by keys_max
            gather c1 completed
        +1s timeout
            pause s2 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 4100ms
        done"#,
    );
}

#[test]
fn a_second_gather_interrupts_the_first_and_a_call_without_flow_goes_on() {
    check(
        r#"outbound
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        +1s app gather say "First?"
            prepare p1 say "First?"
        +0 ready p1
            play 1: p1
        +1s app gather say "Second?" keys 1
            gathered c1 "" by interrupted
            stop 1
            gather c1 cancelled
            prepare p2 say "Second?"
        +0 ready p2
            play 2: p2
        +1s key 4
            digit 4
            stop 2
            gathered c2 "4" by keys_max
            gather c2 completed
        +1s app hangup
            leg hang up
        +100ms ended hung_up by local
            hangup c3 completed
            left
            ended [completed] hangup by api after 4100ms
        done"#,
    );
}

#[test]
fn a_recording_of_the_app_stops_what_the_flow_says() {
    check(
        r#"outbound
        flow: say "A long text"
        +0 start
            leg dial 30s
            prepare p1 say "A long text"
        +0 ready p1 9s
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +1s app record
            stop 1
            say s1 cancelled
            record r1 received
            watch voice on
        +20ms recording r1
            recording r1 on
        +4980ms timeout
            stop recording r1
            watch voice off
            record c1 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 6100ms
        +1s file r1
            recording r1 completed 3s after 4980ms
        done"#,
    );
}

#[test]
fn another_flow_takes_the_place_of_the_running_one() {
    check(
        r#"outbound
        flow: gather
        flow: say "Never"
        +0 start
            leg dial 30s
            prepare p1 say "Never"
        +1s answered
            answered [in_progress]
            joined
        +1s app replace say "New" / hangup
            gathered s1 "" by interrupted
            gather s1 cancelled
            say s2 cancelled
            prepare p2 say "New"
            replace_flow c1 completed
        +0 ready p2
            play 1: p2
        +2s played 1
            say s11 completed
            hangup s12 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 3100ms
        done"#,
    );
}

#[test]
fn a_flow_can_be_replaced_before_the_answer() {
    check(
        r#"outbound
        flow: say "Never"
        +0 start
            leg dial 30s
            prepare p1 say "Never"
        +1s app replace pause 1s
            say s1 cancelled
            replace_flow c1 completed
        +1s answered
            answered [in_progress]
            joined
        +1s timeout
            pause s11 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 1100ms
        done"#,
    );
}

#[test]
fn an_inbound_call_without_a_flow_can_be_given_one_that_refuses_rings_or_answers() {
    check(
        r#"inbound
        +0 start
            leg ring
        +1s app replace hangup busy
            replace_flow c1 completed
            hangup s11 completed
            leg reject busy
        +10ms ended busy by local 486
            ended [busy] busy by flow 486
        done"#,
    );
    check(
        r#"inbound
        +0 start
            leg ring
        +1s app replace say "Hello"
            prepare p1 say "Hello"
            replace_flow c1 completed
            leg answer
        +10ms answered
            answered [in_progress]
            joined
        +0 ready p1
            play 1: p1
        +2s played 1
            say s11 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 2100ms
        done"#,
    );
    check(
        r#"inbound
        +0 start
            leg ring
        +1s app replace ringing / pause 2s / answer / pause 1s
            replace_flow c1 completed
            leg ring
            ringing [ringing]
        +0 timeout
            ringing s11 completed
        +2s timeout
            pause s12 completed
            leg answer
        +10ms answered
            answered [in_progress]
            joined
            answer s13 completed
        +1s timeout
            pause s14 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 1100ms
        done"#,
    );
}

#[test]
fn sound_can_be_heard_before_the_answer() {
    check(
        r#"inbound answer at-once
        flow: ringing early
        flow: say "Please wait"
        flow: gather keys 1
        +0 start
            prepare p1 say "Please wait"
            leg ring early
            ringing early [ringing]
        +0 ready p1
        +20ms ringing early
            ringing s1 completed
            play 1: p1
        +2s played 1
            say s2 completed
            leg answer
        +10ms answered
            answered [in_progress]
            joined
        +1s key 1
            digit 1
            gathered s3 "1" by keys_max
            gather s3 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 1100ms
        done"#,
    );
}

#[test]
fn a_flow_that_neither_rings_nor_answers_first_is_answered_first() {
    check(
        r#"inbound answer at-once
        flow: pause 1s
        +0 start
            leg answer
        +10ms answered
            answered [in_progress]
            joined
        +1s timeout
            pause s1 completed
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 1100ms
        done"#,
    );
}

#[test]
fn a_flow_that_only_rings_is_given_up() {
    check(
        r#"inbound answer at-once
        flow: ringing
        flow: pause 200s
        +0 start
            leg ring
            ringing [ringing]
        +0 timeout
            ringing s1 completed
        +120s timeout
            pause s2 cancelled
            leg reject busy
        +10ms ended busy by local 486
            ended [no_answer] no_answer by timeout 486
        done"#,
    );
}

#[test]
fn the_app_rings_and_refuses_with_a_cause() {
    check(
        r#"inbound
        +0 start
            leg ring
        +1s app ring
            leg ring
            ringing [ringing]
            ringing c1 completed
        +60s app hangup busy
            leg reject busy
        +10ms ended busy by local 486
            hangup c2 completed
            ended [busy] busy by api 486
        done"#,
    );
    check(
        r#"inbound
        +0 start
            leg ring
        +1s app hangup rejected
            leg reject declined
        +10ms ended declined by local 603
            hangup c1 completed
            ended [failed] rejected by api 603
        done"#,
    );
}

#[test]
fn a_cause_says_nothing_after_the_answer() {
    check(
        r#"outbound
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        +1s app hangup busy
            leg hang up
        +10ms ended hung_up by local
            hangup c1 completed
            left
            ended [completed] hangup by api after 1010ms
        done"#,
    );
}
