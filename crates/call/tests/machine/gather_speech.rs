//! The gather step when it listens: barge-in by voice, words, noises, engines that fail, and keys that win over words.

use crate::score::check;

/// A gather without a prompt, answered at once; `rest` is what follows.
fn check_spoken(options: &str, rest: &str) {
    check(&format!(
        "outbound
        flow: gather {options}
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            watch voice on
            listen 1 en-US
        {rest}"
    ));
}

#[test]
fn words_end_it() {
    check_spoken(
        "input speech",
        r#"
        +1s voice on
        +2s voice off
        +1s heard 1 "to sales please" 0.9
            watch voice off
            gathered s1 "to sales please" by speech
            gather s1 completed
            leg hang up
        +10ms heard 1 "again" 0.9
        open"#,
    );
}

#[test]
fn a_voice_cuts_the_prompt_and_the_time_waits_for_it() {
    check(
        r#"
        outbound
        flow: gather say "Yes or no?" input speech timeout 3s
        flow: if speech has yes: pause 1s
        flow: if speech == no: hangup
        +0 start
            leg dial 30s
            prepare p1 say "Yes or no?"
        +0 ready p1 2s
        +1s answered
            answered [in_progress]
            joined
            watch voice on
            listen 1 en-US for yes, no
            play 1: p1
        +500ms voice on
            stop 1
        +20s voice off
        +1s heard 1 "Yes please"
            watch voice off
            gathered s1 "Yes please" by speech
            gather s1 completed
        +1s timeout
            pause s2 completed
            hangup s3 skipped
            leg hang up
        open"#,
    );
}

#[test]
fn nothing_said_is_asked_for_again_and_then_over() {
    check_spoken(
        "input speech timeout 3s retries 1",
        r#"
        +3s timeout
        +3s timeout
            stop listening 1
            watch voice off
            gathered s1 "" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn noises_are_overlooked_a_few_times() {
    check_spoken(
        "input speech timeout 3s",
        r#"
        +1s voice on
        +1s heard 1 " "
            listen 2 en-US
        +1s voice on
        +1s heard 2 ""
            listen 3 en-US
        +1s voice on
        +1s heard 1 "late"
        +1s heard 3 ""
            watch voice off
            gathered s1 "" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn keys_win_over_words() {
    check_spoken(
        "input both keys 2",
        r#"
        +1s voice on
        +1s key 4
            digit 4
            stop listening 1
        +100ms heard 1 "four" 0.9
        +1s key 2
            digit 2
            watch voice off
            gathered s1 "42" by keys_max
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn words_are_taken_where_keys_would_be_as_well() {
    check_spoken(
        "input both keys 2",
        r#"
        +1s voice on
        +1s heard 1 "four" 0.9
            watch voice off
            gathered s1 "four" by speech
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn keys_are_no_input_where_only_words_are() {
    check_spoken(
        "input speech",
        r#"
        +1s key 4
            digit 4
        +1s voice on
        +1s heard 1 "hello"
            watch voice off
            gathered s1 "hello" by speech
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn an_engine_that_fails_fails_the_step_unless_keys_are_left() {
    check_spoken(
        "input speech",
        r#"
        +1s voice on
        +1s misheard 1 "it broke"
            watch voice off
            gather s1 failed "it broke"
            leg hang up
        open"#,
    );
    check_spoken(
        "input both keys 1 timeout 5s",
        r#"
        +1s voice on
        +1s misheard 1 "it broke"
            watch voice off
        +4s key 1
            digit 1
            gathered s1 "1" by keys_max
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn an_engine_that_says_nothing_is_waited_for_so_long() {
    check_spoken(
        "input speech",
        r#"
        +1s voice on
        +50800ms timeout
            stop listening 1
            watch voice off
            gather s1 failed "what was said was not understood in time"
            leg hang up
        open"#,
    );
}

#[test]
fn the_end_of_the_call_ends_the_listening() {
    check_spoken(
        "input speech",
        r#"
        +1s voice on
        +1s app hangup
            stop listening 1
            watch voice off
            gathered s1 "" by interrupted
            gather s1 cancelled
            leg hang up
        open"#,
    );
}
