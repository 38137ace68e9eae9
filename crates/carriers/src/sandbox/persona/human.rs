//! 0000: answers, says "Hello?", listens and never hangs up. 0001: hangs up 3 s after answering.

use super::stage::Stage;
use super::{PersonaOutput, Script};
use crate::sandbox::wishes::Wishes;

const HELLO: &str = "Hello?";
const IMPATIENT_MS: u32 = 3_000;

pub(super) struct Human {
    text: String,
    hang_up_after_ms: Option<u32>,
}

impl Human {
    pub(super) fn patient(wishes: &Wishes) -> Self {
        let text = wishes.text.clone().unwrap_or_else(|| HELLO.to_owned());
        Self { text, hang_up_after_ms: None }
    }

    pub(super) fn impatient(wishes: &Wishes) -> Self {
        Self { hang_up_after_ms: Some(IMPATIENT_MS), ..Self::patient(wishes) }
    }
}

impl Script for Human {
    fn hang_up_after_ms(&self) -> Option<u32> {
        self.hang_up_after_ms
    }

    fn lines(&self) -> Vec<String> {
        vec![self.text.clone()]
    }

    fn connected(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Say { text: self.text.clone() });
    }
}
