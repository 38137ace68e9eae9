//! Recordings: the record step, the app's own, and what becomes of the file.

use crate::score::check;

/// A record step without a beep, at the answer.
fn check_record(options: &str, rest: &str) {
    check(&format!(
        "outbound
        flow: record {options}
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            record r1 received
            watch voice on
        +20ms recording r1
            recording r1 on
        {rest}"
    ));
}

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

#[test]
fn the_end_key_ends_it() {
    check_record(
        "end #",
        "
        +1s voice on
        +1s key 1
            digit 1
        +1s key #
            digit #
            stop recording r1
            watch voice off
            record s1 completed
            leg hang up
        +100ms file r1
            recording r1 completed 3s after 3s
        +100ms ended hung_up by local
            left
            ended [completed] hangup by flow after 3220ms
        done",
    );
}

#[test]
fn without_an_end_key_no_key_ends_it() {
    check_record("", "+1s key #\n digit #\n open");
}

#[test]
fn silence_from_the_start_ends_it() {
    check_record(
        "silence 5s",
        "
        +4980ms timeout
            stop recording r1
            watch voice off
            record s1 completed
            leg hang up
        open",
    );
}

#[test]
fn silence_after_speech_ends_it() {
    check_record(
        "silence 5s",
        "
        +2s voice on
        +20s voice off
        +3s voice on
        +1s voice off
        +5s timeout
            stop recording r1
            watch voice off
            record s1 completed
            leg hang up
        open",
    );
}

#[test]
fn the_longest_length_ends_it() {
    check_record(
        "max 10s silence 5s",
        "
        +1s voice on
        +8980ms timeout
            stop recording r1
            watch voice off
            record s1 completed
            leg hang up
        open",
    );
}

#[test]
fn the_beep_comes_first() {
    check(
        "outbound
        flow: record beep end #
        +0 start
            leg dial 30s
            prepare p1 beep
        +0 ready p1 400ms
        +1s answered
            answered [in_progress]
            joined
            play 1: p1
        +100ms key #
            digit #
        +300ms played 1
            record r1 received
            watch voice on
        +1s key #
            digit #
            stop recording r1
            watch voice off
            record s1 completed
            leg hang up
        open",
    );
}

#[test]
fn a_beep_that_fails_fails_the_step() {
    check(
        r#"
        outbound
        flow: record beep
        +0 start
            leg dial 30s
            prepare p1 beep
        +0 failed p1 "no tone"
        +1s answered
            answered [in_progress]
            joined
            record s1 failed "no tone"
            leg hang up
        open
        "#,
    );
}

#[test]
fn a_recorder_that_fails_fails_the_step_and_the_flow_goes_on() {
    check(
        r#"
        outbound
        flow: record
        flow: pause 1s
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            record r1 received
            watch voice on
        +1s nofile r1 "disk full"
            recording r1 failed "disk full" after 1s
            watch voice off
            record s1 failed "disk full"
        +1s timeout
            pause s2 completed
            leg hang up
        open
        "#,
    );
}

#[test]
fn the_app_records_several_times_one_after_the_other() {
    check_live(
        "+1s app start_recording
            record r1 mixed
        +20ms recording r1
            recording r1 on
            start_recording c1 completed
        +1s app start_recording
            refused: the call is being recorded already
        +1s app stop_recording
            stop recording r1
            stop_recording c3 completed
        +10ms app stop_recording
            refused: the call is not being recorded
        +10ms app start_recording
            record r2 mixed
        +20ms recording r2
            recording r2 on
            start_recording c5 completed
        +20ms file r1
            recording r1 completed 3s after 2s
        +1s app stop_recording
            stop recording r2
            stop_recording c6 completed
        +1s file r2
            recording r2 completed 3s after 1020ms
        open",
    );
}

#[test]
fn a_recording_that_cannot_start_fails_its_command() {
    check_live(
        r#"+1s app start_recording
            record r1 mixed
        +20ms nofile r1 "disk full"
            recording r1 failed "disk full" after 20ms
            start_recording c1 failed "disk full"
        +1s app start_recording
            record r2 mixed
        open"#,
    );
}

#[test]
fn a_file_that_never_comes_is_given_up_after_a_minute() {
    check_live(
        r#"+1s app start_recording
            record r1 mixed
        +20ms recording r1
            recording r1 on
            start_recording c1 completed
        +1s app stop_recording
            stop recording r1
            stop_recording c2 completed
        +60s timeout
            recording r1 failed "the file was not ready in time" after 1s
        +1s file r1
        open"#,
    );
}

#[test]
fn the_end_of_the_call_stops_all_and_waits_for_their_files() {
    let end = "outbound
        flow: record
        +0 start
            leg dial 30s
        +1s answered
            answered [in_progress]
            joined
            record r1 received
            watch voice on
        +1s app start_recording
            record r2 mixed
        +20ms recording r2
            recording r2 on
            start_recording c1 completed
        +1s ended hung_up by remote
            stop recording r1
            stop recording r2
            record s1 cancelled
            left
            ended [completed] hangup by callee after 2020ms";
    check(&format!("{end}\n open"));
    check(&format!(
        r#"{end}
        +1s file r1
            recording r1 completed 3s after 2020ms
        +1s app start_recording
            refused: the call is over
        +58s timeout
            recording r2 failed "the file was not ready in time" after 1s
        done"#
    ));
}

