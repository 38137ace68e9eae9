//! The flow's cursor and its simple steps: say, playback, pause, hangup; prompts that come late or never.

use crate::score::check;

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
