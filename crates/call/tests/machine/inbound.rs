//! Calls that arrive: the app decides.

use crate::score::check;

#[test]
fn an_inbound_call_rings_until_the_app_answers() {
    check(
        "inbound
        +0 start
            leg ring
        +1s app say x
            refused: the call is not answered yet
        +1s app answer
            leg answer
        +10ms app answer
            refused: the call is answered already
        +100ms answered
            answered [in_progress]
            joined
            answer c2 completed
        +1s app reject
            refused: the call is answered already
        +59s ended hung_up by remote
            left
            ended [completed] hangup by caller after 60s
        done",
    );
}

#[test]
fn the_flow_of_an_inbound_call_runs_once_it_is_answered() {
    check(
        r#"
        inbound
        flow: say "Hello"
        +0 start
            leg ring
            prepare p1 say "Hello"
        +1s app answer
            leg answer
        +100ms answered
            answered [in_progress]
            joined
            answer c1 completed
        +1s ready p1
            play 1: p1
        +2s played 1
            say s1 completed
            leg hang up
        +1s ended hung_up by local
            left
            ended [completed] hangup by flow after 4s
        done
        "#,
    );
}

#[test]
fn a_call_that_nobody_decides_about_is_answered_at_once() {
    check(
        r#"
        inbound answer at-once
        flow: say "Hello"
        +0 start
            leg answer
            prepare p1 say "Hello"
        +10ms app answer
            refused: the call is answered already
        +100ms answered
            answered [in_progress]
            joined
        +1s ready p1
            play 1: p1
        +2s played 1
            say s1 completed
            leg hang up
        +1s ended hung_up by local
            left
            ended [completed] hangup by flow after 4s
        done
        "#,
    );
}

#[test]
fn the_app_rejects() {
    check(
        r#"
        inbound
        +0 start
            leg ring
        +1s app reject "not now"
            leg reject declined
        +10ms app answer
            refused: the call is being ended
        +100ms ended declined by local 603
            reject c1 completed
            ended [failed] rejected by api 603
        done
        "#,
    );
}

#[test]
fn the_app_hangs_up_before_it_answers() {
    check(
        "inbound
        +0 start
            leg ring
        +1s app hangup
            leg hang up
        +100ms ended declined by local 603
            hangup c1 completed
            ended [canceled] canceled by api 603
        done",
    );
}

#[test]
fn without_a_decision_the_caller_hears_busy() {
    check(
        "inbound decide 10s
        +0 start
            leg ring
        +10s timeout
            leg reject busy
        +100ms ended busy by local 486
            ended [no_answer] no_answer by timeout 486
        done",
    );
}

#[test]
fn a_caller_whom_nobody_answered_hears_that_the_server_stops_and_no_refusal_of_a_person() {
    check(
        "inbound
        +0 start
            leg ring
        +1s shutdown
            leg reject server_busy
        +100ms ended failed by local 503
            ended [failed] server_shutdown by system 503
        done",
    );
    check(
        "inbound
        +0 start
            leg ring
        +1s app answer
            leg answer
        +0 shutdown
            answer c1 cancelled
            leg hang up
        +100ms ended canceled by local
            ended [failed] server_shutdown by system
        done",
    );
}

/// A caller who is gone before the app decided.
fn check_gone(leg_end: &str, ended: &str) {
    check(&format!(
        "inbound
        +0 start
            leg ring
        +5s ended {leg_end}
            ended {ended}
        +1s app answer
            refused: the call is over
        done"
    ));
}

#[test]
fn the_caller_is_gone_before_the_answer() {
    check_gone("canceled by remote 487", "[canceled] canceled by caller 487");
    check_gone("no_answer by timeout", "[no_answer] no_answer by timeout");
    check_gone("failed by transport", "[failed] failed by system");
}

#[test]
fn the_caller_is_gone_while_we_answer() {
    check(
        "inbound
        +0 start
            leg ring
        +1s app answer
            leg answer
        +10ms ended canceled by remote 487
            answer c1 cancelled
            ended [canceled] canceled by caller 487
        done",
    );
}

#[test]
fn an_answer_that_nobody_confirms_fails() {
    check(
        "inbound
        +0 start
            leg ring
        +1s app answer
            leg answer
        +40s timeout
            answer c1 cancelled
            leg hang up
        +33s timeout
            ended [failed] failed by timeout
        done",
    );
}

#[test]
fn only_an_inbound_call_is_answered() {
    check(
        "outbound
        +0 start
            leg dial 30s
        +1s app answer
            refused: only an inbound call can be answered or rejected
        +1s app reject
            refused: only an inbound call can be answered or rejected
        open",
    );
}
