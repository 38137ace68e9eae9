//! Who is at the far end: a persona, or somebody who does what was recorded of a real call.

use crate::recorded::Recorded;
use model::Timestamp;
use persona::{Persona, PersonaInput, PersonaOutput};

/// The far party.
pub(crate) enum Party {
    /// One of the sandbox.
    Persona(Box<Persona>),
    /// One who repeats what was recorded.
    Recorded(Box<Recorded>),
}

impl Party {
    pub(crate) fn handle(&mut self, input: PersonaInput, now: Timestamp) {
        match self {
            Self::Persona(persona) => persona.handle(input, now),
            Self::Recorded(recorded) => recorded.handle(input, now),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Timestamp) {
        match self {
            Self::Persona(persona) => persona.handle_timeout(now),
            Self::Recorded(recorded) => recorded.handle_timeout(now),
        }
    }

    pub(crate) fn poll(&mut self) -> Option<PersonaOutput> {
        match self {
            Self::Persona(persona) => persona.poll(),
            Self::Recorded(recorded) => recorded.poll(),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Persona(persona) => persona.deadline(),
            Self::Recorded(recorded) => recorded.deadline(),
        }
    }

    pub(crate) fn knows_telephone_events(&self) -> bool {
        match self {
            Self::Persona(persona) => persona.knows_telephone_events(),
            Self::Recorded(_) => true,
        }
    }
}
