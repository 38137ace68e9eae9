//! Chance that the same seed gives again (SplitMix64).

/// A seeded source.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// Of a seed, and of what it is for.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut dice = Self(seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `count` − 1.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// Between two numbers.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 40) as f32 / 16_777_216.0
    }

    /// Whether it happens that happens in `percent` of cases.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of some.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        let at = self.below(from.len());
        #[allow(clippy::indexing_slicing, reason = "below the length; nobody picks of nothing")]
        from[at]
    }

    /// Noise, −1 to 1.
    pub(super) fn noise(&mut self) -> f32 {
        self.between(-1.0, 1.0)
    }

    /// A seed for something else.
    pub(super) fn seed(&mut self) -> u64 {
        self.next()
    }
}
