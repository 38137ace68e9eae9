//! Chance for what the protocols want random: first numbers of a stream, the spread of reports, the first port.
//! Seeded once from the operating system; no secret hangs on it.

use crate::config::StartError;
use model::IdSource;

/// A generator whose whole sequence is given by its seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(IdSource);

impl Dice {
    /// From a known seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(IdSource::new(seed))
    }

    /// From the operating system.
    pub(crate) fn from_system() -> Result<Self, StartError> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed)
            .map_err(|error| StartError::System { what: "random bytes", reason: error.to_string() })?;
        Ok(Self::new(u64::from_ne_bytes(seed)))
    }

    /// The next 64 bits.
    pub(crate) const fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`; 0 when `end` is 0.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        let bits = self.next_u64();
        match bits.checked_rem(end) {
            Some(number) => number,
            None => 0,
        }
    }
}
