//! 0013: a fax machine: its answer tone (CED, ITU-T T.30 §4.3.3.2: 2100 Hz, 2.6 to 4.0 s), again and again.

use crate::output::{PersonaOutput, Tone};
use crate::script::Script;
use crate::stage::Stage;

const CED: Tone = Tone { frequencies_hz: [2_100, 0], on_ms: 3_000, off_ms: 3_000, repeat: true };

pub(crate) struct Fax;

impl Script for Fax {
    fn connected(&mut self, stage: &mut Stage) {
        stage.act(PersonaOutput::Play(CED));
    }
}
