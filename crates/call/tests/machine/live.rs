//! Commands of the app to a running call, alone and beside a flow.

use crate::score::{BEGIN, check, command_id, new_call, prompts_kept};
use call::{Input, Machine};
use model::call::Direction;
use model::flow::{CallCommand, Say};
use model::leg::LegFact;
use model::sound::{PromptFact, PromptId};

/// An answered call without a flow.
fn check_live(rest: &str) {
    check(&format!(
        "outbound
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
        {rest}"
    ));
}

/// A flow of two texts, the first of which has begun.
fn check_beside_flow(rest: &str) {
    check(&format!(
        r#"
        outbound
        flow: say "One"
        flow: say "Two"
        +0 start
            leg dial 30s
            prepare p1 say "One"
            prepare p2 say "Two"
        +0 ready p1
        +0 ready p2
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        {rest}"#
    ));
}

/// A gather whose prompt has begun.
fn check_beside_gather(rest: &str) {
    check(&format!(
        r#"
        outbound
        flow: gather say "Pin?" keys 1 timeout 3s
        +0 start
            leg dial 30s
            prepare p1 say "Pin?"
        +0 ready p1
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        {rest}"#
    ));
}

#[test]
fn say_and_play_complete_when_they_were_heard() {
    check_live(
        r#"+1s app say "Hello" x2
            prepare p1 say "Hello"
        +1s ready p1 1s
            play 1: p1 x2
        +2s played 1
            say c1 completed
        +1s app play a.wav b.wav gap 1s
            prepare p2 play a.wav
            prepare p3 play b.wav
        +1s ready p3
        +1s ready p2
            play 2: p2 p3 gap 1s
        +5s played 2
            play_audio c2 completed
        open"#,
    );
}

#[test]
fn a_later_sound_cuts_the_one_that_plays() {
    check_live(
        r#"+1s app say "A"
            prepare p1 say "A"
        +0 ready p1
            play 1: p1
        +1s app say "B"
            prepare p2 say "B"
        +500ms ready p2
            play 2: p2
            say c1 cancelled
        +0 cut 1
        +2s played 2
            say c2 completed
        open"#,
    );
}

#[test]
fn an_earlier_sound_that_is_ready_later_is_not_played() {
    check_live(
        r#"+1s app say "A"
            prepare p1 say "A"
        +1s app say "B"
            prepare p2 say "B"
        +1s ready p2
            play 1: p2
            say c1 cancelled
        +1s ready p1
        +1s played 1
            say c2 completed
        open"#,
    );
}

#[test]
fn a_sound_that_cannot_be_made_fails_and_what_plays_goes_on() {
    check_live(
        r#"+1s app say "A"
            prepare p1 say "A"
        +0 ready p1
            play 1: p1
        +0 app play gone.wav
            prepare p2 play gone.wav
        +1s failed p2 "404 Not Found"
            play_audio c2 failed "404 Not Found"
        +1s played 1
            say c1 completed
        +1s app say "never"
            prepare p3 say "never"
        +30s timeout
            say c3 failed "the prompt was not ready in time"
        open"#,
    );
}

#[test]
fn stop_audio_cuts_what_plays_and_what_would() {
    check_live(
        r#"+1s app say "A"
            prepare p1 say "A"
        +0 ready p1
            play 1: p1
        +0 app say "B"
            prepare p2 say "B"
        +1s app stop_audio
            say c2 cancelled
            stop 1
            say c1 cancelled
        +20ms cut 1
            stop_audio c3 completed
        +1s ready p2
        +1s app stop_audio
            stop_audio c4 completed
        open"#,
    );
}

#[test]
fn digits_are_done_when_they_are_sent() {
    check_live(
        "+1s app send_digits 12w#
            send 1: 12w#
        +0 app send_digits 9
            send 2: 9
        +1s sent 2
            send_digits c2 completed
        +1s sent 1
            send_digits c1 completed
        open",
    );
}

#[test]
fn a_live_sound_takes_the_place_of_the_steps_and_the_flow_goes_on_after_it() {
    check_beside_flow(
        r#"+500ms app say "One moment"
            prepare p3 say "One moment"
        +100ms ready p3
            play 2: p3
        +0 cut 1
        +2s played 2
            say c1 completed
            say s1 cancelled
            play 3: p2
        +2s played 3
            say s2 completed
            leg hang up
        open"#,
    );
}

