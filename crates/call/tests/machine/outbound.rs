//! Calls we make: from the dial to the end, answered or not.

use crate::score::check;

#[test]
fn an_answered_call_speaks_and_hangs_up() {
    check(
        r#"
        outbound
        flow: say "Hello"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +50ms trying
        +20ms ready p1 3s
        +200ms ringing
            ringing [ringing]
        +2s answered
            answered [in_progress]
            joined
            play 1: p1
        +3s played 1
            say s1 completed
            leg hang up
        +20ms ended hung_up by local 200
            left
            ended [completed] hangup by flow 200 after 3020ms
        done
        "#,
    );
}

#[test]
fn without_a_flow_the_call_stays_until_somebody_hangs_up() {
    check(
        r#"
        outbound
        +0 start
            leg dial 30s
        +1s ringing early
            ringing early [ringing]
        +1s ringing early
        +1s answered
            answered [in_progress]
            joined
        +60s ended hung_up by remote
            left
            ended [completed] hangup by callee after 60s
        done
        "#,
    );
}

/// An unanswered outbound call whose leg ends so.
fn check_unanswered(leg_end: &str, ended: &str) {
    check(&format!(
        "outbound
        flow: pause 1s
        +0 start
            leg dial 30s
        +1s ringing
            ringing [ringing]
        +5s ended {leg_end}
            pause s1 cancelled
            ended {ended}
        done"
    ));
}

#[test]
fn each_failure_has_its_own_end() {
    check_unanswered("busy by remote 486", "[busy] busy by callee 486");
    check_unanswered("no_answer by remote 480", "[no_answer] no_answer by callee 480");
    check_unanswered("no_answer by timeout 408", "[no_answer] no_answer by timeout 408");
    check_unanswered("declined by remote 603", "[failed] rejected by callee 603");
    check_unanswered("failed by remote 404", "[failed] failed by callee 404");
    check_unanswered("failed by timeout", "[failed] failed by timeout");
    check_unanswered("failed by transport", "[failed] failed by system");
    check_unanswered("failed by local", "[failed] failed by system");
    check_unanswered("hung_up by remote", "[failed] failed by callee");
}

#[test]
fn a_callee_that_rings_for_ever_is_given_up_by_our_own_timer() {
    check(
        "outbound ring 20s
        +0 start
            leg dial 20s
        +1s ringing
            ringing [ringing]
        +64s timeout
            leg hang up
        +100ms ended canceled by local 487
            ended [no_answer] no_answer by timeout 487
        done",
    );
}

#[test]
fn a_call_is_cancelled_before_anything_rings() {
    check(
        "outbound
        +0 start
            leg dial 30s
        +100ms app hangup
            leg hang up
        +100ms app answer
            refused: the call is being ended
        +100ms app hangup
        +100ms ringing
        +100ms ended canceled by local 487
            hangup c1 completed
            hangup c3 completed
            ended [canceled] canceled by api 487
        done",
    );
}

#[test]
fn a_ringing_call_is_cancelled() {
    check(
        r#"
        outbound
        flow: say "Hello"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +100ms ringing
            ringing [ringing]
        +1s app hangup
            say s1 cancelled
            leg hang up
        +100ms ready p1
        +100ms ended canceled by local 487
            hangup c1 completed
            ended [canceled] canceled by api 487
        done
        "#,
    );
}

#[test]
fn an_answer_that_crosses_the_cancel_is_no_answer() {
    check(
        r#"
        outbound
        flow: say "Hello"
        +0 start
            leg dial 30s
            prepare p1 say "Hello"
        +100ms ready p1
        +1s app hangup
            say s1 cancelled
            leg hang up
        +10ms answered
        +100ms ended hung_up by local
            hangup c1 completed
            ended [canceled] canceled by api
        done
        "#,
    );
}

#[test]
fn a_callee_who_is_busy_before_the_cancel_arrives_is_busy() {
    check(
        "outbound
        +0 start
            leg dial 30s
        +1s app hangup
            leg hang up
        +10ms ended busy by remote 486
            hangup c1 completed
            ended [busy] busy by callee 486
        done",
    );
}

#[test]
fn a_call_is_ended_before_it_was_begun() {
    check(
        "outbound
        +0 app say x
            refused: the call is not answered yet
        +1s app hangup
            hangup c2 completed
            ended [canceled] canceled by api
        +1s start
        +1s app hangup
            refused: the call is over
        done",
    );
}

#[test]
fn facts_that_come_late_change_nothing() {
    check(
        "outbound
        +0 start
            leg dial 30s
        +1s ended busy by remote 486
            ended [busy] busy by callee 486
        +1s ringing
        +1s answered
        +1s key 1
        +1s ended busy by remote 486
        +1s shutdown
        done",
    );
}

#[test]
fn a_ring_after_the_answer_changes_nothing() {
    check(
        "outbound
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        +1s ringing
        +1s trying
        +1s answered
        +1s start
        open",
    );
}
