//! 0014: an interactive menu: speaks its choices, accepts digits, says what was pressed, and repeats.

use crate::input::PersonaInput;
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::{Stage, Timer};

const CHOICES: &str =
    "Welcome. For sales, press one. For support, press two. To hear this again, press star.";
/// From the end of the choices until they are repeated.
const REPEAT_AFTER_MS: u32 = 5_000;

pub(crate) struct Menu {
    choices: String,
    /// What is said now is a confirmation; the choices follow.
    confirming: bool,
}

impl Menu {
    pub(crate) fn new(settings: &Settings) -> Self {
        let choices = settings.text.clone().unwrap_or_else(|| CHOICES.to_owned());
        Self { choices, confirming: false }
    }

    fn say_choices(&mut self, stage: &mut Stage) {
        self.confirming = false;
        stage.say(&self.choices);
    }
}

impl Script for Menu {
    fn lines(&self) -> Vec<String> {
        vec![self.choices.clone()]
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.say_choices(stage);
    }

    fn fact(&mut self, fact: PersonaInput, stage: &mut Stage) {
        match fact {
            PersonaInput::Digit('*') => {
                stage.stop(Timer::Script);
                self.say_choices(stage);
            }
            PersonaInput::Digit(digit) => {
                stage.stop(Timer::Script);
                self.confirming = true;
                stage.say(format!("You pressed {}.", word(digit)));
            }
            PersonaInput::Said if self.confirming => self.say_choices(stage),
            PersonaInput::Said => stage.after(Timer::Script, REPEAT_AFTER_MS),
            _ => {}
        }
    }

    fn timer(&mut self, stage: &mut Stage) {
        self.say_choices(stage);
    }
}

const fn word(digit: char) -> &'static str {
    match digit {
        '0' => "zero",
        '1' => "one",
        '2' => "two",
        '3' => "three",
        '4' => "four",
        '5' => "five",
        '6' => "six",
        '7' => "seven",
        '8' => "eight",
        '9' => "nine",
        '#' => "pound",
        'A' => "A",
        'B' => "B",
        'C' => "C",
        'D' => "D",
        _ => "star",
    }
}
