//! 0021: a human who puts the caller on hold and takes it back.

use super::human::Human;
use crate::input::PersonaInput;
use crate::output::PersonaOutput;
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::{Stage, Timer};

const HOLD_AFTER_MS: u32 = 3_000;
const HOLD_MS: u32 = 3_000;

pub(crate) struct Holder {
    human: Human,
    hold_after_ms: u32,
    hold_ms: u32,
    holding: bool,
}

impl Holder {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            human: Human::patient(settings),
            hold_after_ms: settings.hold_after_ms.unwrap_or(HOLD_AFTER_MS),
            hold_ms: settings.hold_ms.unwrap_or(HOLD_MS),
            holding: false,
        }
    }
}

impl Script for Holder {
    fn lines(&self) -> Vec<String> {
        self.human.lines()
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.human.connected(stage);
        stage.after(Timer::Script, self.hold_after_ms);
    }

    fn fact(&mut self, fact: PersonaInput, stage: &mut Stage) {
        // A refused hold holds nobody, so there is nobody to take back.
        if fact == (PersonaInput::HoldAnswered { accepted: true }) && self.holding {
            stage.after(Timer::Script, self.hold_ms);
        }
    }

    fn timer(&mut self, stage: &mut Stage) {
        self.holding = !self.holding;
        stage.act(if self.holding { PersonaOutput::Hold } else { PersonaOutput::Resume });
    }
}
