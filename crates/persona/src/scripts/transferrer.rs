//! 0022: a human who wants the caller to call another number instead. Who agrees is let go; who does not is told that
//! it did not work, and the call goes on.

use super::human::Human;
use crate::catalogue::HUMAN;
use crate::input::PersonaInput;
use crate::output::PersonaOutput;
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::{Stage, Timer};

const TRANSFER_AFTER_MS: u32 = 3_000;
const FAILED: &str = "I am sorry, I could not put you through.";

pub(crate) struct Transferrer {
    human: Human,
    transfer_after_ms: u32,
    to: String,
}

impl Transferrer {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            human: Human::patient(settings),
            transfer_after_ms: settings.transfer_after_ms.unwrap_or(TRANSFER_AFTER_MS),
            to: settings.transfer_to.clone().unwrap_or_else(|| HUMAN.number.to_owned()),
        }
    }
}

impl Script for Transferrer {
    fn lines(&self) -> Vec<String> {
        let mut lines = self.human.lines();
        lines.push(FAILED.to_owned());
        lines
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.human.connected(stage);
        stage.after(Timer::Script, self.transfer_after_ms);
    }

    fn fact(&mut self, fact: PersonaInput, stage: &mut Stage) {
        match fact {
            PersonaInput::TransferAnswered { accepted: true } => stage.act(PersonaOutput::HangUp),
            PersonaInput::TransferAnswered { accepted: false } => stage.say(FAILED),
            _ => {}
        }
    }

    fn timer(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Transfer { to: self.to.clone() });
    }
}
