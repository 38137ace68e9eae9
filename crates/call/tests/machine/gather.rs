//! The gather step: keys, barge-in, times, retries, and what follows from the keys.

use crate::score::check;

/// A gather without a prompt, answered at once; `rest` is what follows.
fn check_keys(options: &str, rest: &str) {
    check(&format!(
        "outbound
        flow: gather {options}
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        {rest}"
    ));
}

/// A gather with a prompt of 2 s that begins at the answer.
fn check_prompted(options: &str, rest: &str) {
    check(&format!(
        r#"
        outbound
        flow: gather say "Pin?" {options}
        +0 start
            leg dial 30s
            prepare p1 say "Pin?"
        +0 ready p1 2s
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        {rest}"#
    ));
}

#[test]
fn the_most_keys_end_it() {
    check_keys(
        "keys 2",
        r#"
        +1s key 1
            digit 1
        +1s key 2
            digit 2
            gathered s1 "12" by keys_max
            gather s1 completed
            leg hang up
        +10ms key 3
            digit 3
        open"#,
    );
}

#[test]
fn the_end_key_ends_it_and_is_no_part_of_it() {
    check_keys(
        "keys 4 end #",
        r#"
        +1s key 1
            digit 1
        +1s key *
            digit *
        +1s key #
            digit #
            gathered s1 "1*" by end_key
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn the_end_key_alone_is_an_empty_answer_without_a_retry() {
    check_keys(
        "end # retries 3",
        r#"
        +1s key #
            digit #
            gathered s1 "" by end_key
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn the_time_runs_anew_after_each_key() {
    check_keys(
        "keys 4 timeout 3s",
        r#"
        +2900ms key 1
            digit 1
        +2900ms key 2
            digit 2
        +3s timeout
            gathered s1 "12" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn without_a_limit_sixty_four_keys_are_enough() {
    let sixty_three: String = "+100ms key 7\n    digit 7\n".repeat(63);
    let keys = "7".repeat(64);
    check_keys(
        "",
        &format!(
            r#"
            {sixty_three}
            +100ms key 7
                digit 7
                gathered s1 "{keys}" by keys_max
                gather s1 completed
                leg hang up
            open"#
        ),
    );
}

#[test]
fn a_key_cuts_the_prompt_and_counts() {
    check_prompted(
        "keys 2 timeout 3s",
        r#"
        +500ms key 4
            digit 4
            stop 1
        +10ms cut 1
        +1s key 2
            digit 2
            gathered s1 "42" by keys_max
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn the_end_key_cuts_the_prompt_too() {
    check_prompted(
        "end #",
        r#"
        +500ms key #
            digit #
            stop 1
            gathered s1 "" by end_key
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn the_first_key_is_waited_for_from_the_end_of_the_prompt() {
    check_prompted(
        "timeout 3s",
        r#"
        +2s played 1
        +3s timeout
            gathered s1 "" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn the_prompt_is_played_again_when_nothing_is_keyed() {
    check_prompted(
        "timeout 3s retries 2",
        r#"
        +2s played 1
        +3s timeout
            play 2: p1
        +2s played 2
        +3s timeout
            play 3: p1
        +2s played 3
        +3s timeout
            gathered s1 "" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn a_key_ends_the_retries() {
    check_prompted(
        "timeout 3s retries 5",
        r#"
        +2s played 1
        +3s timeout
            play 2: p1
        +1s key 9
            digit 9
            stop 2
        +3s timeout
            gathered s1 "9" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn without_a_prompt_a_retry_just_waits_on() {
    check_keys(
        "timeout 3s retries 1",
        r#"
        +3s timeout
        +3s timeout
            gathered s1 "" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn a_key_counts_while_the_prompt_is_still_being_made() {
    check(
        r#"
        outbound
        flow: gather say "Pin?" keys 2
        +0 start
            leg dial 30s
            prepare p1 say "Pin?"
        +1s answered
            answered [in_progress]
            joined
        +1s key 1
            digit 1
        +1s ready p1
        +1s key 2
            digit 2
            gathered s1 "12" by keys_max
            gather s1 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn a_prompt_that_fails_fails_the_gather_and_the_flow_goes_on() {
    check(
        r#"
        outbound
        flow: gather play menu.wav keys 1
        flow: say "Bye"
        +0 start
            leg dial 30s
            prepare p1 play menu.wav
            prepare p2 say "Bye"
        +0 ready p2
        +0 failed p1 "404 Not Found"
        +1s answered
            answered [in_progress]
            joined
            gather s1 failed "404 Not Found"
            play 1: p2
        open
        "#,
    );
}

#[test]
fn a_file_list_is_a_prompt_too() {
    check(
        r#"
        outbound
        flow: gather play a.wav b.wav gap 500ms x2 keys 1
        +0 start
            leg dial 30s
            prepare p1 play a.wav
            prepare p2 play b.wav
        +0 ready p1
        +1s answered
            answered [in_progress]
            joined
        +1s ready p2
            play 1: p1 p2 x2 gap 500ms
        +1s ended hung_up by remote
            gathered s1 "" by interrupted
            gather s1 cancelled
            left
            ended [completed] hangup by callee after 2s
        done
        "#,
    );
}

/// A menu: what is played after the key.
fn check_menu(key: &str, rest: &str) {
    check(&format!(
        r#"
        outbound
        flow: gather keys 1
        flow: if keys == 1: say "Sales"
        flow: if keys == 2: say "Support"
        flow: if keys != 1 and keys != 2: hangup
        flow: say "Goodbye"
        +0 start
            leg dial 30s
            prepare p1 say "Sales"
            prepare p2 say "Support"
            prepare p3 say "Goodbye"
        +0 ready p1
        +0 ready p2
        +0 ready p3
        +1s answered
            answered [in_progress]
            joined
        +1s key {key}
            digit {key}
            gathered s1 "{key}" by keys_max
            gather s1 completed
        {rest}"#
    ));
}

#[test]
fn conditions_choose_by_the_keys() {
    check_menu(
        "1",
        "
            play 1: p1
        +2s played 1
            say s2 completed
            say s3 skipped
            hangup s4 skipped
            play 2: p3
        +2s played 2
            say s5 completed
            leg hang up
        open",
    );
    check_menu(
        "2",
        "
            say s2 skipped
            play 1: p2
        +2s played 1
            say s3 completed
            hangup s4 skipped
            play 2: p3
        open",
    );
    check_menu(
        "9",
        "
            say s2 skipped
            say s3 skipped
            hangup s4 completed
            say s5 cancelled
            leg hang up
        +10ms ended hung_up by local
            left
            ended [completed] hangup by flow after 1010ms
        done",
    );
}

#[test]
fn conditions_test_the_last_gather_and_before_any_no_keys() {
    check(
        r#"
        outbound
        flow: if keys has 1: pause 1s
        flow: if keys != 1: pause 1s
        flow: gather keys 2
        flow: if keys has 2: pause 1s
        flow: gather timeout 1s
        flow: if keys has 2: pause 1s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            pause s1 skipped
        +1s timeout
            pause s2 completed
        +100ms key 1
            digit 1
        +100ms key 2
            digit 2
            gathered s3 "12" by keys_max
            gather s3 completed
        +1s timeout
            pause s4 completed
        +1s timeout
            gathered s5 "" by timeout
            gather s5 completed
            pause s6 skipped
            leg hang up
        open
        "#,
    );
}

#[test]
fn the_time_of_one_gather_does_not_run_in_the_next() {
    check(
        r#"
        outbound
        flow: gather keys 1 timeout 5s
        flow: gather say "And?" keys 1 timeout 5s
        +0 start
            leg dial 30s
            prepare p1 say "And?"
        +0 ready p1 9s
        +1s answered
            answered [in_progress]
            joined
        +1s key 1
            digit 1
            gathered s1 "1" by keys_max
            gather s1 completed
            play 1: p1
        +9s played 1
        +5s timeout
            gathered s2 "" by timeout
            gather s2 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn a_gather_that_fails_leaves_no_keys_of_the_one_before() {
    check(
        r#"
        outbound
        flow: gather keys 1
        flow: gather say "And?" keys 1
        flow: if keys == 1: pause 1s
        +0 start
            leg dial 30s
            prepare p1 say "And?"
        +0 failed p1 "no speech engine"
        +1s answered
            answered [in_progress]
            joined
        +1s key 1
            digit 1
            gathered s1 "1" by keys_max
            gather s1 completed
            gather s2 failed "no speech engine"
            pause s3 skipped
            leg hang up
        open
        "#,
    );
}

#[test]
fn a_prompt_that_a_key_made_needless_is_waited_for_no_longer() {
    check(
        r#"
        outbound
        flow: gather say "Pin?" timeout 60s
        +0 start
            leg dial 30s
            prepare p1 say "Pin?"
        +1s answered
            answered [in_progress]
            joined
        +1s key 1
            digit 1
        +60s timeout
            gathered s1 "1" by timeout
            gather s1 completed
            leg hang up
        open
        "#,
    );
}
