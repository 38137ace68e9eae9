//! Calls that meet others in conferences and queues.

use crate::score::check;

#[test]
fn a_member_waits_with_music_hears_the_others_and_leaves_by_its_key() {
    check(
        r#"
        outbound
        flow: conference room leave #
        flow: pause 1s
        +0 start
            leg dial 30s
            prepare p1 music
            prepare p2 beep
        +1s ready p1 9s
        +0 ready p2 400ms
        +0 answered
            answered [in_progress]
            joined
            conference 1 enter room
        +0 conference 1 waiting
            play 1: p1 x65535
        +5s conference 1 open
            stop 1
            join the conference
            joined conference room
        +1s conference 1 beep
            play 2: p2
        +400ms played 2
        +1s key 1
            digit 1
        +1s key #
            digit #
            conference leave
            unbridge
            left conference room
            conference s1 completed
        +100ms conference 1 over
        open
        "#,
    );
}

#[test]
fn a_conference_that_is_over_or_full_lets_the_flow_go_on() {
    check(
        r#"
        outbound
        flow: conference room muted
        flow: conference other
        flow: pause 1s
        +0 start
            leg dial 30s
            prepare p1 music
            prepare p2 beep
            prepare p3 music
            prepare p4 beep
        +1s answered
            answered [in_progress]
            joined
            conference 1 enter room
        +0 conference 1 open
            join the conference muted
            joined conference room
        +5s conference 1 over
            unbridge
            left conference room
            conference s1 completed
            conference 2 enter other
        +0 conference 1 over
        +1s conference 2 refused "full"
            conference s2 failed "full"
        +1s timeout
            pause s3 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn the_calls_end_leaves_the_conference() {
    check(
        r#"
        outbound
        flow: conference room
        +0 start
            leg dial 30s
            prepare p1 music
            prepare p2 beep
        +1s answered
            answered [in_progress]
            joined
            conference 1 enter room
        +0 conference 1 open
            join the conference
            joined conference room
        +5s ended hung_up by remote
            conference leave
            left conference room
            conference s1 cancelled
            left
            ended [completed] hangup by callee after 5s
        done
        "#,
    );
}

#[test]
fn who_waits_is_taken_and_goes_on_when_the_other_is_gone() {
    check(
        r#"
        outbound
        flow: queue support
        flow: pause 1s
        +0 start
            leg dial 30s
            prepare p1 music
        +1s ready p1 9s
        +0 answered
            answered [in_progress]
            joined
            queue 1 wait support
        +0 queue 1 waiting
            play 1: p1 x65535
        +30s queue 1 met
            stop 1
            joined other
        +60s queue 1 parted
            unbridge
            left other
            queue s1 completed
        open
        "#,
    );
}

#[test]
fn who_takes_connects_the_two_and_may_go_first() {
    check(
        r#"
        outbound
        flow: queue support take
        +0 start
            leg dial 30s
            prepare p1 music
        +1s answered
            answered [in_progress]
            joined
            queue 1 take support
        +0 queue 1 met
            bridge with the other
            joined other
        +9s ended hung_up by remote
            queue leave
            left other
            queue s1 cancelled
            left
            ended [completed] hangup by callee after 9s
        done
        "#,
    );
}

#[test]
fn nobody_waits_longer_than_it_was_told_to() {
    check(
        r#"
        outbound
        flow: queue support wait 20s
        flow: pause 1s
        +0 start
            leg dial 30s
            prepare p1 music
        +1s answered
            answered [in_progress]
            joined
            queue 1 wait support
        +0 queue 1 waiting
        +1s ready p1 9s
            play 1: p1 x65535
        +19s timeout
            queue leave
            stop 1
            queue s1 failed "nobody came in time"
        +100ms queue 1 met
        open
        "#,
    );
}
