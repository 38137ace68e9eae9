//! A persona in one call: the part that all of them share. How the call is taken, when it is hung up, what their
//! network does to the sound; the rest is its script's.

use crate::catalogue::{entry_named, entry_of_number};
use crate::input::PersonaInput;
use crate::output::PersonaOutput;
use crate::script::{Opening, Script};
use crate::scripts::early::RINGBACK;
use crate::settings::Settings;
use crate::stage::{Stage, Timer};
use model::Timestamp;
use model::sound::Impairment;

/// How long a persona rings where nothing else is set.
const ANSWER_AFTER_MS: u32 = 1_000;

/// A persona in one call.
pub struct Persona {
    script: Box<dyn Script>,
    settings: Settings,
    stage: Stage,
}

impl Persona {
    /// Whoever the settings name, or else whoever has this number; a human where nobody else lives.
    pub fn new(number: &str, settings: Settings) -> Self {
        let named = settings.persona.as_deref().and_then(entry_named);
        let script = named.unwrap_or_else(|| entry_of_number(number)).script(&settings);
        Self { script, settings, stage: Stage::default() }
    }

    /// What it will certainly say.
    pub fn lines(&self) -> Vec<String> {
        self.script.lines()
    }

    /// Whether its telephone knows telephone events (RFC 4733).
    pub fn knows_telephone_events(&self) -> bool {
        self.script.knows_telephone_events()
    }

    /// What its network does to the packets of both directions, if it is a bad one.
    pub fn impairment(&self) -> Option<Impairment> {
        self.settings.impairment(self.script.impairment())
    }

    /// The language it speaks.
    pub fn locale(&self) -> &str {
        self.settings.locale.as_deref().unwrap_or("en-US")
    }

    /// The voice it speaks with; the speech engine's default if none.
    pub fn voice(&self) -> Option<&str> {
        self.settings.voice.as_deref()
    }

    /// Something happens.
    pub fn handle(&mut self, input: PersonaInput, now: Timestamp) {
        self.stage.now(now);
        match input {
            PersonaInput::Called { authorized } => self.called(authorized),
            PersonaInput::Connected => self.connected(),
            fact => self.script.fact(fact, &mut self.stage),
        }
    }

    /// Time passed; fires every timer due by `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.stage.now(now);
        while let Some(timer) = self.stage.due() {
            match timer {
                Timer::Trying => self.ring(),
                Timer::Open => self.open(),
                Timer::Begin => self.script.connected(&mut self.stage),
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

    fn called(&mut self, authorized: bool) {
        let opening = self.script.opening();
        match opening {
            Opening::Challenge if !authorized => self.stage.act(PersonaOutput::Challenge),
            Opening::Late { trying_after_ms } => self.stage.after(Timer::Trying, trying_after_ms),
            Opening::Refuse(_) | Opening::Redirect { .. } if self.settings.answer_after_ms.is_none() => {
                self.open();
            }
            _ => self.ring(),
        }
    }

    fn ring(&mut self) {
        self.stage.act(PersonaOutput::Trying);
        let opening = self.script.opening();
        if opening == Opening::EarlyMedia {
            self.stage.act(PersonaOutput::EarlyMedia);
            self.stage.act(PersonaOutput::Play(RINGBACK));
        } else {
            self.stage.act(PersonaOutput::Ring);
        }
        if opening != Opening::Ring {
            self.stage.after(Timer::Open, self.settings.answer_after_ms.unwrap_or(ANSWER_AFTER_MS));
        }
    }

    fn open(&mut self) {
        match self.script.opening() {
            Opening::Answer | Opening::Challenge => self.stage.act(PersonaOutput::Answer),
            Opening::EarlyMedia => {
                self.stage.act(PersonaOutput::Quiet);
                self.stage.act(PersonaOutput::Answer);
            }
            Opening::Late { .. } => {
                self.stage.act(PersonaOutput::LoseAnswer);
                self.stage.act(PersonaOutput::Answer);
            }
            Opening::Refuse(refusal) => self.stage.act(PersonaOutput::Refuse(refusal)),
            Opening::Redirect { to } => self.stage.act(PersonaOutput::Redirect { to }),
            Opening::Ring => {}
        }
    }

    fn connected(&mut self) {
        if let Some(after_ms) = self.settings.hang_up_after_ms.or(self.script.hang_up_after_ms()) {
            self.stage.after(Timer::HangUp, after_ms);
        }
        if let Some(impairment) = self.impairment() {
            self.stage.act(PersonaOutput::Impair(impairment));
        }
        match self.settings.speak_after_ms {
            None | Some(0) => self.script.connected(&mut self.stage),
            Some(after_ms) => self.stage.after(Timer::Begin, after_ms),
        }
    }
}
