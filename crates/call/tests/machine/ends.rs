//! Ends of answered calls, and what is cleared up at each.

use crate::score::check;

/// An answered call without a flow; `rest` is what follows.
fn check_answered(limits: &str, rest: &str) {
    check(&format!(
        "outbound {limits}
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        {rest}"
    ));
}

#[test]
fn the_app_hangs_up() {
    check_answered(
        "",
        "+5s app hangup
            leg hang up
        +100ms ended hung_up by local 200
            hangup c1 completed
            left
            ended [completed] hangup by api 200 after 5100ms
        done",
    );
}

#[test]
fn a_callee_who_hangs_up_first_is_the_one_who_did() {
    check_answered(
        "",
        "+5s app hangup
            leg hang up
        +10ms ended hung_up by remote
            hangup c1 completed
            left
            ended [completed] hangup by callee after 5010ms
        done",
    );
}

#[test]
fn a_leg_that_does_not_confirm_its_end_is_waited_for_33_seconds() {
    check_answered(
        "",
        "+5s app hangup
            leg hang up
        +33s timeout
            hangup c1 completed
            left
            ended [completed] hangup by api after 38s
        +1s ended hung_up by local 200
        done",
    );
}

#[test]
fn the_longest_time_is_reached() {
    check_answered(
        "max 60s",
        "+60s timeout
            leg hang up
        +100ms ended hung_up by local
            left
            ended [completed] max_duration by timeout after 60100ms
        done",
    );
}

#[test]
fn no_sound_arrives_any_more() {
    check_answered(
        "",
        "+30s silent 30s
            leg hang up
        +33s timeout
            left
            ended [completed] media_timeout by media_timeout after 63s
        done",
    );
}

#[test]
fn missing_sound_before_the_answer_is_nothing() {
    check(
        "outbound
        +0 start
            leg dial 30s
        +1s silent 30s
        open",
    );
}

#[test]
fn the_server_stops() {
    check_answered(
        "",
        "+5s shutdown
            leg hang up
        +1s shutdown
        +1s ended hung_up by local
            left
            ended [completed] server_shutdown by system after 7s
        done",
    );
    check(
        "outbound
        +0 start
            leg dial 30s
        +1s shutdown
            leg hang up
        +1s ended canceled by local 487
            ended [failed] server_shutdown by system 487
        done",
    );
}

#[test]
fn a_leg_that_breaks_is_a_failure() {
    check_answered(
        "",
        "+5s ended hung_up by timeout 408
            left
            ended [completed] failed by timeout 408 after 5s
        done",
    );
    check_answered(
        "",
        "+5s ended failed by transport
            left
            ended [completed] failed by system after 5s
        done",
    );
}

#[test]
fn at_the_end_everything_that_runs_is_cancelled_first_and_the_end_comes_last() {
    check(
        r#"
        outbound
        flow: gather say "Pin?" keys 4
        flow: say "Thanks"
        +0 start
            leg dial 30s
            prepare p1 say "Pin?"
            prepare p2 say "Thanks"
        +1s answered
            answered [in_progress]
            joined
        +1s ready p1
            play 1: p1
        +1s key 1
            digit 1
            stop 1
        +100ms app start_recording
            record r1 mixed
        +100ms app send_digits 5
            send 1: 5
        +1s app hangup
            stop recording r1
            gathered s1 "1" by interrupted
            gather s1 cancelled
            say s2 cancelled
            start_recording c1 cancelled
            send_digits c2 cancelled
            leg hang up
        +50ms key 2
            digit 2
        +50ms ended hung_up by local
            hangup c3 completed
            left
            ended [completed] hangup by api after 3300ms
        +1s file r1
            recording r1 completed 3s after 1100ms
        done
        "#,
    );
}

#[test]
fn nothing_is_ordered_of_a_leg_that_is_gone() {
    check(
        r#"
        outbound
        flow: record beep
        +0 start
            leg dial 30s
            prepare p1 beep
        +100ms ready p1 200ms
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +200ms played 1
            record r1 received
            watch voice on
        +1s ended hung_up by remote
            stop recording r1
            record s1 cancelled
            left
            ended [completed] hangup by callee after 1200ms
        +100ms file r1
            recording r1 completed 3s after 1s
        done
        "#,
    );
}

#[test]
fn a_sound_cut_by_the_end_of_the_leg_does_not_move_the_flow_on() {
    check(
        r#"
        outbound
        flow: say "Hello"
        flow: say "World"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
            prepare p2 say "World"
        +0 ready p1
        +0 ready p2
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +500ms cut 1
        +20ms ended hung_up by remote
            say s1 cancelled
            say s2 cancelled
            left
            ended [completed] hangup by callee after 520ms
        done
        "#,
    );
}

#[test]
fn a_call_that_is_being_ended_waits_for_nothing_else() {
    check_answered(
        "max 20s",
        "+5s app hangup
            leg hang up
        +33s timeout
            hangup c1 completed
            left
            ended [completed] hangup by api after 38s
        done",
    );
}
