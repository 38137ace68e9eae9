//! G.722 at 64 kbit/s: two sub-bands, each coded by adaptive differential PCM (ITU-T G.722, blocks named as there).
//! One octet stands for two samples at 16 kHz. Fixed-point throughout, so it is the same on every machine.

/// Samples a second.
pub const RATE_HZ: u32 = 16_000;

/// The encoder's state.
#[derive(Clone, Debug, Default)]
pub struct G722Encoder {
    window: [i16; 24],
    low: Band,
    high: Band,
}

/// The decoder's state.
#[derive(Clone, Debug, Default)]
pub struct G722Decoder {
    window: [i32; 24],
    low: Band,
    high: Band,
}

impl G722Encoder {
    /// A new stream.
    pub fn new() -> Self {
        Self { low: Band::with_step(32), high: Band::with_step(8), ..Self::default() }
    }

    /// Encodes pairs of samples, one octet each; returns the octets written. An odd sample at the end is left out.
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> usize {
        let (pairs, _) = pcm.as_chunks::<2>();
        let mut written = 0;
        for (pair, octet) in pairs.iter().zip(out) {
            *octet = self.pair(*pair);
            written += 1;
        }
        written
    }

    fn pair(&mut self, pair: [i16; 2]) -> u8 {
        self.window.copy_within(2.., 0);
        if let Some(end) = self.window.last_chunk_mut() {
            *end = pair;
        }
        let (even, odd) = filter(self.window.iter().map(|sample| i32::from(*sample)));
        // The filters gain 4096, there are two of them, and the coder takes 15 bits.
        let (low, high) = ((even + odd) >> 14, (even - odd) >> 14);
        let low = self.low.quantise_low(low);
        let high = self.high.quantise_high(high);
        self.low.adapt_low(low >> 2);
        self.high.adapt_high(high);
        (high << 6) | low
    }
}

impl G722Decoder {
    /// A new stream.
    pub fn new() -> Self {
        Self { low: Band::with_step(32), high: Band::with_step(8), ..Self::default() }
    }

    /// Decodes octets to two samples each; returns the samples written.
    pub fn decode(&mut self, octets: &[u8], pcm: &mut [i16]) -> usize {
        let (pairs, _) = pcm.as_chunks_mut::<2>();
        let mut written = 0;
        for (octet, pair) in octets.iter().zip(pairs) {
            *pair = self.octet(*octet);
            written += 2;
        }
        written
    }

    fn octet(&mut self, octet: u8) -> [i16; 2] {
        let (low_code, high_code) = (octet & 0x3f, octet >> 6);
        let low = limit(self.low.predicted + ((self.low.step * pick(&INVERSE_6, low_code)) >> 15));
        let high = limit(self.high.predicted + ((self.high.step * pick(&INVERSE_2, high_code)) >> 15));
        self.low.adapt_low(low_code >> 2);
        self.high.adapt_high(high_code);
        self.window.copy_within(2.., 0);
        if let Some(end) = self.window.last_chunk_mut() {
            *end = [low + high, low - high];
        }
        let (first, second) = filter(self.window.iter().copied());
        [saturate(first >> 11) as i16, saturate(second >> 11) as i16]
    }
}

/// The quadrature mirror filter, both halves: over the odd positions backwards, over the even ones forwards.
fn filter(window: impl Iterator<Item = i32> + Clone) -> (i32, i32) {
    let odd = window.clone().step_by(2).zip(MIRROR).map(|(sample, factor)| sample * factor).sum();
    let even = window.skip(1).step_by(2).zip(MIRROR.into_iter().rev());
    (even.map(|(sample, factor)| sample * factor).sum(), odd)
}

/// One sub-band: its quantiser's step and its predictor of two poles and six zeros.
#[derive(Clone, Copy, Debug, Default)]
struct Band {
    /// The prediction of the next sample, and the part of it that is the zeros'.
    predicted: i32,
    predicted_zeros: i32,
    /// The last two reconstructed samples and partially reconstructed samples.
    reconstructed: [i32; 2],
    partial: [i32; 2],
    poles: [i32; 2],
    /// The last six differences.
    differences: [i32; 6],
    zeros: [i32; 6],
    /// Logarithm of the step, and the step.
    log_step: i32,
    step: i32,
}

impl Band {
    fn with_step(step: i32) -> Self {
        Self { step, ..Self::default() }
    }

    /// QUANTL.
    fn quantise_low(&self, sample: i32) -> u8 {
        let error = saturate(sample - self.predicted);
        let magnitude = if error >= 0 { error } else { -(error + 1) };
        let above = |decision: &&i32| magnitude >= (**decision * self.step) >> 12;
        // Decisions grow, so the count of those that lie below is the interval.
        let interval = DECISIONS_6.iter().take_while(above).count() as u8;
        match (error < 0, interval) {
            (true, 0) => 63,
            (true, 1) => 62,
            (true, interval) => 33 - interval,
            (false, interval) => 61 - interval,
        }
    }

