//! 0018: late and slow: nothing is heard of it for 3 s, and its answer is lost once on the way.

use super::human::Human;
use crate::script::{Opening, Script};
use crate::settings::Settings;
use crate::stage::Stage;

const TRYING_AFTER_MS: u32 = 3_000;

pub(crate) struct Late {
    human: Human,
    trying_after_ms: u32,
}

impl Late {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            human: Human::patient(settings),
            trying_after_ms: settings.trying_after_ms.unwrap_or(TRYING_AFTER_MS),
        }
    }
}

impl Script for Late {
    fn opening(&self) -> Opening {
        Opening::Late { trying_after_ms: self.trying_after_ms }
    }

    fn lines(&self) -> Vec<String> {
        self.human.lines()
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.human.connected(stage);
    }
}