#[test]
fn a_recording_that_ends_by_itself_is_final_at_once() {
    check_live(
        "+1s app start_recording
            record r1 mixed
        +20ms recording r1
            recording r1 on
            start_recording c1 completed
        +5s file r1
            recording r1 completed 3s after 5s
        +1s app stop_recording
            refused: the call is not being recorded
        open",
    );
}

#[test]
fn the_end_of_the_apps_recording_is_not_the_end_of_the_step() {
    check_record(
        "end #",
        r##"
        +1s app start_recording
            record r2 mixed
        +20ms recording r2
            recording r2 on
            start_recording c1 completed
        +1s nofile r2 "disk full"
            recording r2 failed "disk full" after 1s
        +1s key #
            digit #
            stop recording r1
            watch voice off
            record s1 completed
            leg hang up
        open"##,
    );
}

#[test]
fn a_call_has_a_hundred_recordings_and_no_more() {
    let one = |n: u32| {
        let (start, stop) = (2 * n - 1, 2 * n);
        format!(
            "+0 app start_recording
                record r{n} mixed
            +0 recording r{n}
                recording r{n} on
                start_recording c{start} completed
            +100ms app stop_recording
                stop recording r{n}
                stop_recording c{stop} completed
            +0 file r{n}
                recording r{n} completed 3s after 100ms
            "
        )
    };
    let hundred: String = (1..=100).map(one).collect();
    check_live(&format!(
        r#"{hundred}
        +1s app start_recording
            refused: the call has as many recordings as it may
        +1s force start_recording
            start_recording c202 failed "the call has as many recordings as it may"
        open"#
    ));
}

#[test]
fn a_recording_is_paused_and_goes_on() {
    check_live(
        "+1s app pause_recording
            refused: the call is not being recorded
        +0 app start_recording stereo
            record r1 stereo
        +20ms recording r1
            recording r1 on
            start_recording c2 completed
        +1s app resume_recording
            resume_recording c3 completed
        +1s app pause_recording
            pause recording r1
            recording r1 paused
            pause_recording c4 completed
        +1s app pause_recording of r1
            pause_recording c5 completed
        +1s app start_recording
            refused: the call is being recorded already
        +1s app resume_recording of r1
            resume recording r1
            recording r1 on
            resume_recording c7 completed
        +1s app pause_recording
            pause recording r1
            recording r1 paused
            pause_recording c8 completed
        +1s app stop_recording
            stop recording r1
            stop_recording c9 completed
        +1s app pause_recording of r1
            refused: the call has no such recording running
        +20ms file r1
            recording r1 completed 3s after 7s
        open",
    );
}

#[test]
fn only_what_is_kept_counts_towards_the_longest_length() {
    check_live(
        "+1s app start_recording max 10s
            record r1 mixed
        +0 recording r1
            recording r1 on
            start_recording c1 completed
        +4s app pause_recording
            pause recording r1
            recording r1 paused
            pause_recording c2 completed
        +20s app resume_recording
            resume recording r1
            recording r1 on
            resume_recording c3 completed
        +6s timeout
            stop recording r1
        +20ms file r1
            recording r1 completed 3s after 30s
        open",
    );
}

#[test]
fn a_paused_recording_ends_with_the_call() {
    check_live(
        "+1s app start_recording
            record r1 mixed
        +0 recording r1
            recording r1 on
            start_recording c1 completed
        +1s app pause_recording
            pause recording r1
            recording r1 paused
            pause_recording c2 completed
        +1s ended hung_up by remote
            stop recording r1
            left
            ended [completed] hangup by callee after 3s
        +20ms file r1
            recording r1 completed 3s after 2s
        done",
    );
}

#[test]
fn the_apps_commands_leave_the_steps_recording_alone_unless_they_name_it() {
    check_record(
        "end #",
        "
        +1s app stop_recording
            refused: the call is not being recorded
        +1s app pause_recording of r1
            pause recording r1
            recording r1 paused
            pause_recording c2 completed
        +1s app stop_recording of r1
            stop recording r1
            stop_recording c3 completed
        +20ms file r1
            recording r1 completed 3s after 3s
            watch voice off
            record s1 completed
            leg hang up
        open",
    );
}

/// A call that is recorded from its beginning.
fn check_whole(record: &str, early: &str, rest: &str) {
    check(&format!(
        "outbound record {record}
        +0 start
            leg dial 30s
        {early}
        +1s answered
            answered [in_progress]
            joined
            {rest}
        open"
    ));
}

#[test]
fn a_call_is_recorded_from_its_answer_or_from_the_first_sound_of_its_ringing() {
    let early = "+1s ringing early\n ringing early [ringing]";
    let ringing = "+1s ringing\n ringing [ringing]";
    let taped = format!("{early}\n record r1 stereo\n +0 recording r1\n recording r1 on");
    check_whole("answer", early, "record r1 mixed");
    check_whole("answer-stereo", ringing, "record r1 stereo");
    check_whole("ringing", ringing, "record r1 mixed");
    check_whole("ringing-stereo", &taped, "");
}
