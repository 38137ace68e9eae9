//! Live commands of the app: taken one by one, each completed once it is truly done.
//! Whether the call's state allows a command is decided in `admission`, before.

use super::audio::{SoundEnd, SoundNews};
use super::hangup::Intent;
use super::legs::{Leg, LegState};
use super::prompts::{Readiness, Sound};
use super::recording::{Ask, RECORDINGS_FULL, RecordNews};
use super::stage::Stage;
use super::steps::{MISSING, PROMPT_LATE, PROMPT_MS, SOUND_BROKEN};
use super::timers::Timer;
use model::event::CommandOutcome;
use model::flow::{
    CallCommand, Flow, FlowCommand, Hangup, HangupCause, Ringing, StartRecording, WhichRecording,
};
use model::recording::{RecordingEnd, RecordingOrigin};
use model::sound::{DigitsId, PlaybackId, RecordSource};
use model::timeline::TimelineKind;
use model::{CommandId, RecordingId};
use serde::{Deserialize, Serialize};

/// A command that is not done yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Live {
    id: CommandId,
    name: String,
    waits_for: Wait,
}

/// What a command waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Wait {
    /// The call's answer.
    Answer,
    /// The call's end.
    End,
    /// The digits are sent.
    Digits(DigitsId),
    /// Its prompts are ready.
    Prompts(Sound),
    /// Its sound is over.
    Sound(Sound),
    /// What was cut is reported as over.
    Cut(PlaybackId),
    /// Sound is being kept.
    Recording(RecordingId),
}

/// What a command asks of the rest of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing.
    Nothing,
    /// To end it.
    End(Intent),
    /// To take a step in place of the flow's running one.
    Step(FlowCommand),
    /// To leave the conference.
    LeaveConference,
    /// To run another flow.
    Replace(Flow),
    /// To hear that a sound was cut.
    Sounded(SoundNews),
}

/// The commands that are not done yet, in the order they came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Commands {
    live: Vec<Live>,
}

impl Commands {
    /// Most commands that may be in progress at once.
    const MAX: usize = 64;

    /// One more would be too many.
    pub(super) fn is_full(&self) -> bool {
        self.live.len() >= Self::MAX
    }

    /// Takes a command that the call's state allows.
    pub(super) fn take(
        &mut self,
        id: CommandId,
        command: CallCommand,
        leg: &mut Leg,
        stage: &mut Stage,
    ) -> Asked {
        let name = command.name();
        stage.desk.begin(id, name);
        if let Some(step) = step_of(&command) {
            return Asked::Step(step);
        }
        match command {
            CallCommand::Answer => {
                leg.answer(&mut stage.desk);
                self.wait(id, name, Wait::Answer);
            }
            CallCommand::Reject { reason } => {
                if let Some(reason) = reason {
                    stage.desk.note(TimelineKind::Call, format!("the app's reason: {reason}"));
                }
                self.wait(id, name, Wait::End);
                return Asked::End(Intent::Reject);
            }
            CallCommand::Ring(Ringing { early_media }) => {
                leg.ring(early_media, &mut stage.desk);
                stage.desk.complete(id, name, CommandOutcome::Completed);
            }
            CallCommand::Hangup(Hangup { cause }) => {
                self.wait(id, name, Wait::End);
                return Asked::End(ending(cause, leg));
            }
            CallCommand::SendDigits { digits } => {
                let sent = stage.send_digits(digits);
                self.wait(id, name, Wait::Digits(sent));
            }
            CallCommand::Say(say) => {
                let sound = stage.prompts.say(&say, &mut stage.desk);
                self.sound(id, name, sound, stage);
            }
            CallCommand::Playback(playback) => {
                let sound = stage.prompts.playback(&playback, &mut stage.desk);
                self.sound(id, name, sound, stage);
            }
            CallCommand::StopAudio => return self.stop_audio(id, name, stage),
            CallCommand::StartRecording(start) => self.start_recording(id, name, start, stage),
            CallCommand::PauseRecording(which) => {
                turn_recording(id, name, which, stage, |recording, stage| {
                    stage.recordings.pause(recording, &mut stage.desk);
                });
            }
            CallCommand::ResumeRecording(which) => {
                turn_recording(id, name, which, stage, |recording, stage| {
                    stage.recordings.resume(recording, &mut stage.desk);
                });
            }
            CallCommand::StopRecording(which) => {
                turn_recording(id, name, which, stage, |recording, stage| {
                    stage.stop_recording(recording, RecordingEnd::Command);
                });
            }
            CallCommand::ReplaceFlow(plan) => return Asked::Replace(plan),
            CallCommand::LeaveConference => {
                stage.desk.complete(id, name, CommandOutcome::Completed);
                return Asked::LeaveConference;
            }
            _ => stage.desk.complete(id, name, failed(MISSING)),
        }
        Asked::Nothing
    }

