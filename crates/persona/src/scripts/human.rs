//! 0000: answers, says "Hello?" and never hangs up. 0001: hangs up 3 s after answering. Several others are
//! this human with something added.

use crate::script::Script;
use crate::settings::Settings;
use crate::stage::Stage;

const HELLO: &str = "Hello?";
const IMPATIENT_MS: u32 = 3_000;

pub(crate) struct Human {
    text: String,
    hang_up_after_ms: Option<u32>,
}

impl Human {
    pub(crate) fn patient(settings: &Settings) -> Self {
        let text = settings.text.clone().unwrap_or_else(|| HELLO.to_owned());
        Self { text, hang_up_after_ms: None }
    }

    pub(crate) fn impatient(settings: &Settings) -> Self {
        Self { hang_up_after_ms: Some(IMPATIENT_MS), ..Self::patient(settings) }
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
        stage.say(&self.text);
    }
}
