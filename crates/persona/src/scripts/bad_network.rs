//! 0017: a human behind a bad network: 5 % loss, 40 ms jitter, reordering, from a seed.

use super::human::Human;
use crate::script::Script;
use crate::settings::Settings;
use crate::stage::Stage;
use model::sound::Impairment;

const NETWORK: Impairment = Impairment { loss_percent: 5.0, jitter_ms: 40, reorder_percent: 2.0, seed: 17 };

pub(crate) struct BadNetwork(Human);

impl BadNetwork {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self(Human::patient(settings))
    }
}

impl Script for BadNetwork {
    fn impairment(&self) -> Option<Impairment> {
        Some(NETWORK)
    }

    fn lines(&self) -> Vec<String> {
        self.0.lines()
    }

    fn connected(&mut self, stage: &mut Stage) {
        self.0.connected(stage);
    }
}