    /// QUANTH.
    fn quantise_high(&self, sample: i32) -> u8 {
        let error = saturate(sample - self.predicted);
        let magnitude = if error >= 0 { error } else { -(error + 1) };
        let far = magnitude >= (564 * self.step) >> 12;
        match (error < 0, far) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        }
    }

    /// INVQAL, LOGSCL, SCALEL and the predictor, for the upper four bits of a low code.
    fn adapt_low(&mut self, code: u8) {
        let difference = (self.step * pick(&INVERSE_4, code)) >> 15;
        let growth = pick(&GROWTH_LOW, code);
        self.log_step = (((self.log_step * 127) >> 7) + growth).clamp(0, 18_432);
        self.step = step_of(self.log_step, 8);
        self.predict(difference);
    }

    /// INVQAH, LOGSCH, SCALEH and the predictor.
    fn adapt_high(&mut self, code: u8) {
        let difference = (self.step * pick(&INVERSE_2, code)) >> 15;
        let growth = pick(&GROWTH_HIGH, code);
        self.log_step = (((self.log_step * 127) >> 7) + growth).clamp(0, 22_528);
        self.step = step_of(self.log_step, 10);
        self.predict(difference);
    }

    /// RECONS, PARREC, UPPOL2, UPPOL1, UPZERO, FILTEP, FILTEZ, PREDIC.
    fn predict(&mut self, difference: i32) {
        let reconstructed = saturate(self.predicted + difference);
        let partial = saturate(self.predicted_zeros + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        let [last, _] = self.reconstructed;
        self.reconstructed = [reconstructed, last];
        let [last, _] = self.partial;
        self.partial = [partial, last];
        self.differences.copy_within(..5, 1);
        if let Some(newest) = self.differences.first_mut() {
            *newest = difference;
        }
        let product = |factor: i32, sample: i32| (factor * saturate(sample + sample)) >> 15;
        let sum = |factors: &[i32], samples: &[i32]| {
            saturate(factors.iter().zip(samples).map(|(factor, sample)| product(*factor, *sample)).sum())
        };
        self.predicted_zeros = sum(&self.zeros, &self.differences);
        self.predicted = saturate(sum(&self.poles, &self.reconstructed) + self.predicted_zeros);
    }

    fn adapt_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let [last, before_last] = self.partial;
        let same = |other: i32| (partial < 0) == (other < 0);
        let quadruple = saturate(first << 2);
        let turned = if same(last) { (-quadruple).min(32_767) } else { quadruple };
        let nudge = if same(before_last) { 128 } else { -128 };
        let second = ((turned >> 7) + nudge + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let nudge = if same(last) { 192 } else { -192 };
        let bound = saturate(15_360 - second);
        let first = saturate(nudge + ((first * 32_640) >> 15)).clamp(-bound, bound);
        self.poles = [first, second];
    }

    fn adapt_zeros(&mut self, difference: i32) {
        let nudge = if difference == 0 { 0 } else { 128 };
        for (zero, past) in self.zeros.iter_mut().zip(self.differences) {
            let towards = if (past < 0) == (difference < 0) { nudge } else { -nudge };
            *zero = saturate(towards + ((*zero * 32_640) >> 15));
        }
    }
}

/// SCALEL, SCALEH: the step from its logarithm.
fn step_of(log_step: i32, octaves: i32) -> i32 {
    let mantissa = pick(&POWERS, ((log_step >> 6) & 31) as u8);
    let shift = octaves - (log_step >> 11);
    (if shift < 0 { mantissa << -shift } else { mantissa >> shift }) << 2
}

fn pick<const N: usize>(table: &[i32; N], code: u8) -> i32 {
    table.get(usize::from(code)).copied().unwrap_or(0)
}

const fn saturate(value: i32) -> i32 {
    if value > 32_767 {
        32_767
    } else if value < -32_768 {
        -32_768
    } else {
        value
    }
}

/// LIMIT: what a band may reach.
const fn limit(value: i32) -> i32 {
    if value > 16_383 {
        16_383
    } else if value < -16_384 {
        -16_384
    } else {
        value
    }
}

/// Half of the mirror filter's 24 coefficients.
const MIRROR: [i32; 12] = [3, -11, 12, 32, -210, 951, 3_876, -805, 362, -156, 53, -11];
/// Decision levels of the low band's quantiser.
const DECISIONS_6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023, 1_121,
    1_219, 1_339, 1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
];
/// What the low band's codes stand for: all six bits, and the upper four.
const INVERSE_6: [i32; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232,
    -9_360, -8_576, -7_856, -7_192, -6_576, -6_000, -5_456, -4_944, -4_464, -4_008, -3_576, -3_168, -2_776,
    -2_400, -2_032, -1_688, -1_360, -1_040, -728, 24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280,
    11_192, 10_232, 9_360, 8_576, 7_856, 7_192, 6_576, 6_000, 5_456, 4_944, 4_464, 4_008, 3_576, 3_168,
    2_776, 2_400, 2_032, 1_688, 1_360, 1_040, 728, 432, 136, -432, -136,
];
const INVERSE_4: [i32; 16] = [
    0, -20_456, -12_896, -8_968, -6_288, -4_240, -2_584, -1_200, 20_456, 12_896, 8_968, 6_288, 4_240, 2_584,
    1_200, 0,
];
/// What the high band's codes stand for.
const INVERSE_2: [i32; 4] = [-7_408, -1_616, 7_408, 1_616];
/// How each code moves the logarithm of the step.
const GROWTH_LOW: [i32; 16] =
    [-60, 3_042, 1_198, 538, 334, 172, 58, -30, 3_042, 1_198, 538, 334, 172, 58, -30, -60];
const GROWTH_HIGH: [i32; 4] = [798, -214, 798, -214];
/// Powers of two in 32 steps, times 2048.
const POWERS: [i32; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656, 2_714, 2_774,
    2_834, 2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520, 3_597, 3_676, 3_756, 3_838,
    3_922, 4_008,
];
