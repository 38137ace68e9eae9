//! Adds frames together without wrapping.

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