    fn wait(&mut self, id: CommandId, name: &str, waits_for: Wait) {
        self.live.push(Live { id, name: name.to_owned(), waits_for });
    }

    fn sound(&mut self, id: CommandId, name: &str, sound: Sound, stage: &mut Stage) {
        stage.desk.set_timer(Timer::LivePrompt(id), PROMPT_MS);
        self.wait(id, name, Wait::Prompts(sound));
        self.play_if_ready(id, stage);
    }

    fn stop_audio(&mut self, id: CommandId, name: &str, stage: &mut Stage) -> Asked {
        self.finish_where(
            |live| matches!(live.waits_for, Wait::Prompts(_)),
            &CommandOutcome::Cancelled,
            stage,
        );
        let Some((playback, news)) = stage.audio.cut(&mut stage.desk) else {
            stage.desk.complete(id, name, CommandOutcome::Completed);
            return Asked::Nothing;
        };
        self.wait(id, name, Wait::Cut(playback));
        Asked::Sounded(news)
    }

    fn start_recording(&mut self, id: CommandId, name: &str, start: StartRecording, stage: &mut Stage) {
        let ask = Ask {
            named_by: Some(id),
            source: if start.stereo { RecordSource::Stereo } else { RecordSource::Mixed },
            origin: RecordingOrigin::Command,
            length_ms_max: start.length_ms_max,
            transcribe: false,
            transcribe_locale: None,
        };
        match stage.start_recording(ask) {
            Some(recording) => self.wait(id, name, Wait::Recording(recording)),
            None => stage.desk.complete(id, name, failed(RECORDINGS_FULL)),
        }
    }

    /// The call is answered.
    pub(super) fn on_answered(&mut self, stage: &mut Stage) {
        self.finish_where(|live| live.waits_for == Wait::Answer, &CommandOutcome::Completed, stage);
    }

    /// A sequence of digits is sent, or was not sent to its end.
    pub(super) fn on_digits(&mut self, id: DigitsId, result: &Result<(), String>, stage: &mut Stage) {
        let outcome = match result {
            Ok(()) => CommandOutcome::Completed,
            Err(reason) => failed(reason),
        };
        self.finish_where(|live| live.waits_for == Wait::Digits(id), &outcome, stage);
    }

    /// A playback is over, whoever wanted it.
    pub(super) fn on_playback_finished(&mut self, playback: PlaybackId, stage: &mut Stage) {
        self.finish_where(|live| live.waits_for == Wait::Cut(playback), &CommandOutcome::Completed, stage);
    }

    /// The sound of a command is over.
    pub(super) fn on_sound_over(&mut self, id: CommandId, end: SoundEnd, stage: &mut Stage) {
        let outcome = match end {
            SoundEnd::Played => CommandOutcome::Completed,
            SoundEnd::Cut | SoundEnd::Replaced => CommandOutcome::Cancelled,
            SoundEnd::Broken => failed(SOUND_BROKEN),
        };
        self.finish_where(|live| live.id == id, &outcome, stage);
    }

    /// A recording began or is over.
    pub(super) fn on_recording(&mut self, news: &RecordNews, stage: &mut Stage) {
        let (recording, outcome) = match news {
            RecordNews::Started(id) | RecordNews::Over(id, Ok(())) => (*id, CommandOutcome::Completed),
            RecordNews::Over(id, Err(reason)) => (*id, failed(reason)),
        };
        self.finish_where(|live| live.waits_for == Wait::Recording(recording), &outcome, stage);
    }

    /// Some prompt is ready or has failed.
    pub(super) fn on_prompt(&mut self, stage: &mut Stage) {
        let waits = |live: &&Live| matches!(live.waits_for, Wait::Prompts(_));
        let waiting: Vec<CommandId> = self.live.iter().filter(waits).map(|live| live.id).collect();
        for id in waiting {
            self.play_if_ready(id, stage);
        }
    }

