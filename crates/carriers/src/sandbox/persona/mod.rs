//! The personas: whoever answers in the sandbox, as pure state machines. Inputs and time go in by `handle`, wishes
//! for the leg come out of `poll`. Know no socket, no clock and no SIP message, so that a simulation can run them.

mod dialler;
mod directory;
mod echo;
mod human;
mod menu;
mod refuser;
mod silent;
mod stage;

use super::wishes::Wishes;
use model::Timestamp;
use stage::{Stage, Timer};

/// What happens to a persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonaInput {
    /// Somebody calls.
    Called,
    /// The answer was acknowledged and sound flows.
    Connected,
    /// The caller pressed a key.
    Digit(char),
    /// The caller began to speak.
    VoiceStarted,
    /// The caller fell silent.
    VoiceStopped,
    /// What was said last is said to its end.
    Said,
    /// All digits are pressed.
    Pressed,
}

/// What a persona does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonaOutput {
    /// It rings.
    Ring,
    /// It answers.
    Answer,
    /// It does not take the call.
    Refuse(PersonaRefusal),
    /// It hangs up.
    HangUp,
    /// It says something; what it said before is cut.
    Say {
        /// The words.
        text: String,
    },
    /// It listens for voice and silence.
    Listen,
    /// It sends back what it hears.
    Echo,
    /// It presses keys.
    Press {
        /// Which; `w` and `W` wait half a second and one second.
        digits: String,
        /// As tones in the sound instead of telephone events.
        in_band: bool,
    },
}

/// How a persona does not take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonaRefusal {
    /// SIP status code.
    pub code: u16,
    /// Its phrase.
    pub phrase: &'static str,
    /// Q.850 cause.
    pub q850: Option<u8>,
    /// When the caller may try again.
    pub retry_after_s: Option<u32>,
}

/// How a persona takes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// It rings, then answers.
    Answer,
    /// It rings for ever.
    Ring,
    /// It refuses at once.
    Refuse(PersonaRefusal),
}

/// What one persona does that others do not: one small file each.
trait Script: Send {
    /// How it takes the call.
    fn opening(&self) -> Opening {
        Opening::Answer
    }

    /// When it hangs up by itself, from the answer.
    fn hang_up_after_ms(&self) -> Option<u32> {
        None
    }

    /// What it will certainly say, to be made ready while it rings.
    fn lines(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether its telephone knows telephone events (RFC 4733).
    fn knows_telephone_events(&self) -> bool {
        true
    }

    /// The call is answered.
    fn connected(&mut self, _stage: &mut Stage) {}

    /// Something happened in the answered call.
    fn fact(&mut self, _fact: PersonaInput, _stage: &mut Stage) {}

    /// The script's own timer is due.
    fn timer(&mut self, _stage: &mut Stage) {}
}

/// How long a persona rings where nothing else is wished.
const ANSWER_AFTER_MS: u32 = 1_000;

/// A persona in one call.
pub struct Persona {
    script: Box<dyn Script>,
    wishes: Wishes,
    stage: Stage,
}

impl Persona {
    /// Whoever has this number: the last four digits of `+1500555….`; a human where nobody else lives.
    pub fn of_number(number: &str, wishes: Wishes) -> Self {
        Self { script: directory::script(number, &wishes), wishes, stage: Stage::default() }
    }

    /// What it will certainly say.
    pub fn lines(&self) -> Vec<String> {
        self.script.lines()
    }

    /// Whether its telephone knows telephone events (RFC 4733).
    pub fn knows_telephone_events(&self) -> bool {
        self.script.knows_telephone_events()
    }

    /// The language it speaks.
    pub fn locale(&self) -> &str {
        self.wishes.locale.as_deref().unwrap_or("en-US")
    }

    /// Something happens.
    pub fn handle(&mut self, input: PersonaInput, now: Timestamp) {
        self.stage.now(now);
        match input {
            PersonaInput::Called => self.called(),
            PersonaInput::Connected => {
                if let Some(after_ms) = self.wishes.hang_up_after_ms.or(self.script.hang_up_after_ms()) {
                    self.stage.after(Timer::HangUp, after_ms);
                }
                self.script.connected(&mut self.stage);
            }
            fact => self.script.fact(fact, &mut self.stage),
        }
    }

    /// Time passed; fires every timer due by `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.stage.now(now);
        while let Some(timer) = self.stage.due() {
            match timer {
                Timer::Open => self.open(),
                Timer::HangUp => self.stage.act(PersonaOutput::HangUp),
                Timer::Script => self.script.timer(&mut self.stage),
            }
        }
    }

    /// The next thing it does.
    pub fn poll(&mut self) -> Option<PersonaOutput> {
        self.stage.poll()
    }

    /// When to call [`Persona::handle_timeout`] next.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.stage.deadline()
    }

    fn called(&mut self) {
        let opening = self.script.opening();
        if matches!(opening, Opening::Refuse(_)) && self.wishes.answer_after_ms.is_none() {
            return self.open();
        }
        self.stage.act(PersonaOutput::Ring);
        if opening != Opening::Ring {
            self.stage.after(Timer::Open, self.wishes.answer_after_ms.unwrap_or(ANSWER_AFTER_MS));
        }
    }

    fn open(&mut self) {
        match self.script.opening() {
            Opening::Answer => self.stage.act(PersonaOutput::Answer),
            Opening::Refuse(refusal) => self.stage.act(PersonaOutput::Refuse(refusal)),
            Opening::Ring => {}
        }
    }
}

#[cfg(test)]
mod tests;
