//! Calls that a call makes: bridged, refused, ended by either side, and both at the same instant; and the same seen by
//! the call that was made. Transfers too.

use crate::score::check;

/// An answered call that bridges; what follows its first step.
fn check_bridged(step: &str, rest: &str) {
    check(&format!(
        r#"
        outbound
        flow: {step}
        flow: say "Bye"
        +0 start
            leg dial 30s
            prepare p1 tone de
            prepare p2 say "Bye"
        +10ms ready p1 5s
        +0 ready p2 1s
        +1s answered
            answered [in_progress]
            joined
            place k1 +49301
        {rest}
        "#
    ));
}

const TO_GERMANY: &str = "bridge +49301 tone de";

#[test]
fn the_caller_hears_it_ring_until_the_two_are_connected_and_goes_on_alone() {
    check_bridged(
        TO_GERMANY,
        r#"
        +1s child k1 ringing
            play 1: p1 x65535
        +4s child k1 ready
            stop 1
            bridge with k1
            join k1
            joined other
        +9s key 5
            digit 5
        +1s child k1 ended hangup
            unbridge
            left other
            bridge s1 completed
            play 2: p2
        +1s played 2
            say s2 completed
            leg hang up
        +0 ended hung_up by local 200
            left
            ended [completed] hangup by flow 200 after 16s
        done
        "#,
    );
}

#[test]
fn the_end_of_the_bridge_can_be_the_end_of_the_call() {
    check_bridged(
        "bridge +49301 tone de hangup",
        r#"
        +4s child k1 ready
            bridge with k1
            join k1
            joined other
        +10s child k1 ended hangup
            unbridge
            left other
            bridge s1 completed
            say s2 cancelled
            leg hang up
        +0 ended hung_up by local 200
            left
            ended [completed] hangup by flow 200 after 14s
        done
        "#,
    );
}

/// A bridge that never was: what the other call said last, and how the step ended.
fn check_unreached(fact: &str, outcome: &str) {
    check_bridged(
        "bridge +49301 tone de hangup",
        &format!(
            r#"
        +1s child k1 {fact}
            bridge s1 failed "{outcome}"
            play 1: p2
        +1s played 1
            say s2 completed
            leg hang up
        +0 ended hung_up by local
            left
            ended [completed] hangup by flow after 2s
        done
        "#
        ),
    );
}

#[test]
fn who_cannot_be_reached_is_said_and_the_flow_goes_on() {
    check_unreached("refused \"no such number\"", "no such number");
    check_unreached("ended busy", "the called party is busy");
    check_unreached("ended no_answer", "the called party did not answer");
    check_unreached("ended rejected", "the called party declined");
    check_unreached("ended failed", "the called party could not be reached");
}

#[test]
fn early_sound_of_the_other_side_is_heard_instead_of_our_tone() {
    check_bridged(
        TO_GERMANY,
        r#"
        +1s child k1 ringing
            play 1: p1 x65535
        +1s child k1 ringing early
            stop 1
            bridge with k1
        +1s child k1 ready
            join k1
            joined other
        +1s ended hung_up by remote
            left other
            end k1
            bridge s1 cancelled
            say s2 cancelled
            left
            ended [completed] hangup by callee after 4s
        done
        "#,
    );
}

#[test]
fn what_is_said_in_the_other_calls_own_flow_is_not_heard_here() {
    check_bridged(
        TO_GERMANY,
        r#"
        +1s child k1 ringing early
            bridge with k1
        +1s child k1 answered
            unbridge
            play 1: p1 x65535
        +5s child k1 ready
            stop 1
            bridge with k1
            join k1
            joined other
        +1s app hangup
            unbridge
            left other
            end k1
            bridge s1 cancelled
            say s2 cancelled
            leg hang up
        +1s child k1 ended hangup
        +0 ended hung_up by local
            hangup c1 completed
            left
            ended [completed] hangup by api after 9s
        done
        "#,
    );
}

#[test]
fn an_answer_and_a_hang_up_at_the_same_instant_connect_nobody() {
    check_bridged(
        TO_GERMANY,
        r#"
        +1s ended hung_up by remote
            end k1
            bridge s1 cancelled
            say s2 cancelled
            left
            ended [completed] hangup by callee after 1s
        +0 child k1 ready
        +0 child k1 ended hangup
        done
        "#,
    );
    check_bridged(
        TO_GERMANY,
        r#"
        +1s child k1 ready
            bridge with k1
            join k1
            joined other
        +0 ended hung_up by remote
            left other
            end k1
            bridge s1 cancelled
            say s2 cancelled
            left
            ended [completed] hangup by callee after 1s
        done
        "#,
    );
}

