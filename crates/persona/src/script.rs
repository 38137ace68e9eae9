//! What one persona does that others do not: one small file each behind this trait.

use crate::input::PersonaInput;
use crate::output::PersonaRefusal;
use crate::stage::Stage;
use model::sound::Impairment;

/// How a persona takes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It rings, then answers.
    Answer,
    /// It rings with sound, then answers.
    EarlyMedia,
    /// It rings for ever.
    Ring,
    /// It refuses at once.
    Refuse(PersonaRefusal),
    /// It sends the caller elsewhere at once.
    Redirect { to: String },
    /// It wants proof, then rings and answers.
    Challenge,
    /// It says nothing for a while, then rings, then answers, and the answer is lost once.
    Late { trying_after_ms: u32 },
}

/// A persona's own behaviour.
pub(crate) trait Script: Send {
    /// How it takes the call.
    fn opening(&self) -> Opening {
        Opening::Answer
    }

    /// When it hangs up by itself, from the answer.
    fn hang_up_after_ms(&self) -> Option<u32> {
        None
    }

    /// What its network does to the sound of both directions.
    fn impairment(&self) -> Option<Impairment> {
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
