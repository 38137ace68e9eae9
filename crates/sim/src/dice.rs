//! Random choices, all from one seed. The only source of chance in a simulation.

use model::IdSource;

/// A die: the same seed throws the same numbers.
#[derive(Debug, Clone)]
pub struct Dice(IdSource);

impl Dice {
    /// A die of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(IdSource::new(seed))
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit`; 0 if there is none.
    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Whether something that happens once in `chances` happens now.
    pub fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// Whether something that happens so many times in a thousand happens now.
    pub fn in_thousand(&mut self, times: u32) -> bool {
        times > 0 && self.below(1_000) < u64::from(times)
    }

    /// One of them; none if there are none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(u64::try_from(from.len()).unwrap_or_default());
        from.get(usize::try_from(at).unwrap_or_default())
    }

    /// A die of its own, so that what one part throws does not change what another gets.
    pub const fn fork(&mut self) -> Self {
        Self::new(self.bits())
    }

    /// The ids of a simulation.
    pub const fn ids(&mut self) -> &mut IdSource {
        &mut self.0
    }
}
