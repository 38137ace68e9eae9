//! Speaking without any account: flite for English, espeak-ng for everything else, and for English too where flite
//! is missing.

use crate::cache::Cache;
use crate::espeak::{self, Espeak};
use crate::figures;
use crate::flite::Flite;
use crate::program::Runner;
use bytes::Bytes;
use ports::{Tts, TtsError, Utterance};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Longest text in characters.
const TEXT_CHARS_MAX: usize = 4_096;
/// What an order may say in place of a voice's name: any voice of the language that sounds like a woman's or a man's.
const FEMALE: &str = "female";
const MALE: &str = "male";
/// The voices flite usually has: known by name even where it is missing.
const FLITE_VOICES: [&str; 5] = ["slt", "kal", "kal16", "rms", "awb"];

/// Where the engines are, and their limits.
#[derive(Debug, Clone)]
pub struct OfflineConfig {
    /// flite's name or path.
    pub flite: PathBuf,
    /// espeak-ng's name or path.
    pub espeak: PathBuf,
    /// Most programs at once.
    pub concurrency: usize,
    /// Most texts that wait for a program; one more is refused as busy.
    pub queue_max: usize,
    /// A program that takes longer is killed.
    pub timeout: Duration,
    /// Most memory for what was spoken before.
    pub cache_bytes_max: usize,
    /// Longest wav file of one text.
    pub output_bytes_max: u64,
    /// Where the working directories of running programs are made.
    pub work_dir: PathBuf,
}

impl Default for OfflineConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            flite: PathBuf::from("flite"),
            espeak: PathBuf::from("espeak-ng"),
            concurrency: cores * 2,
            queue_max: 64,
            timeout: Duration::from_secs(10),
            cache_bytes_max: 64 * 1024 * 1024,
            output_bytes_max: 32 * 1024 * 1024,
            work_dir: std::env::temp_dir(),
        }
    }
}

/// The offline engines behind the seam.
#[derive(Debug)]
pub struct OfflineTts {
    engines: Arc<Engines>,
    cache: Cache<Order>,
}

#[derive(Debug)]
struct Engines {
    flite: Flite,
    espeak: Espeak,
    runner: Runner,
}

/// What is spoken by whom: all that the sound depends on. A voice has one language, so the locale is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Order {
    voice: ChosenVoice,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ChosenVoice {
    Flite(String),
    Espeak(String),
}

impl OfflineTts {
    /// Starts nothing and asks nothing: a missing engine is found by [`Tts::check`] or when it is needed.
    pub fn new(config: OfflineConfig) -> Self {
        let runner = Runner::new(
            config.concurrency,
            config.queue_max,
            config.timeout,
            config.output_bytes_max,
            config.work_dir,
        );
        figures::describe();
        let engines = Engines { flite: Flite::new(config.flite), espeak: Espeak::new(config.espeak), runner };
        Self { engines: Arc::new(engines), cache: Cache::new(config.cache_bytes_max) }
    }
}

#[async_trait::async_trait]
impl Tts for OfflineTts {
    async fn speak(&self, utterance: &Utterance) -> Result<Bytes, TtsError> {
        let text = speakable(&utterance.text)?;
        let voice = self.engines.choose(&utterance.locale, utterance.voice.as_deref()).await?;
        let order = Order { voice, text };
        let engines = Arc::clone(&self.engines);
        self.cache.get(order.clone(), || async move { engines.speak(order).await }).await
    }

    async fn check(&self) -> Vec<String> {
        let Engines { flite, espeak, runner } = &*self.engines;
        let english = flite.voices(runner).await.is_ok_and(|voices| !voices.is_empty());
        let others = espeak.voices(runner).await.is_ok_and(|voices| !voices.is_empty());
        let (get_flite, get_espeak) = (flite.remedy(), espeak.remedy());
        match (english, others) {
            (true, true) => Vec::new(),
            (false, true) => {
                vec![format!("flite is not installed: espeak-ng speaks English instead; remedy: {get_flite}")]
            }
            (true, false) => {
                vec![format!("espeak-ng is not installed: only English can be spoken; remedy: {get_espeak}")]
            }
            (false, false) => vec![
                format!("flite is not installed: nothing can be spoken; remedy: {get_flite}"),
                format!("espeak-ng is not installed: nothing can be spoken; remedy: {get_espeak}"),
            ],
        }
    }
}

/// The text without control characters; refused when nothing is left or it is too long.
fn speakable(text: &str) -> Result<String, TtsError> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(TtsError::Failed(format!("the text has more than {TEXT_CHARS_MAX} characters")));
    }
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().is_empty() {
        return Err(TtsError::Failed("the text is empty".to_owned()));
    }
    Ok(text)
}

impl Engines {
    async fn choose(&self, locale: &str, voice: Option<&str>) -> Result<ChosenVoice, TtsError> {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        if !language.eq_ignore_ascii_case("en") {
            return self.choose_espeak(locale, voice).await;
        }
        let voices = match self.flite.voices(&self.runner).await {
            Ok(voices) => voices,
            // A voice that only flite has cannot be replaced; any other is as good as the next.
            Err(_) if voice.is_some_and(|name| FLITE_VOICES.contains(&name)) => {
                return Err(self.flite.missing());
            }
            Err(_) => return self.choose_espeak(locale, voice).await.map_err(|error| self.name_flite(error)),
        };
        let chosen = match voice {
            Some(FEMALE) => Flite::first_of(voices, &["slt"]).or(Flite::default_voice(voices)),
            Some(MALE) => Flite::first_of(voices, &["rms", "kal16", "kal"]).or(Flite::default_voice(voices)),
            Some(name) => Flite::first_of(voices, &[name]),
            None => Flite::default_voice(voices),
        };
        match chosen {
            Some(name) => Ok(ChosenVoice::Flite(name.to_owned())),
            None => match self.choose_espeak(locale, voice).await {
                Err(TtsError::NotInstalled { .. }) => Err(voice
                    .map_or_else(|| self.flite.missing(), |name| TtsError::UnknownVoice(name.to_owned()))),
                chosen => chosen,
            },
        }
    }

    /// For English the engine to install is flite, whichever was missed last.
    fn name_flite(&self, error: TtsError) -> TtsError {
        if matches!(error, TtsError::NotInstalled { .. }) { self.flite.missing() } else { error }
    }

    async fn choose_espeak(&self, locale: &str, voice: Option<&str>) -> Result<ChosenVoice, TtsError> {
        let voices = self.espeak.voices(&self.runner).await?;
        let of_locale = espeak::for_locale(voices, locale)
            .ok_or_else(|| TtsError::UnknownLocale(locale.chars().take(64).collect()))?;
        let file = match voice {
            Some(FEMALE) => format!("{}{}", of_locale.file, espeak::FEMALE_VARIANT),
            Some(MALE) => format!("{}{}", of_locale.file, espeak::MALE_VARIANT),
            Some(name) => espeak::named(voices, name)
                .ok_or_else(|| TtsError::UnknownVoice(name.chars().take(64).collect()))?
                .file
                .clone(),
            None => of_locale.file.clone(),
        };
        Ok(ChosenVoice::Espeak(file))
    }

    async fn speak(&self, order: Order) -> Result<Bytes, TtsError> {
        let wav = match &order.voice {
            ChosenVoice::Flite(voice) => self.flite.speak(&self.runner, voice, &order.text).await?,
            ChosenVoice::Espeak(voice) => self.espeak.speak(&self.runner, voice, &order.text).await?,
        };
        Ok(Bytes::from(wav))
    }
}
