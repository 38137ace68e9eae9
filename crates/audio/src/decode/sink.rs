//! Collects decoded mono samples at one rate, within the limits.

use super::{Clip, ClipLimits, ReadError};
use crate::resample::Resampler;

/// What decoders write into.
pub(super) struct Sink {
    resampler: Option<Resampler>,
    from_hz: u32,
    to_hz: u32,
    taken: u64,
    taken_max: u64,
    seconds_max: u64,
    out: Vec<i16>,
}

impl Sink {
    /// For sound at `from_hz` that is wanted at `to_hz`.
    pub(super) fn new(from_hz: u32, to_hz: u32, limits: &ClipLimits) -> Result<Self, ReadError> {
        let unsupported = |_| ReadError::Unsupported { found: format!("sound at {from_hz} Hz") };
        let resampler = Resampler::new(from_hz, to_hz).map_err(unsupported)?;
        let taken_max = limits.duration_max.as_millis() * u128::from(from_hz) / 1_000;
        Ok(Self {
            resampler: (from_hz != to_hz).then_some(resampler),
            from_hz,
            to_hz,
            taken: 0,
            taken_max: u64::try_from(taken_max).unwrap_or(u64::MAX),
            seconds_max: limits.duration_max.as_secs(),
            out: Vec::new(),
        })
    }

    /// The rate this sink was opened for.
    pub(super) fn input_rate_hz(&self) -> u32 {
        self.from_hz
    }

    pub(super) fn push(&mut self, mono: &[i16]) -> Result<(), ReadError> {
        self.taken += mono.len() as u64;
        if self.taken > self.taken_max {
            return Err(ReadError::TooLong { seconds_max: self.seconds_max });
        }
        match &mut self.resampler {
            None => self.out.extend_from_slice(mono),
            Some(resampler) => convert(resampler, mono, &mut self.out),
        }
        Ok(())
    }

    /// Pushes the resampler's tail out and takes its delay off the front.
    pub(super) fn finish(mut self) -> Clip {
        if let Some(mut resampler) = self.resampler.take() {
            let delay = resampler.delay_samples();
            let length = (self.taken * u64::from(self.to_hz)).div_ceil(u64::from(self.from_hz)) as usize;
            while self.out.len() < length + delay {
                convert(&mut resampler, &[0; 256], &mut self.out);
            }
            self.out.drain(..delay);
            self.out.truncate(length);
        }
        Clip { rate_hz: self.to_hz, samples: self.out }
    }
}

fn convert(resampler: &mut Resampler, input: &[i16], out: &mut Vec<i16>) {
    let begin = out.len();
    out.resize(begin + resampler.output_len_max(input.len()), 0);
    let produced = out.get_mut(begin..).map_or(0, |room| resampler.process(input, room).produced);
    out.truncate(begin + produced);
}
