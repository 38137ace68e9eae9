//! The sum of products, written so that the compiler turns it into vector instructions.

/// Sums of eight lanes side by side; the shorter length counts.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left_lanes, left_rest) = left.as_chunks::<8>();
    let (right_lanes, right_rest) = right.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in left_lanes.iter().zip(right_lanes) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_summed_whole() {
        for len in 0..40_u16 {
            let numbers: Vec<f32> = (1..=len).map(f32::from).collect();
            let expected: f32 = numbers.iter().map(|n| n * n).sum();
            assert_eq!(dot(&numbers, &numbers), expected, "{len}");
        }
    }
}