    /// A command's prompts did not come in time.
    pub(super) fn on_prompt_late(&mut self, id: CommandId, stage: &mut Stage) {
        self.finish_where(|live| live.id == id, &failed(PROMPT_LATE), stage);
    }

    /// The call is being ended: nothing but its end is waited for any more.
    pub(super) fn cancel(&mut self, stage: &mut Stage) {
        self.finish_where(|live| live.waits_for != Wait::End, &CommandOutcome::Cancelled, stage);
    }

    /// The call is over.
    pub(super) fn close(&mut self, stage: &mut Stage) {
        self.finish_where(|_| true, &CommandOutcome::Completed, stage);
    }

    fn play_if_ready(&mut self, id: CommandId, stage: &mut Stage) {
        let Some(at) = self.live.iter().position(|live| live.id == id) else { return };
        let Some(Live { waits_for: Wait::Prompts(sound), .. }) = self.live.get(at) else { return };
        let sound = sound.clone();
        match stage.prompts.readiness(&sound) {
            Readiness::Waiting => {}
            Readiness::Failed { reason } => self.finish_where(|live| live.id == id, &failed(&reason), stage),
            Readiness::Ready { .. } if sound.prompts.is_empty() => {
                self.finish_where(|live| live.id == id, &CommandOutcome::Completed, stage);
            }
            Readiness::Ready { length_ms } => self.play(at, id, sound, length_ms, stage),
        }
    }

    /// Plays; sounds that were commanded before, and are not ready yet, never will be played.
    fn play(&mut self, at: usize, id: CommandId, sound: Sound, length_ms: u64, stage: &mut Stage) {
        stage.desk.timers.clear(Timer::LivePrompt(id));
        let replaced = stage.audio.play_live(id, &sound, length_ms, &mut stage.desk);
        if let Some(live) = self.live.get_mut(at) {
            live.waits_for = Wait::Sound(sound);
        }
        let earlier: Vec<CommandId> = self.live.iter().take(at).map(|live| live.id).collect();
        let overtaken = |live: &Live| {
            replaced == Some(live.id)
                || earlier.contains(&live.id) && matches!(live.waits_for, Wait::Prompts(_))
        };
        self.finish_where(overtaken, &CommandOutcome::Cancelled, stage);
    }

    fn finish_where(&mut self, over: impl Fn(&Live) -> bool, outcome: &CommandOutcome, stage: &mut Stage) {
        for live in self.live.extract_if(.., |live| over(live)) {
            stage.desk.timers.clear(Timer::LivePrompt(live.id));
            if let Wait::Prompts(sound) | Wait::Sound(sound) = &live.waits_for {
                stage.prompts.forget(sound);
            }
            stage.desk.complete(live.id, &live.name, outcome.clone());
        }
    }
}

/// Does something to the recording that is meant, which admission has seen running.
fn turn_recording(
    id: CommandId,
    name: &str,
    which: WhichRecording,
    stage: &mut Stage,
    turn: impl FnOnce(RecordingId, &mut Stage),
) {
    if let Some(recording) = stage.recordings.find(which) {
        turn(recording, stage);
    }
    stage.desk.complete(id, name, CommandOutcome::Completed);
}

/// A caller who was not answered is refused with the cause.
fn ending(cause: Option<HangupCause>, leg: &Leg) -> Intent {
    let refused = cause.filter(|_| leg.state() == LegState::Offered);
    refused.map_or(Intent::Command, |cause| Intent::Refuse { cause, by_flow: false })
}

/// The step that does what the command says, where one does.
fn step_of(command: &CallCommand) -> Option<FlowCommand> {
    Some(match command {
        CallCommand::Gather(gather) => FlowCommand::Gather(gather.clone()),
        CallCommand::Record(record) => FlowCommand::Record(record.clone()),
        CallCommand::Bridge(bridge) => FlowCommand::Bridge(bridge.clone()),
        CallCommand::Transfer(transfer) => FlowCommand::Transfer(transfer.clone()),
        CallCommand::JoinConference(conference) => FlowCommand::Conference(conference.clone()),
        _ => return None,
    })
}

fn failed(reason: &str) -> CommandOutcome {
    CommandOutcome::Failed { reason: reason.to_owned() }
}
