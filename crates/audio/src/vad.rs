//! Voice activity on 20 ms frames at 8 kHz: energy and zero crossings against a noise floor that follows the
//! line. Tells voice from silence and steady noise, not from music.

use crate::level::SILENCE_DBFS;

/// How a detector judges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadConfig {
    /// Level in dBFS below which nothing is voice.
    pub level_min_dbfs: f32,
    /// How far above the noise floor voice must be, in dB.
    pub above_noise_db: f32,
    /// Consecutive loud frames before voice is reported.
    pub attack_frames: u32,
    /// Frames that voice outlasts its last loud frame.
    pub hangover_frames: u32,
}

impl Default for VadConfig {
    fn default() -> Self {
        Self { level_min_dbfs: -50.0, above_noise_db: 9.0, attack_frames: 2, hangover_frames: 10 }
    }
}

/// Verdict on one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    /// Whether somebody speaks.
    pub voice: bool,
    /// Level of the frame in dBFS without its constant part (0 is a full-scale square wave); −96 for silence.
    pub level_dbfs: f32,
}

/// The floor is the quietest frame of so many windows of so many frames, together 1.5 s: speech pauses within
/// that time, steady noise does not.
const WINDOWS: usize = 5;
const WINDOW_FRAMES: u32 = 15;
/// Floor before anything was heard, so that somebody who speaks at once is heard at once.
const FLOOR_INITIAL_DBFS: f32 = -60.0;
/// Share of samples that change sign above which a frame sounds like hiss and must be louder by so much.
const HISS_CROSSINGS: f32 = 0.42;
const HISS_MARGIN_DB: f32 = 4.0;

/// Detector of one stream.
#[derive(Clone, Debug)]
pub struct Vad {
    config: VadConfig,
    /// Quietest level of each finished window.
    quietest: [f32; WINDOWS],
    next_window: usize,
    window_quietest: f32,
    window_frames: u32,
    loud_frames: u32,
    hangover: u32,
}

impl Vad {
    /// A detector that has heard nothing.
    pub fn new(config: VadConfig) -> Self {
        Self {
            config,
            quietest: [FLOOR_INITIAL_DBFS; WINDOWS],
            next_window: 0,
            window_quietest: 0.0,
            window_frames: 0,
            loud_frames: 0,
            hangover: 0,
        }
    }

    /// Judges one frame.
    pub fn on_frame(&mut self, frame: &[i16]) -> Activity {
        let (level_dbfs, crossings) = measure(frame);
        let hiss_db = if crossings > HISS_CROSSINGS { HISS_MARGIN_DB } else { 0.0 };
        let threshold =
            (self.noise_floor_dbfs() + self.config.above_noise_db).max(self.config.level_min_dbfs) + hiss_db;
        self.follow_floor(level_dbfs);
        if level_dbfs >= threshold {
            self.loud_frames = self.loud_frames.saturating_add(1);
            // While voice lasts, one loud frame keeps it.
            if self.loud_frames >= self.config.attack_frames || self.hangover > 0 {
                self.hangover = self.config.hangover_frames.saturating_add(1);
            }
        } else {
            self.loud_frames = 0;
        }
        let voice = self.hangover > 0;
        self.hangover = self.hangover.saturating_sub(1);
        Activity { voice, level_dbfs }
    }

    /// The level of the line's noise, in dBFS.
    pub fn noise_floor_dbfs(&self) -> f32 {
        self.quietest.iter().copied().fold(0.0, f32::min)
    }

    fn follow_floor(&mut self, level_dbfs: f32) {
        self.window_quietest = self.window_quietest.min(level_dbfs);
        self.window_frames += 1;
        if self.window_frames < WINDOW_FRAMES {
            return;
        }
        if let Some(slot) = self.quietest.get_mut(self.next_window) {
            *slot = self.window_quietest;
        }
        self.next_window = (self.next_window + 1) % WINDOWS;
        self.window_quietest = 0.0;
        self.window_frames = 0;
    }
}

