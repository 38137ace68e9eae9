//! `conference`: takes part in a conference of the app until a key, its end or the call's. Before it starts there is
//! music.

use super::super::stage::Stage;
use super::sounding::{Cue, Sounding};
use super::{FlowStep, Progress, StepEvent};
use crate::Output;
use model::event::{CommandOutcome, EventBody};
use model::flow;
use model::meeting::{Attendance, ConferenceFact, ConferenceOrder};
use model::sound::{ConferenceId, MediaOrder};
use serde::{Deserialize, Serialize};

/// A member of a conference.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Conference {
    options: flow::Conference,
    music: Sounding,
    beep: Sounding,
    attendance: Option<Attendance>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Outside,
    Waiting,
    Inside,
}

impl Conference {
    pub(super) fn prepare(options: &flow::Conference, stage: &mut Stage) -> Self {
        let music = stage.prompts.music(options.music.as_deref(), &mut stage.desk);
        let beep = stage.prompts.beep(&mut stage.desk);
        Self {
            options: options.clone(),
            music: Sounding::new(music),
            beep: Sounding::new(beep),
            attendance: None,
            state: State::Outside,
        }
    }

    fn on_fact(&mut self, fact: &ConferenceFact, stage: &mut Stage) -> Progress {
        match fact {
            ConferenceFact::Refused { reason } => {
                self.part(stage);
                Progress::failed(reason.as_str())
            }
            // Once inside, nobody waits again.
            ConferenceFact::Waiting if self.state == State::Inside => Progress::Running,
            ConferenceFact::Waiting => {
                self.state = State::Waiting;
                self.play_music(stage);
                Progress::Running
            }
            ConferenceFact::Open { conference } => {
                self.open(*conference, stage);
                Progress::Running
            }
            ConferenceFact::Beep if self.state == State::Inside => {
                self.beep.start(stage);
                Progress::Running
            }
            ConferenceFact::Beep => Progress::Running,
            ConferenceFact::Over => {
                self.part(stage);
                Progress::Done(CommandOutcome::Completed)
            }
        }
    }

    fn open(&mut self, conference: ConferenceId, stage: &mut Stage) {
        if self.state == State::Inside {
            return;
        }
        self.music.stop(stage);
        self.state = State::Inside;
        let flow::Conference { muted, deaf, .. } = self.options;
        stage.desk.order_media(MediaOrder::Join { conference, muted, deaf });
        let leg = stage.desk.call.first_leg();
        let conference = Some(self.options.name.clone());
        stage.desk.emit(EventBody::ParticipantJoined { leg, conference });
    }

    /// Music that cannot be made is silence.
    fn play_music(&mut self, stage: &mut Stage) {
        self.music.start(stage);
    }

    /// The sound is the leg's own again. What the registry holds is let go of by whoever calls this.
    fn part(&mut self, stage: &mut Stage) {
        self.music.stop(stage);
        self.beep.stop(stage);
        if std::mem::replace(&mut self.state, State::Outside) == State::Inside {
            stage.desk.order_media(MediaOrder::Unbridge);
            let leg = stage.desk.call.first_leg();
            let conference = Some(self.options.name.clone());
            stage.desk.emit(EventBody::ParticipantLeft { leg, conference });
        }
    }

    fn leave(&mut self, stage: &mut Stage) {
        stage.desk.put(Output::Conference(ConferenceOrder::Leave));
        self.part(stage);
    }
}

impl FlowStep for Conference {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        let flow::Conference { name, starts, ends, beep, .. } = &self.options;
        let (name, starts, ends, beep) = (name.clone(), *starts, *ends, *beep);
        let attendance = stage.attend();
        self.attendance = Some(attendance);
        let order = ConferenceOrder::Enter { attendance, name, starts, ends, beep };
        stage.desk.put(Output::Conference(order));
        Progress::Running
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Conference(attendance, fact) if self.attendance == Some(*attendance) => {
                return self.on_fact(fact, stage);
            }
            StepEvent::Digit(key) if Some(*key) == self.options.leave_key => {
                self.leave(stage);
                return Progress::Done(CommandOutcome::Completed);
            }
            StepEvent::Leave => {
                self.leave(stage);
                return Progress::Done(CommandOutcome::Completed);
            }
            StepEvent::NotJoined(reason) if self.state == State::Inside => {
                self.leave(stage);
                return Progress::failed(reason.as_str());
            }
            _ => {}
        }
        match self.state {
            State::Outside => {}
            State::Waiting => {
                if let Cue::Over(_) = self.music.on_event(event, stage) {
                    self.play_music(stage);
                }
            }
            State::Inside => {
                self.beep.on_event(event, stage);
            }
        }
        Progress::Running
    }

    fn stop(&mut self, stage: &mut Stage) {
        self.leave(stage);
    }

    fn forget(&mut self, stage: &mut Stage) {
        self.music.forget(stage);
        self.beep.forget(stage);
    }
}
