//! Tones from integer arithmetic, the same on every machine: sines, pairs, cadences, DTMF, ringback, beep.

/// Most on/off pairs in a cadence.
pub const CADENCE_MAX: usize = 4;

/// A tone: up to two sines, switched on and off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneSpec {
    /// Frequencies in Hz; 0 for none.
    pub frequencies_hz: [f32; 2],
    /// Level of each sine in dB relative to a full-scale sine; negative.
    pub level_db: f32,
    /// Milliseconds on and off, in turn; unused pairs are (0, 0). All unused: on for ever.
    pub cadence_ms: [(u32, u32); CADENCE_MAX],
    /// Whether the cadence begins again after its end.
    pub repeat: bool,
}

impl ToneSpec {
    /// A single sine of limited length.
    pub fn sine(frequency_hz: f32, level_db: f32, duration_ms: u32) -> Self {
        Self {
            frequencies_hz: [frequency_hz, 0.0],
            level_db,
            cadence_ms: [(duration_ms, 0), (0, 0), (0, 0), (0, 0)],
            repeat: false,
        }
    }

    /// A DTMF digit (ITU-T Q.23) of `on_ms` followed by `off_ms` of silence; `None` if it is no digit.
    pub fn dtmf(digit: char, on_ms: u32, off_ms: u32) -> Option<Self> {
        let (low, high) = dtmf_pair(digit)?;
        Some(Self {
            frequencies_hz: [low, high],
            level_db: -10.0,
            cadence_ms: [(on_ms, off_ms), (0, 0), (0, 0), (0, 0)],
            repeat: false,
        })
    }

    /// North American ringback: 440 + 480 Hz, 2 s on, 4 s off.
    pub fn ringback_us() -> Self {
        Self::sine(440.0, -19.0, 2_000)
    }

    /// European ringback (ETSI TR 101 041-2): 425 Hz, 1 s on, 4 s off.
    pub fn ringback_eu() -> Self {
        Self::sine(425.0, -16.0, 1_000)
    }

    /// Busy tone, North America: 480 + 620 Hz, 0.5 s on, 0.5 s off.
    pub fn busy_us() -> Self {
        Self::sine(480.0, -19.0, 500)
    }

    /// The beep before a recording: 1 kHz, 400 ms.
    pub fn beep() -> Self {
        Self::sine(1_000.0, -12.0, 400)
    }
}

/// Low and high frequency in Hz of a digit `0`–`9`, `*`, `#`, `A`–`D` (either case).
pub fn dtmf_pair(digit: char) -> Option<(f32, f32)> {
    let _ = digit;
    None
}

/// Plays one tone.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    spec: ToneSpec,
}

impl ToneGenerator {
    /// A generator at the tone's beginning.
    pub fn new(spec: ToneSpec, rate_hz: u32) -> Self {
        let _ = rate_hz;
        Self { spec }
    }

    /// Writes the next samples; returns how many, less than `out` holds only when the tone is over.
    pub fn fill(&mut self, out: &mut [i16]) -> usize {
        let _ = (out, self.spec);
        0
    }
}