/// Level without the mean, and the share of samples that cross the mean.
fn measure(frame: &[i16]) -> (f32, f32) {
    let count = frame.len().max(1) as f32;
    let sum: i64 = frame.iter().copied().map(i64::from).sum();
    let mean = sum as f32 / count;
    let (mut energy, mut crossings, mut above) = (0.0_f32, 0_u32, None);
    for sample in frame {
        let value = f32::from(*sample) - mean;
        energy += value * value;
        let now_above = value >= 0.0;
        crossings += u32::from(above.is_some_and(|above| above != now_above));
        above = Some(now_above);
    }
    let level = 10.0 * (energy / count / (32_768.0 * 32_768.0)).log10();
    (level.max(SILENCE_DBFS), crossings as f32 / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{ToneGenerator, ToneSpec};

    fn seeded(seed: u32) -> impl FnMut() -> f32 {
        println!("seed {seed}");
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        }
    }

    /// Frames of low-passed noise at a level in dBFS; with `lull`, every sixth frame is 20 dB quieter, as
    /// syllables are.
    fn frames(seed: u32, count: usize, level_dbfs: f32, lull: bool) -> Vec<Vec<i16>> {
        let mut noise = seeded(seed);
        let mut last = 0.0;
        (0..count)
            .map(|n| {
                let level = if lull && n % 6 == 5 { level_dbfs - 20.0 } else { level_dbfs };
                // Uniform noise through this filter has a third of its power.
                let amplitude = 32_768.0 * 10.0_f32.powf(level / 20.0) * 3.0;
                (0..160)
                    .map(|_| {
                        last = 0.5 * last + 0.5 * noise() * amplitude;
                        last.clamp(-32_000.0, 32_000.0) as i16
                    })
                    .collect()
            })
            .collect()
    }

    fn voiced(vad: &mut Vad, frames: &[Vec<i16>]) -> Vec<bool> {
        frames.iter().map(|frame| vad.on_frame(frame).voice).collect()
    }

    #[test]
    fn speech_from_silence_is_heard_within_the_attack_and_ends_after_the_hangover() {
        let mut vad = Vad::new(VadConfig::default());
        assert!(voiced(&mut vad, &frames(1, 100, -75.0, false)).iter().all(|voice| !voice));
        let speech = voiced(&mut vad, &frames(2, 100, -25.0, true));
        assert_eq!(speech.iter().position(|voice| *voice), Some(1), "the second loud frame");
        assert!(speech[1..].iter().all(|voice| *voice));
        let silence = voiced(&mut vad, &frames(3, 50, -75.0, false));
        assert_eq!(silence.iter().filter(|voice| **voice).count(), 10);
        assert!(!silence[10]);
    }

    #[test]
    fn one_click_is_no_voice() {
        let mut vad = Vad::new(VadConfig::default());
        let mut sound = frames(4, 60, -75.0, false);
        sound[30] = [9_000, -9_000].repeat(80);
        assert!(voiced(&mut vad, &sound).iter().all(|voice| !voice));
    }

    #[test]
    fn steady_noise_becomes_the_floor_and_speech_stands_out_of_it() {
        for level in [-45.0, -38.0, -30.0] {
            let mut vad = Vad::new(VadConfig::default());
            let noise = voiced(&mut vad, &frames(5, 200, level, false));
            assert!(noise[100..].iter().all(|voice| !voice), "{level} dBFS of noise");
            let speech = voiced(&mut vad, &frames(6, 100, level + 15.0, true));
            assert!(speech[2..].iter().filter(|voice| **voice).count() >= 95, "speech over {level} dBFS");
        }
    }

    #[test]
    fn who_speaks_at_once_is_heard_at_once() {
        let mut vad = Vad::new(VadConfig::default());
        let speech = voiced(&mut vad, &frames(7, 300, -30.0, true));
        assert!(speech[1..].iter().all(|voice| *voice));
    }

    #[test]
    fn the_floor_falls_when_the_line_grows_quiet() {
        let mut vad = Vad::new(VadConfig::default());
        voiced(&mut vad, &frames(8, 200, -35.0, false));
        voiced(&mut vad, &frames(9, 100, -70.0, false));
        assert!(vad.noise_floor_dbfs() < -65.0, "{}", vad.noise_floor_dbfs());
        assert!(voiced(&mut vad, &frames(10, 10, -40.0, true))[2]);
    }

    #[test]
    fn constants_and_silence_are_silent() {
        let mut vad = Vad::new(VadConfig::default());
        for sample in [0, 5_000, i16::MIN, i16::MAX] {
            let activity = vad.on_frame(&[sample; 160]);
            assert_eq!((activity.voice, activity.level_dbfs), (false, SILENCE_DBFS));
        }
        assert_eq!(vad.on_frame(&[]).level_dbfs, SILENCE_DBFS);
    }

    #[test]
    fn levels_are_those_of_the_frame() {
        let mut generator = ToneGenerator::new(ToneSpec::sine(1_000.0, -17.0, 1_000), 8_000);
        let mut frame = [0; 160];
        generator.fill(&mut frame);
        let level = Vad::new(VadConfig::default()).on_frame(&frame).level_dbfs;
        assert!((level + 20.0).abs() < 0.1, "{level}");
    }
}
