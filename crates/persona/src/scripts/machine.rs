//! 0010 and 0011: answering machines: a greeting of a fixed length, a beep or none, then they listen.

use crate::input::PersonaInput;
use crate::output::{PersonaOutput, Tone};
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::Stage;

const GREETING: &str = "Hello, you have reached the voicemail of nobody in particular. I cannot take your call right \
    now. Please leave your name, your number and a short message after the tone. Thank you.";
const GREETING_MS: u32 = 6_000;
const BEEP_HZ: u16 = 1_000;
const BEEP_MS: u32 = 400;

/// What the machine does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Greeting,
    Beeping,
    Listening,
}

pub(crate) struct AnsweringMachine {
    greeting: String,
    greeting_ms: u32,
    beep: Option<Tone>,
    stand: Stand,
}

impl AnsweringMachine {
    pub(crate) fn with_beep(settings: &Settings) -> Self {
        let beep = Tone {
            frequencies_hz: [settings.beep_hz.unwrap_or(BEEP_HZ), 0],
            on_ms: settings.beep_ms.unwrap_or(BEEP_MS),
            off_ms: 0,
            repeat: false,
        };
        Self { beep: Some(beep), ..Self::without_beep(settings) }
    }

    pub(crate) fn without_beep(settings: &Settings) -> Self {
        Self {
            greeting: settings.text.clone().unwrap_or_else(|| GREETING.to_owned()),
            greeting_ms: settings.greeting_ms.unwrap_or(GREETING_MS),
            beep: None,
            stand: Stand::Greeting,
        }
    }
}

impl Script for AnsweringMachine {
    fn lines(&self) -> Vec<String> {
        vec![self.greeting.clone()]
    }

    fn connected(&mut self, stage: &mut Stage) {
        let (text, length_ms) = (self.greeting.clone(), Some(self.greeting_ms));
        stage.act(PersonaOutput::Say { text, length_ms });
    }

    fn fact(&mut self, fact: PersonaInput, stage: &mut Stage) {
        if fact != PersonaInput::Said {
            return;
        }
        self.stand = match (self.stand, self.beep) {
            (Stand::Greeting, Some(beep)) => {
                stage.act(PersonaOutput::Play(beep));
                Stand::Beeping
            }
            (Stand::Greeting, None) | (Stand::Beeping, _) => {
                stage.act(PersonaOutput::Listen);
                Stand::Listening
            }
            (Stand::Listening, _) => Stand::Listening,
        };
    }
}
