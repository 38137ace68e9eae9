//! 0016: a human whose sound stops for good some time after the answer; the signalling goes on.

use super::human::Human;
use crate::output::PersonaOutput;
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::{Stage, Timer};

const MUTE_AFTER_MS: u32 = 3_000;

pub(crate) struct Fading {
    human: Human,
    mute_after_ms: u32,
}

impl Fading {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            human: Human::patient(settings),
            mute_after_ms: settings.mute_after_ms.unwrap_or(MUTE_AFTER_MS),
        }
    }
}

impl Script for Fading {
    fn lines(&self) -> Vec<String> {
        self.human.lines()
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.human.connected(stage);
        stage.after(Timer::Script, self.mute_after_ms);
    }

    fn timer(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Mute);
    }
}
