//! Chance for what the protocols want random: first numbers of a stream, the spread of reports, the first port.
//! Seeded once from the operating system; no secret hangs on it.

use crate::config::StartError;

/// A generator whose whole sequence is given by its seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// From a known seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
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
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
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
