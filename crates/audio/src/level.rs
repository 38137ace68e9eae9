//! Levels in dBFS.

/// Level reported for digital silence.
pub const SILENCE_DBFS: f32 = -96.0;

/// RMS level of a frame in dBFS: 0 for a full-scale square wave, −3 for a full-scale sine, `SILENCE_DBFS` for
/// silence or an empty frame.
pub fn level_dbfs(frame: &[i16]) -> f32 {
    if frame.is_empty() {
        return SILENCE_DBFS;
    }
    let energy: u64 = frame.iter().map(|&s| u64::from(s.unsigned_abs()).pow(2)).sum();
    let mean = energy as f64 / frame.len() as f64 / (32_768.0 * 32_768.0);
    ((10.0 * mean.log10()) as f32).max(SILENCE_DBFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_relative_to_full_scale() {
        let check = |frame: &[i16], expected: f32| {
            let level = level_dbfs(frame);
            assert!((level - expected).abs() < 0.05, "{level} for {frame:?}");
        };
        check(&[i16::MIN; 160], 0.0);
        check(&[3_277; 160], -20.0);
        check(&[328, -328, 328, -328], -40.0);
        check(&[0; 160], SILENCE_DBFS);
        check(&[], SILENCE_DBFS);
    }
}
