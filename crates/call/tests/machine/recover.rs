//! Calls that are found after their node died.

use crate::score::{BEGIN, drain, finished, ms, new_call};
use call::{Input, Machine, Output, Refused};
use model::call::{Call, CallStatus, Direction, EndReason, EndSource};
use model::event::EventBody;
use model::flow::CallCommand;
use model::leg::LegOrder;
use model::recording::{Recording, RecordingFormat, RecordingOrigin, RecordingStatus};
use model::sound::RecordSource;
use model::{IdSource, RecordingId};

fn found(direction: Direction, status: CallStatus, started: bool, recordings: &[Recording]) -> Machine {
    let (mut call, setup) = new_call(direction);
    call.status = status;
    call.started_at = started.then_some(BEGIN);
    call.answered_at = matches!(status, CallStatus::InProgress | CallStatus::Completed).then_some(BEGIN);
    Machine::recover(setup, call, recordings.to_vec(), 9, BEGIN + ms(60_000))
}

fn recording(status: RecordingStatus) -> Recording {
    let (Call { id: call, app, .. }, _) = new_call(Direction::Outbound);
    Recording {
        id: RecordingId::generate(&mut IdSource::new(5), BEGIN),
        call,
        app,
        status,
        source: RecordSource::Mixed,
        origin: RecordingOrigin::Command,
        format: RecordingFormat::Wav,
        transcribe: false,
        transcribe_locale: None,
        duration_ms: None,
        bytes: None,
        failure: None,
        ended_by: None,
        started_at: BEGIN,
        ended_at: None,
        updated_at: None,
    }
}

fn events(outputs: &[Output]) -> Vec<&EventBody> {
    outputs.iter().filter_map(event).collect()
}

fn event(output: &Output) -> Option<&EventBody> {
    match output {
        Output::Event { body, .. } => Some(body),
        _ => None,
    }
}

fn check_lost(mut machine: Machine, status: CallStatus, joined: bool) {
    let outputs = drain(&mut machine);
    let events = events(&outputs);
    assert_eq!(events.len(), outputs.len(), "nothing is ordered: {outputs:?}");
    assert_eq!(events.len(), if joined { 2 } else { 1 });
    assert_eq!(matches!(events[0], EventBody::ParticipantLeft { .. }), joined);
    let Some(EventBody::Ended(end)) = events.last() else { panic!("no end: {events:?}") };
    assert_eq!((end.reason, end.source), (EndReason::NodeLost, EndSource::System));
    assert_eq!((machine.call().status, machine.call().ended_at), (status, Some(BEGIN + ms(60_000))));
    assert!(machine.is_done());
    assert_eq!(machine.deadline(), None);
    machine.handle(Input::Start, BEGIN + ms(61_000));
    assert_eq!(drain(&mut machine), []);
}

#[test]
fn a_call_that_was_never_dialled_is_dialled_once() {
    let mut machine = found(Direction::Outbound, CallStatus::Initiated, false, &[]);
    machine.handle(Input::Start, BEGIN + ms(60_001));
    let outputs = drain(&mut machine);
    assert!(matches!(outputs[..], [Output::Leg(_, LegOrder::Dial { .. })]), "{outputs:?}");
    assert_eq!(machine.call().started_at, Some(BEGIN + ms(60_000)));
}

#[test]
fn a_call_that_nobody_waits_for_any_more_is_lost_without_being_dialled() {
    let late = BEGIN + call::machine::RECOVERED_DIAL_AGE_MAX + ms(1);
    let (call, setup) = new_call(Direction::Outbound);
    let mut machine = Machine::recover(setup, call, Vec::new(), 9, late);
    let outputs = drain(&mut machine);
    let [Output::Event { body: EventBody::Ended(end), .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((end.reason, end.source), (EndReason::NodeLost, EndSource::System));
    assert!(machine.is_done());
}

#[test]
fn a_call_that_may_have_rung_a_phone_is_lost() {
    check_lost(found(Direction::Outbound, CallStatus::Initiated, true, &[]), CallStatus::Failed, false);
    check_lost(found(Direction::Outbound, CallStatus::Ringing, true, &[]), CallStatus::Failed, false);
    check_lost(found(Direction::Outbound, CallStatus::InProgress, true, &[]), CallStatus::Completed, true);
    check_lost(found(Direction::Inbound, CallStatus::Initiated, false, &[]), CallStatus::Failed, false);
    check_lost(found(Direction::Inbound, CallStatus::InProgress, true, &[]), CallStatus::Completed, true);
}

#[test]
fn its_recordings_are_waited_for() {
    let open = recording(RecordingStatus::Recording);
    for status in [CallStatus::InProgress, CallStatus::Completed] {
        let mut machine = found(Direction::Outbound, status, true, std::slice::from_ref(&open));
        let ended = events(&drain(&mut machine)).iter().any(|body| matches!(body, EventBody::Ended(_)));
        assert_eq!(ended, status == CallStatus::InProgress, "a call ends once");
        assert!(!machine.is_done());
        machine.handle(Input::Record(finished(open.id)), BEGIN + ms(61_000));
        let outputs = drain(&mut machine);
        let [EventBody::RecordingCompleted { recording }] = events(&outputs)[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!((recording.id, recording.status), (open.id, RecordingStatus::Completed));
        assert!(machine.is_done());
    }
}

#[test]
fn a_recording_without_remains_fails_after_a_minute() {
    let open = recording(RecordingStatus::Processing);
    let done = Recording { status: RecordingStatus::Completed, ..recording(RecordingStatus::Completed) };
    let mut machine = found(Direction::Outbound, CallStatus::Completed, true, &[open, done]);
    let deadline = BEGIN + ms(120_000);
    assert_eq!(machine.deadline(), Some(deadline));
    machine.handle_timeout(deadline);
    assert_eq!(events(&drain(&mut machine)).len(), 1);
    assert!(machine.is_done());
}

#[test]
fn a_call_that_had_ended_is_never_dialled_again() {
    for status in [CallStatus::Completed, CallStatus::Failed, CallStatus::Canceled] {
        for started in [false, true] {
            let mut machine = found(Direction::Outbound, status, started, &[]);
            assert!(machine.is_done());
            machine.handle(Input::Start, BEGIN + ms(61_000));
            machine.handle(Input::Shutdown, BEGIN + ms(61_000));
            assert_eq!(drain(&mut machine), []);
            assert_eq!(machine.admits(&CallCommand::hangup()), Err(Refused::NotActive));
            assert_eq!(machine.call().status, status);
        }
    }
}