#[test]
fn sound_that_cannot_be_connected_ends_the_other_call() {
    check_bridged(
        TO_GERMANY,
        r#"
        +1s child k1 ready
            bridge with k1
            join k1
            joined other
        +0 unjoined "no such leg"
            unbridge
            left other
            end k1
            bridge s1 failed "no such leg"
            play 1: p2
        +0 child k1 ended hangup
        +1s played 1
            say s2 completed
            leg hang up
        +0 ended hung_up by local
            left
            ended [completed] hangup by flow after 2s
        done
        "#,
    );
}

#[test]
fn a_sound_of_the_app_takes_the_tones_place_for_a_while() {
    check_bridged(
        TO_GERMANY,
        r#"
        +1s child k1 ringing
            play 1: p1 x65535
        +1s app say "Wait"
            prepare p3 say "Wait"
        +1s ready p3 1s
            play 2: p3
        +1s played 2
            say c1 completed
            play 3: p1 x65535
        +1s child k1 ended busy
            stop 3
            bridge s1 failed "the called party is busy"
            play 4: p2
        open
        "#,
    );
}

/// A call that another one made, with no flow of its own.
#[test]
fn a_child_is_ready_when_it_is_answered_and_ends_with_its_parent() {
    check(
        r#"
        outbound parent yes
        +0 start
            leg dial 30s
        +1s ringing
            parent: ringing
            ringing [ringing]
        +1s ringing early
            parent: ringing early
        +1s answered
            answered [in_progress]
            joined
            parent: ready
        +0 parent joined
            joined other
        +9s parent ended
            leg hang up
        +0 ended hung_up by local 200
            left other
            left
            ended [completed] hangup by caller 200 after 9s
            parent: ended Hangup
        done
        "#,
    );
}

#[test]
fn a_child_with_a_flow_is_ready_when_that_has_run_to_its_end() {
    check(
        r#"
        outbound parent yes
        flow: pause 2s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            parent: answered
        +2s timeout
            pause s1 completed
            parent: ready
        +0 parent joined
            joined other
        +5s parent parted
            left other
        +1s ended hung_up by remote
            left
            ended [completed] hangup by callee after 8s
            parent: ended Hangup
        done
        "#,
    );
}

#[test]
fn a_childs_own_flow_can_decline() {
    check(
        r#"
        outbound parent yes
        flow: hangup
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            parent: answered
            hangup s1 completed
            leg hang up
        +0 ended hung_up by local
            left
            ended [completed] hangup by flow after 0
            parent: ended Hangup
        done
        "#,
    );
}

#[test]
fn a_child_that_still_rings_is_withdrawn_with_its_parent() {
    check(
        r#"
        outbound parent yes
        +0 start
            leg dial 30s
        +1s parent ended
            leg hang up
        +0 ended canceled by local
            ended [canceled] canceled by caller
            parent: ended Canceled
        done
        "#,
    );
}

#[test]
fn a_blind_transfer_ends_the_call_when_the_far_side_got_through() {
    check(
        r#"
        outbound
        flow: transfer +49301
        flow: pause 1s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            leg transfer to +49301
        +1s handed agreed
        +5s handed done
            transfer s1 completed
            pause s2 cancelled
            leg hang up
        +0 ended hung_up by local
            left
            ended [completed] hangup by flow after 6s
        done
        "#,
    );
}

#[test]
fn a_transfer_that_is_refused_leaves_the_call_as_it_is() {
    check(
        r#"
        outbound
        flow: transfer +49301
        flow: pause 1s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            leg transfer to +49301
        +1s handed 603
            transfer s1 failed "the far side could not: 603"
        +1s timeout
            pause s2 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn an_attended_transfer_without_a_common_trunk_connects_the_two_here_and_ends_with_them() {
    check(
        r#"
        outbound
        flow: transfer +49301 attended
        +0 start
            leg dial 30s
            prepare p1 music
        +1s ready p1 9s
        +0 answered
            answered [in_progress]
            joined
            place k1 +49301
        +1s child k1 ringing
            play 1: p1 x65535
        +1s child k1 ready
            stop 1
            bridge with k1
            join k1
            joined other
        +5s child k1 ended hangup
            unbridge
            left other
            transfer s1 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn a_far_side_that_asks_to_be_transferred_is_told_no() {
    check(
        r#"
        outbound
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        +1s asked +49301
            leg transfer Refused
        open
        "#,
    );
}
