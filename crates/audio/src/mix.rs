//! Adds frames together without wrapping: two of them, or all members of a conference, each of whom hears the others.

/// A frame's sum of everybody. All memory is taken in `new`.
#[derive(Clone, Debug)]
pub struct Mixer {
    sum: Box<[i32]>,
    len: usize,
}

impl Mixer {
    /// For frames of at most so many samples, at whatever rate.
    pub fn new(samples_max: usize) -> Self {
        Self { sum: vec![0; samples_max].into_boxed_slice(), len: 0 }
    }

    /// Begins a frame of `samples`; nobody speaks yet.
    pub fn begin(&mut self, samples: usize) {
        self.len = samples.min(self.sum.len());
        self.sum.iter_mut().take(self.len).for_each(|sum| *sum = 0);
    }

    /// Somebody says this.
    pub fn add(&mut self, frame: &[i16]) {
        for (sum, sample) in self.sum.iter_mut().take(self.len).zip(frame) {
            *sum += i32::from(*sample);
        }
    }

    /// What somebody who says nothing hears.
    pub fn write(&self, out: &mut [i16]) {
        for (sample, sum) in out.iter_mut().zip(self.sum.iter().take(self.len)) {
            *sample = soften(*sum);
        }
    }

    /// What somebody hears who said `own`, which must have been added: everybody else.
    pub fn write_without(&self, own: &[i16], out: &mut [i16]) {
        for ((sample, sum), own) in out.iter_mut().zip(self.sum.iter().take(self.len)).zip(own) {
            *sample = soften(*sum - i32::from(*own));
        }
    }
}

/// Up to here a sum is left as it is: −3 dB of full scale.
const KNEE: i32 = 23_170;

/// A sum of many voices as a sample: what is loud is bent, ever more, instead of cut off.
pub const fn soften(sum: i32) -> i16 {
    let size = sum.unsigned_abs() as i64;
    if size <= KNEE as i64 {
        return sum as i16;
    }
    let (over, room) = (size - KNEE as i64, 32_767 - KNEE as i64);
    let bent = (KNEE as i64 + room * over / (room + over)) as i16;
    if sum < 0 { -bent } else { bent }
}

/// Adds `other` into `frame`, saturating; the shorter length counts.
pub fn mix_into(frame: &mut [i16], other: &[i16]) {
    for (sample, added) in frame.iter_mut().zip(other) {
        *sample = sample.saturating_add(*added);
    }
}

/// Multiplies by `gain` in 1/256 (256 is unchanged), saturating.
pub fn scale(frame: &mut [i16], gain_256: i32) {
    for sample in frame {
        let scaled = i64::from(*sample) * i64::from(gain_256) / 256;
        *sample = scaled.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate_and_the_shorter_length_counts() {
        let mut frame = [1, 30_000, -30_000, 7];
        mix_into(&mut frame, &[2, 30_000, -30_000]);
        assert_eq!(frame, [3, i16::MAX, i16::MIN, 7]);
    }

    #[test]
    fn each_member_hears_the_others_and_nobody_himself() {
        for members in 1..=12_usize {
            for samples in [80, 160, 320, 960] {
                let voice = |member: usize| -> Vec<i16> {
                    (0..samples).map(|n| ((n * (member + 3) * 37) % 1_801) as i16 - 900).collect()
                };
                let voices: Vec<Vec<i16>> = (0..members).map(voice).collect();
                let mut mixer = Mixer::new(960);
                mixer.begin(samples);
                voices.iter().for_each(|voice| mixer.add(voice));
                let mut out = vec![7; samples];
                for (member, own) in voices.iter().enumerate() {
                    mixer.write_without(own, &mut out);
                    let others = |n: usize| -> i32 {
                        let heard = voices.iter().enumerate().filter(|(other, _)| *other != member);
                        heard.map(|(_, voice)| i32::from(voice[n])).sum()
                    };
                    assert!((0..samples).all(|n| i32::from(out[n]) == others(n)), "{member} of {members}");
                }
                mixer.write(&mut out);
                let all: i32 = voices.iter().map(|voice| i32::from(voice[5])).sum();
                assert_eq!(i32::from(out[5]), all);
            }
        }
    }

    #[test]
    fn many_loud_voices_are_bent_and_never_wrap() {
        let mut last = 0;
        for sum in (0..20_000_000).step_by(97) {
            let sample = soften(sum);
            assert!(sample >= last && (sum > KNEE || i32::from(sample) == sum), "{sum}");
            assert_eq!(soften(-sum), -sample);
            last = sample;
        }
        assert!(last > 32_700);
        assert_eq!(soften(i32::MIN), -soften(i32::MAX));
        let mut mixer = Mixer::new(4);
        mixer.begin(9);
        (0..200).for_each(|_| mixer.add(&[i16::MIN, i16::MAX, 0, 1, 5]));
        let mut out = [0; 5];
        mixer.write(&mut out);
        assert!(out[0] < -32_000 && out[1] > 32_000 && out[2..] == [0, 200, 0], "{out:?}");
    }

    #[test]
    fn gain_scales_and_saturates() {
        let check = |sample: i16, gain: i32, expected: i16| {
            let mut frame = [sample];
            scale(&mut frame, gain);
            assert_eq!(frame, [expected], "{sample} x {gain}/256");
        };
        check(1_000, 256, 1_000);
        check(1_000, 128, 500);
        check(-1_000, 0, 0);
        check(20_000, 512, i16::MAX);
        check(-20_000, 512, i16::MIN);
        check(i16::MIN, -256, i16::MAX);
        check(i16::MAX, i32::MAX, i16::MAX);
    }
}
