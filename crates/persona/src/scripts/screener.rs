//! 0012: a call screener: asks who is calling, waits for an answer, says that it passes the call on; then a human
//! answers. Whoever says nothing is asked three times and then hung up on.

use crate::input::PersonaInput;
use crate::output::PersonaOutput;
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::{Stage, Timer};

const QUESTION: &str = "Hello. The person you are calling uses a screening service. Who is calling, please?";
const PASSING_ON: &str = "Thank you. Please hold while I pass your call on.";
const GOODBYE: &str = "I did not hear you. Goodbye.";
const HELLO: &str = "Hello?";
/// Silence after which an answer counts as given: longer than the pauses between sentences.
const ANSWERED_AFTER_MS: u32 = 900;
/// How long it waits for an answer to begin.
const PATIENCE_MS: u32 = 6_000;
/// From "passing on" until the human is there.
const HUMAN_AFTER_MS: u32 = 1_500;
const QUESTIONS_MAX: u8 = 3;

/// What goes on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Asking,
    Waiting,
    Hearing,
    PassingOn,
    Goodbye,
    Human,
}

pub(crate) struct Screener {
    question: String,
    asked: u8,
    stand: Stand,
}

impl Screener {
    pub(crate) fn new(settings: &Settings) -> Self {
        let question = settings.text.clone().unwrap_or_else(|| QUESTION.to_owned());
        Self { question, asked: 0, stand: Stand::Asking }
    }

    fn ask(&mut self, stage: &mut Stage) {
        self.asked += 1;
        self.stand = Stand::Asking;
        stage.say(&self.question);
    }

    fn said(&mut self, stage: &mut Stage) {
        match self.stand {
            Stand::Asking => {
                self.stand = Stand::Waiting;
                stage.after(Timer::Script, PATIENCE_MS);
            }
            Stand::PassingOn => stage.after(Timer::Script, HUMAN_AFTER_MS),
            Stand::Goodbye => stage.act(PersonaOutput::HangUp),
            Stand::Waiting | Stand::Hearing | Stand::Human => {}
        }
    }
}

impl Script for Screener {
    fn lines(&self) -> Vec<String> {
        [self.question.as_str(), PASSING_ON, HELLO].map(str::to_owned).to_vec()
    }

    fn connected(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Listen);
        self.ask(stage);
    }

    fn fact(&mut self, fact: PersonaInput, stage: &mut Stage) {
        match (fact, self.stand) {
            (PersonaInput::Said, _) => self.said(stage),
            // Whoever speaks over the question has not heard it yet.
            (PersonaInput::VoiceStarted, Stand::Waiting) => {
                self.stand = Stand::Hearing;
                stage.stop(Timer::Script);
            }
            (PersonaInput::VoiceStarted, Stand::Hearing) => stage.stop(Timer::Script),
            (PersonaInput::VoiceStopped, Stand::Hearing) => stage.after(Timer::Script, ANSWERED_AFTER_MS),
            _ => {}
        }
    }

    fn timer(&mut self, stage: &mut Stage) {
        match self.stand {
            Stand::Waiting if self.asked < QUESTIONS_MAX => self.ask(stage),
            Stand::Waiting => {
                self.stand = Stand::Goodbye;
                stage.say(GOODBYE);
            }
            Stand::Hearing => {
                self.stand = Stand::PassingOn;
                stage.say(PASSING_ON);
            }
            Stand::PassingOn => {
                self.stand = Stand::Human;
                stage.say(HELLO);
            }
            Stand::Asking | Stand::Goodbye | Stand::Human => {}
        }
    }
}
