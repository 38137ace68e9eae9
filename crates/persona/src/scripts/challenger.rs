//! 0019: wants to know who calls before it rings; then a human answers.

use super::human::Human;
use crate::script::{Opening, Script};
use crate::stage::Stage;

pub(crate) struct Challenger(pub(crate) Human);

impl Script for Challenger {
    fn opening(&self) -> Opening {
        Opening::Challenge
    }

    fn lines(&self) -> Vec<String> {
        self.0.lines()
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.0.connected(stage);
    }
}
