//! 0002: sends back what it hears.

use crate::output::PersonaOutput;
use crate::script::Script;
use crate::stage::Stage;

pub(crate) struct Echo;

impl Script for Echo {
    fn connected(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Echo);
    }
}
