//! Voices: flite and espeak-ng with their pace and pitch varied, each sentence spoken once and kept; and a plain
//! synthesiser of vowels, which needs no program.

use super::dice::Dice;
use super::sound::{Sound, at_level, silence};
use audio::{ClipLimits, read_clip_at};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where sentences are kept.
const CACHE: &str = "target/bench/amd-voices";
const FLITE: &[&str] = &["kal", "kal16", "awb", "rms", "slt"];
const ESPEAK: &[&str] = &["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029"];
const VARIANTS: &[&str] = &["", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+f1", "+f2", "+f3", "+f4"];

/// Whose voices speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choir {
    /// flite and espeak-ng.
    Programs,
    /// The plain synthesiser.
    Plain,
}

/// One speaker.
#[derive(Debug, Clone, Hash)]
pub(super) enum Voice {
    Flite { name: &'static str, stretch_percent: usize },
    Espeak { name: String, words_a_minute: usize, pitch: usize },
    Plain { pitch_hz: usize, seed: u64 },
}

impl Voice {
    /// Anybody.
    pub(super) fn any(choir: Choir, dice: &mut Dice) -> Self {
        match choir {
            Choir::Plain => Self::Plain { pitch_hz: 90 + dice.below(140), seed: dice.seed() },
            Choir::Programs if dice.percent(50) => {
                Self::Flite { name: dice.pick(FLITE), stretch_percent: 85 + 5 * dice.below(7) }
            }
            Choir::Programs => {
                let name = format!("{}{}", dice.pick(ESPEAK), dice.pick(VARIANTS));
                Self::Espeak {
                    name,
                    words_a_minute: 145 + 10 * dice.below(6),
                    pitch: 35 + 10 * dice.below(4),
                }
            }
        }
    }

    /// A sentence at −20 dBFS, without silence around it.
    pub(super) fn say(&self, text: &str) -> Result<Sound, String> {
        let spoken = match self {
            Self::Plain { pitch_hz, seed } => plain(text, *pitch_hz as f32, *seed),
            Self::Flite { .. } | Self::Espeak { .. } => self.kept(text)?,
        };
        Ok(at_level(trimmed(&spoken), -20.0))
    }

    fn kept(&self, text: &str) -> Result<Sound, String> {
        let mut hasher = DefaultHasher::new();
        (self, text).hash(&mut hasher);
        let path = PathBuf::from(CACHE).join(format!("{:016x}.wav", hasher.finish()));
        if !path.exists() {
            std::fs::create_dir_all(CACHE).map_err(|error| format!("{CACHE}: {error}"))?;
            let fresh = path.with_extension(format!("{}.new", std::process::id()));
            self.speak(text, &fresh)?;
            std::fs::rename(&fresh, &path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let clip = read_clip_at(&bytes, &ClipLimits::default(), 8_000).map_err(|error| error.to_string())?;
        Ok(clip.samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect())
    }

    fn speak(&self, text: &str, path: &std::path::Path) -> Result<(), String> {
        let mut command = match self {
            Self::Flite { name, stretch_percent } => {
                let mut command = Command::new("flite");
                let stretch = format!("duration_stretch={}", *stretch_percent as f32 / 100.0);
                command.args(["-voice", name, "--setf", &stretch, "-t", text, "-o"]).arg(path);
                command
            }
            Self::Espeak { name, words_a_minute, pitch } => {
                let mut command = Command::new("espeak-ng");
                command.args(["-v", name, "-s", &words_a_minute.to_string(), "-p", &pitch.to_string(), "-w"]);
                command.arg(path).arg(text);
                command
            }
            Self::Plain { .. } => return Err("this voice needs no program".to_owned()),
        };
        let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        match done {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{self:?} said nothing: {status}")),
            Err(error) => Err(format!("{self:?}: {error}; apt-get install flite espeak-ng")),
        }
    }
}

/// Without the silence at either end.
fn trimmed(sound: &[f32]) -> Sound {
    let peak = sound.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let loud = |sample: &f32| sample.abs() > peak * 0.02;
    let start = sound.iter().position(loud).unwrap_or(0);
    let end = sound.iter().rposition(loud).map_or(0, |at| at + 1);
    sound.get(start..end).unwrap_or_default().to_vec()
}

/// Vowels and hisses in place of syllables: a buzz through two resonances, about as long as the words would be.
fn plain(text: &str, pitch_hz: f32, seed: u64) -> Sound {
    let mut dice = Dice::new(seed, 77);
    let mut sound = Sound::new();
    for word in text.split_whitespace() {
        let letters = word.chars().filter(|letter| letter.is_alphabetic()).count().max(1);
        for _ in 0..letters.div_ceil(4) {
            syllable(&mut sound, pitch_hz, &mut dice);
        }
        if word.ends_with(['.', '?', '!']) {
            sound.extend(silence(350));
        } else if word.ends_with(',') {
            sound.extend(silence(180));
        }
    }
    sound
}

fn syllable(sound: &mut Sound, pitch_hz: f32, dice: &mut Dice) {
    for _ in 0..(dice.between(30.0, 60.0) * 8.0) as usize {
        sound.push(dice.noise() * 0.03);
    }
    let formants = [dice.between(300.0, 800.0), dice.between(900.0, 2_300.0)];
    let length = dice.between(90.0, 160.0) * 8.0;
    // No voice stands still.
    let glide = if dice.percent(70) { dice.between(-0.3, -0.12) } else { dice.between(0.12, 0.2) };
    let mut phase = 0.0_f32;
    let mut states = [[0.0_f32; 2]; 2];
    for n in 0..length as usize {
        let along = n as f32 / length;
        phase += pitch_hz * (1.0 + glide * along) / 8_000.0;
        let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
        phase = phase.fract();
        let mut sample = 0.0;
        for (state, hz) in states.iter_mut().zip(formants) {
            let [last, before] = *state;
            let radius = 0.965_f32;
            let out = pulse + 2.0 * radius * (std::f32::consts::TAU * hz / 8_000.0).cos() * last
                - radius * radius * before;
            *state = [out, last];
            sample += out;
        }
        sound.push(sample * (along * std::f32::consts::PI).sin() * 0.1);
    }
}
