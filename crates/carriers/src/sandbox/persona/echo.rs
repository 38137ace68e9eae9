//! 0002: sends back what it hears.

use super::stage::Stage;
use super::{PersonaOutput, Script};

pub(super) struct Echo;

impl Script for Echo {
    fn connected(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Echo);
    }
}
