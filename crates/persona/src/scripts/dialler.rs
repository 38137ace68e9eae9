//! 0003 and 0004: press digits after each prompt falls silent, as telephone events or as tones.

use crate::input::PersonaInput;
use crate::output::PersonaOutput;
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::{Stage, Timer};

const DIGITS: &str = "1234#";
/// Longer than the pauses between a prompt's sentences.
const PRESS_AFTER_MS: u32 = 700;

pub(crate) struct Dialler {
    digits: String,
    in_band: bool,
    press_after_ms: u32,
    /// A prompt was heard since digits were pressed last.
    heard: bool,
    speaking: bool,
    pressing: bool,
}

impl Dialler {
    pub(crate) fn new(settings: &Settings, in_band: bool) -> Self {
        Self {
            digits: settings.digits.clone().unwrap_or_else(|| DIGITS.to_owned()),
            in_band,
            press_after_ms: settings.press_after_ms.unwrap_or(PRESS_AFTER_MS),
            heard: false,
            speaking: false,
            pressing: false,
        }
    }

    fn wait_for_silence(&self, stage: &mut Stage) {
        if self.heard && !self.speaking && !self.pressing {
            stage.after(Timer::Script, self.press_after_ms);
        } else {
            stage.stop(Timer::Script);
        }
    }
}

impl Script for Dialler {
    /// Whoever presses tones has an old telephone.
    fn knows_telephone_events(&self) -> bool {
        !self.in_band
    }

    fn connected(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Listen);
    }

    fn fact(&mut self, fact: PersonaInput, stage: &mut Stage) {
        match fact {
            PersonaInput::VoiceStarted => {
                self.heard = true;
                self.speaking = true;
            }
            PersonaInput::VoiceStopped => self.speaking = false,
            PersonaInput::Pressed => self.pressing = false,
            _ => return,
        }
        self.wait_for_silence(stage);
    }

    fn timer(&mut self, stage: &mut Stage) {
        self.heard = false;
        self.pressing = true;
        stage.act(PersonaOutput::Press { digits: self.digits.clone(), in_band: self.in_band });
    }
}
