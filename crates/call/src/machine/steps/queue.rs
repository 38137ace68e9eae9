//! `queue`: waits in a queue of the app with music until somebody takes the call, or takes whoever has waited longest;
//! then the two are connected until one of them goes.

use super::super::stage::Stage;
use super::super::timers::Timer;
use super::sounding::{Cue, Sounding};
use super::{FlowStep, Progress, StepEvent};
use crate::Output;
use model::event::{CommandOutcome, EventBody};
use model::meeting::{Attendance, QueueFact, QueueOrder};
use model::sound::MediaOrder;
use model::{LegId, flow};
use serde::{Deserialize, Serialize};

/// What is said when nobody came in time.
const UNMET: &str = "nobody came in time";

/// A wait in a queue, or a taking from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Queue {
    name: String,
    take: bool,
    wait_ms_max: u32,
    music: Sounding,
    attendance: Option<Attendance>,
    /// Whom it met.
    met: Option<LegId>,
}

impl Queue {
    pub(super) fn prepare(queue: &flow::Queue, stage: &mut Stage) -> Self {
        let music = stage.prompts.music(queue.music.as_deref(), &mut stage.desk);
        Self {
            name: queue.name.clone(),
            take: queue.take,
            wait_ms_max: queue.wait_ms_max,
            music: Sounding::new(music),
            attendance: None,
            met: None,
        }
    }

    fn on_fact(&mut self, fact: &QueueFact, stage: &mut Stage) -> Progress {
        match fact {
            QueueFact::Refused { reason } => Progress::failed(reason.as_str()),
            QueueFact::Waiting => {
                self.music.start(stage);
                Progress::Running
            }
            QueueFact::Met { with } => {
                if self.met.is_none() {
                    self.meet(*with, stage);
                }
                Progress::Running
            }
            QueueFact::Parted => {
                self.part(stage);
                Progress::Done(CommandOutcome::Completed)
            }
        }
    }

    fn meet(&mut self, with: LegId, stage: &mut Stage) {
        self.music.stop(stage);
        stage.desk.timers.clear(Timer::Queue);
        self.met = Some(with);
        // One of the two is enough.
        if self.take {
            stage.desk.order_media(MediaOrder::Bridge { with });
        }
        stage.desk.emit(EventBody::joined(with));
    }

    fn part(&mut self, stage: &mut Stage) {
        self.music.stop(stage);
        if let Some(with) = self.met.take() {
            stage.desk.order_media(MediaOrder::Unbridge);
            stage.desk.emit(EventBody::left(with));
        }
    }

    fn leave(&mut self, stage: &mut Stage) {
        stage.desk.put(Output::Queue(QueueOrder::Leave));
        self.part(stage);
    }
}

impl FlowStep for Queue {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        let (name, attendance) = (self.name.clone(), stage.attend());
        self.attendance = Some(attendance);
        stage.desk.set_timer(Timer::Queue, self.wait_ms_max.into());
        stage.desk.put(Output::Queue(match self.take {
            true => QueueOrder::Take { attendance, name },
            false => QueueOrder::Wait { attendance, name },
        }));
        Progress::Running
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Queue(attendance, fact) if self.attendance == Some(*attendance) => {
                self.on_fact(fact, stage)
            }
            StepEvent::Timer(Timer::Queue) => {
                self.leave(stage);
                Progress::failed(UNMET)
            }
            StepEvent::NotJoined(reason) if self.met.is_some() => {
                self.leave(stage);
                Progress::failed(reason.as_str())
            }
            _ if self.met.is_none() => {
                if let Cue::Over(_) = self.music.on_event(event, stage) {
                    self.music.start(stage);
                }
                Progress::Running
            }
            _ => Progress::Running,
        }
    }

    fn stop(&mut self, stage: &mut Stage) {
        self.leave(stage);
    }

    fn forget(&mut self, stage: &mut Stage) {
        self.music.forget(stage);
    }
}
