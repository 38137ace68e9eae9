//! Whether the call's state allows a command, in words for the app's developer. Changes nothing.

use super::Machine;
use super::legs::LegState;
use super::recording::RECORDINGS_FULL;
use crate::Refused;
use model::call::Direction;
use model::flow::CallCommand;

/// Checks a command against the state of the call.
pub(super) fn check(machine: &Machine, command: &CallCommand) -> Result<(), Refused> {
    let leg = machine.leg.state();
    if leg == LegState::Over {
        return Err(Refused::NotActive);
    }
    let full = machine.commands.is_full();
    let refusal = match command {
        // Whatever else goes on, a call can be ended.
        CallCommand::Hangup(_) if machine.ending.is_none() => None,
        _ if full => Some("the call has too many commands in progress"),
        CallCommand::Hangup(_) => None,
        _ if machine.ending.is_some() => Some("the call is being ended"),
        CallCommand::Answer | CallCommand::Ring(_) | CallCommand::Reject { .. } => decision(machine, leg),
        CallCommand::ReplaceFlow(_) => None,
        _ if leg != LegState::Connected => Some("the call is not answered yet"),
        CallCommand::StartRecording(_) if machine.stage.recordings.is_commanded() => {
            Some("the call is being recorded already")
        }
        CallCommand::StartRecording(_) if machine.stage.recordings.is_full() => Some(RECORDINGS_FULL),
        CallCommand::PauseRecording(which)
        | CallCommand::ResumeRecording(which)
        | CallCommand::StopRecording(which)
            if machine.stage.recordings.find(*which).is_none() =>
        {
            let named = which.recording.is_some();
            Some(if named {
                "the call has no such recording running"
            } else {
                "the call is not being recorded"
            })
        }
        CallCommand::LeaveConference if !machine.flow.is_in_conference() => {
            Some("the call is in no conference")
        }
        CallCommand::SendDigits { .. }
        | CallCommand::Say(_)
        | CallCommand::Playback(_)
        | CallCommand::StopAudio
        | CallCommand::Gather(_)
        | CallCommand::Record(_)
        | CallCommand::Bridge(_)
        | CallCommand::StartRecording(_)
        | CallCommand::PauseRecording(_)
        | CallCommand::ResumeRecording(_)
        | CallCommand::StopRecording(_)
        | CallCommand::Transfer(_)
        | CallCommand::JoinConference(_)
        | CallCommand::LeaveConference => None,
    };
    refusal.map_or(Ok(()), |sentence| Err(Refused::InvalidState(sentence)))
}

fn decision(machine: &Machine, leg: LegState) -> Option<&'static str> {
    match leg {
        _ if machine.stage.desk.setup.direction == Direction::Outbound => {
            Some("only an inbound call can be answered or rejected")
        }
        LegState::Offered => None,
        LegState::Idle => Some("the call has not arrived yet"),
        _ => Some("the call is answered already"),
    }
}