#[test]
fn the_flows_next_sound_waits_for_the_live_one() {
    check(
        r#"
        outbound
        flow: pause 1s
        flow: say "One"
        +0 start
            leg dial 30s
            prepare p1 say "One"
        +0 ready p1
        +1s answered
            answered [in_progress]
            joined
        +500ms app say "Live"
            prepare p2 say "Live"
        +0 ready p2
            play 1: p2
        +500ms timeout
            pause s1 completed
        +1s app say "More"
            prepare p3 say "More"
        +0 ready p3
            play 2: p3
            say c1 cancelled
        +2s played 2
            play 3: p1
            say c2 completed
        open
        "#,
    );
}

#[test]
fn stop_audio_cuts_the_steps_sound_and_the_flow_goes_on() {
    check_beside_flow(
        "+500ms app stop_audio
            stop 1
            say s1 cancelled
            play 2: p2
        +20ms cut 1
            stop_audio c1 completed
        open",
    );
}

#[test]
fn a_gather_listens_while_a_live_sound_plays_and_its_time_runs_from_the_sounds_end() {
    check_beside_gather(
        r#"+500ms app say "Please"
            prepare p2 say "Please"
        +0 ready p2
            play 2: p2
        +2s played 2
            say c1 completed
        +3s timeout
            gathered s1 "" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
    check_beside_gather(
        r#"+500ms app say "Please"
            prepare p2 say "Please"
        +0 ready p2
            play 2: p2
        +1s key 5
            digit 5
            gathered s1 "5" by keys_max
            gather s1 completed
            say c1 cancelled
            stop 2
            leg hang up
        open"#,
    );
}

#[test]
fn stop_audio_cuts_a_gathers_prompt_and_it_listens() {
    check_beside_gather(
        r#"+500ms app stop_audio
            stop 1
        +20ms cut 1
            stop_audio c1 completed
        +2980ms timeout
            gathered s1 "" by timeout
            gather s1 completed
            leg hang up
        open"#,
    );
}

#[test]
fn a_live_sound_that_breaks_off_fails() {
    check_live(
        r#"+1s app say "A"
            prepare p1 say "A"
        +0 ready p1
            play 1: p1
        +1s cut 1
        +1s timeout
            say c1 failed "the sound broke off before its end"
        open"#,
    );
}

#[test]
fn digits_that_could_not_be_sent_fail_their_command_and_no_other() {
    check_live(
        r#"+1s app send_digits 1
            send 1: 1
        +0 app send_digits 2
            send 2: 2
        +1s unsent 2 "too many sequences wait"
            send_digits c2 failed "too many sequences wait"
        +1s sent 1
            send_digits c1 completed
        open"#,
    );
}

#[test]
fn hangup_is_allowed_however_many_commands_are_in_progress() {
    let many: String = (1..=64).map(|n| format!("+0 app send_digits 1\n send {n}: 1\n")).collect();
    let cancelled: String = (1..=64).map(|n| format!("send_digits c{n} cancelled\n")).collect();
    check_live(&format!(
        "{many}
        +1s app send_digits 1
            refused: the call has too many commands in progress
        +1s app hangup
            {cancelled}
            leg hang up
        +1s ended hung_up by local
            hangup c66 completed
            left
            ended [completed] hangup by api after 3s
        done"
    ));
}

#[test]
fn a_command_that_does_not_fit_and_is_given_all_the_same_fails() {
    check_live(
        r#"+1s force answer
            answer c1 failed "only an inbound call can be answered or rejected"
        +1s force stop_recording
            stop_recording c2 failed "the call is not being recorded"
        open"#,
    );
}

#[test]
fn a_live_sound_may_last_longer_than_its_prompt_may_take() {
    check_live(
        r#"+1s app say "Long"
            prepare p1 say "Long"
        +1s ready p1 60s
            play 1: p1
        +60s played 1
            say c1 completed
        open"#,
    );
}

#[test]
fn prompts_of_live_sounds_are_forgotten_when_they_are_over() {
    let (call, setup) = new_call(Direction::Outbound);
    let mut machine = Machine::new(setup, call, 1);
    let leg = machine.call().first_leg();
    machine.handle(Input::Start, BEGIN);
    machine.handle(Input::Leg(leg, LegFact::Answered), BEGIN);
    for number in 1..=9 {
        let text = "Hello".to_owned();
        let say = Say { text, locale: Say::LOCALE.to_owned(), voice: None, times: 1 };
        let id = command_id('c', number);
        machine.handle(Input::Command { id, command: CallCommand::Say(say) }, BEGIN);
        let prompt = PromptId(u32::try_from(number).unwrap());
        machine.handle(Input::Prompt(PromptFact::Ready { prompt, duration_ms: 900 }), BEGIN);
        assert_eq!(prompts_kept(&machine), 1, "each cuts the one before");
    }
}
