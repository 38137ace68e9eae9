//! PocketSphinx: English, offline, a program of its own for each utterance or batch of them. Where words are expected it
//! is given a grammar of them, and how well they fit is told from how well any sounds would.

use crate::figures;
use crate::lexicon::{Lexicon, without_number};
use crate::program::{Program, ProgramError, Runner, Scratch};
use crate::utterances::{self, Span};
use crate::wideband::{NARROW_HZ, widen};
use model::speech::{Segment, Transcript};
use ports::speech::SttRequest;
use ports::{Stt, SttError};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

const ENGINE: &str = "pocketsphinx";
/// Most sound given to one run; its working directory holds twice the samples.
const BATCH_MS: u32 = 5 * 60_000;
/// Most bytes read of what a run wrote.
const RESULT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How much longer than the sound a run may take, beside the limit of an utterance: a slow machine needs 0.3 of it.
const TIMES_SLOWER: u32 = 3;
/// Mean difference of the scores a frame (of 10 ms) below which what was said is none of what was expected. Measured on
/// four voices of flite over G.711: expected words lie above -0.7, other speech mostly below -2.
const FIT_MIN: f32 = -0.7;
/// The difference at which it is as likely as not that it fits, and over which it becomes sure.
const FIT_EVEN: f32 = 0.5;
const FIT_SPREAD: f32 = 1.5;
/// Samples of a frame at 16 kHz.
const FRAME: usize = 160;

/// Where the program is, and its limits.
#[derive(Debug, Clone)]
pub struct PocketSphinxConfig {
    /// `pocketsphinx_batch`, its name or path.
    pub program: PathBuf,
    /// The folder with the acoustic model `en-us`, `en-us.lm.bin` and `cmudict-en-us.dict`.
    pub model: PathBuf,
    /// Most programs at once.
    pub concurrency: usize,
    /// Most requests that wait for a program; one more is refused as busy.
    pub queue_max: usize,
    /// A run over one utterance that takes longer is killed; one over a recording has more by its length.
    pub timeout: Duration,
    /// Where the working directories of running programs are made.
    pub work_dir: PathBuf,
}

impl Default for PocketSphinxConfig {
    fn default() -> Self {
        Self {
            program: PathBuf::from("pocketsphinx_batch"),
            model: PathBuf::from("/usr/share/pocketsphinx/model/en-us"),
            concurrency: std::thread::available_parallelism().map_or(1, usize::from),
            queue_max: 64,
            timeout: Duration::from_secs(15),
            work_dir: std::env::temp_dir(),
        }
    }
}

/// The engine behind the seam.
#[derive(Debug)]
pub struct PocketSphinx {
    program: Program,
    runner: Runner,
    model: PathBuf,
    timeout: Duration,
    dictionary: OnceCell<Arc<str>>,
}

/// What a run understood of one utterance.
#[derive(Debug, Clone, PartialEq, Default)]
struct Understood {
    text: String,
    confidence: Option<f32>,
    score: Option<f32>,
}

impl PocketSphinx {
    /// Starts nothing: a missing program is found by [`Stt::check`] or when it is needed.
    pub fn new(config: PocketSphinxConfig) -> Self {
        figures::describe_listening();
        let program = Program {
            engine: ENGINE,
            path: config.program,
            remedy: "apt-get install pocketsphinx pocketsphinx-en-us",
        };
        // It writes no sound.
        let runner = Runner::new(config.concurrency, config.queue_max, config.timeout, 0, config.work_dir);
        Self { program, runner, model: config.model, timeout: config.timeout, dictionary: OnceCell::new() }
    }

    async fn understand(&self, request: &SttRequest) -> Result<Transcript, SttError> {
        self.understands(&request.locale)?;
        let _turn = self.runner.turn().await?;
        let _program = figures::Running::begin();
        let scratch = self.runner.scratch()?;
        let mut segments = Vec::new();
        for speaker in 0..request.sound.channels.clamp(1, 2) {
            let samples = request.sound.channel(speaker);
            let rate_hz = request.sound.rate_hz;
            if request.single {
                let heard = self.one(&samples, rate_hz, &request.hints, &scratch).await?;
                let end_ms = u32::try_from(request.sound.duration().as_millis()).unwrap_or(u32::MAX);
                segments.push(heard.segment(0..end_ms, speaker));
            } else {
                segments.extend(self.many(&samples, rate_hz, speaker, &scratch).await?);
            }
        }
        segments.retain(|segment| !segment.text.expose().is_empty());
        segments.sort_by_key(|segment| (segment.start_ms, segment.speaker));
        Ok(Transcript { segments })
    }

    /// Understands one utterance: as one of the expected phrases if it fits, else whatever it may be.
    async fn one(
        &self,
        samples: &[i16],
        rate_hz: u32,
        hints: &[String],
        scratch: &Scratch,
    ) -> Result<Understood, SttError> {
        let wide = widen(samples, rate_hz).map_err(|error| SttError::Failed(error.to_string()))?;
        scratch.write("0.raw", &bytes_of(&wide))?;
        scratch.write("list", b"0\n")?;
        if let Some(expected) = self.expected(hints, &wide, scratch).await? {
            return Ok(expected);
        }
        Ok(self.freely(scratch, self.timeout).await?.remove("0").unwrap_or_default())
    }

    /// What of the expected phrases was said; none if it was something else.
    async fn expected(
        &self,
        hints: &[String],
        wide: &[i16],
        scratch: &Scratch,
    ) -> Result<Option<Understood>, SttError> {
        if hints.is_empty() {
            return Ok(None);
        }
        let Some(lexicon) = Lexicon::of_hints(hints, &self.dictionary().await?) else { return Ok(None) };
        let expected = self.by_grammar(&lexicon, scratch).await?;
        let anything = self.by_grammar(&Lexicon::of_phones(), scratch).await?;
        let (Some(score), Some(reference)) = (expected.score, anything.score) else { return Ok(None) };
        let fit = (score - reference) / (wide.len() / FRAME).max(1) as f32;
        let confidence = 1.0 / (1.0 + (-(fit - FIT_EVEN) / FIT_SPREAD).exp());
        let fits = fit >= FIT_MIN && !expected.text.is_empty();
        Ok(fits.then_some(Understood { confidence: Some(confidence), ..expected }))
    }

    /// Understands a whole recording, batch by batch.
    async fn many(
        &self,
        samples: &[i16],
        rate_hz: u32,
        speaker: u8,
        scratch: &Scratch,
    ) -> Result<Vec<Segment>, SttError> {
        let failed = |error: audio::resample::UnsupportedRate| SttError::Failed(error.to_string());
        let narrow = audio::resample::resample_clip(samples, rate_hz, NARROW_HZ).map_err(failed)?;
        let mut segments = Vec::new();
        for batch in batches(utterances::find(&narrow)) {
            let (mut list, mut length_ms) = (String::new(), 0);
            for span in &batch {
                let wide = widen(part(samples, rate_hz, span), rate_hz).map_err(failed)?;
                scratch.write(&format!("{}.raw", span.start), &bytes_of(&wide))?;
                list.push_str(&format!("{}\n", span.start));
                length_ms += span.end - span.start;
            }
            scratch.write("list", list.as_bytes())?;
            let limit = self.timeout + Duration::from_millis(length_ms.into()) * TIMES_SLOWER;
            let mut understood = self.freely(scratch, limit).await?;
            for span in batch {
                scratch.remove(&format!("{}.raw", span.start));
                let heard = understood.remove(&span.start.to_string()).unwrap_or_default();
                segments.push(heard.segment(span, speaker));
            }
        }
        Ok(segments)
    }

    /// Runs over the listed utterances with the language model.
    async fn freely(
        &self,
        scratch: &Scratch,
        limit: Duration,
    ) -> Result<BTreeMap<String, Understood>, SttError> {
        let words = [
            (OsStr::new("-lm"), self.model.join("en-us.lm.bin")),
            (OsStr::new("-dict"), self.dictionary_path()),
            (OsStr::new("-ctm"), PathBuf::from("words")),
        ];
        self.run(&words, scratch, limit).await?;
        let words = scratch.read("words", RESULT_BYTES_MAX).unwrap_or_default();
        Ok(read_words(&words))
    }

    /// Runs over the one utterance with a grammar.
    async fn by_grammar(&self, lexicon: &Lexicon, scratch: &Scratch) -> Result<Understood, SttError> {
        scratch.write("grammar", lexicon.grammar.as_bytes())?;
        scratch.write("dictionary", lexicon.dictionary.as_bytes())?;
        let words = [
            (OsStr::new("-jsgf"), PathBuf::from("grammar")),
            (OsStr::new("-dict"), PathBuf::from("dictionary")),
            (OsStr::new("-hyp"), PathBuf::from("said")),
        ];
        self.run(&words, scratch, self.timeout).await?;
        let said = scratch.read("said", RESULT_BYTES_MAX).unwrap_or_default();
        Ok(read_said(&said))
    }

    async fn run(
        &self,
        words: &[(&OsStr, PathBuf)],
        scratch: &Scratch,
        limit: Duration,
    ) -> Result<(), ProgramError> {
        let acoustics = self.model.join("en-us");
        let mut arguments: Vec<&OsStr> =
            ["-adcin", "yes", "-cepdir", ".", "-cepext", ".raw", "-ctl", "list", "-logfn", "log", "-hmm"]
                .map(OsStr::new)
                .to_vec();
        arguments.push(acoustics.as_os_str());
        arguments.extend(words.iter().flat_map(|(flag, value)| [*flag, value.as_os_str()]));
        let ran = self.runner.run(&self.program, &arguments, scratch, limit).await;
        ran.map_err(|error| match error {
            ProgramError::Failed(why) => ProgramError::Failed(complaint(scratch).unwrap_or(why)),
            other => other,
        })
    }

    fn dictionary_path(&self) -> PathBuf {
        self.model.join("cmudict-en-us.dict")
    }

    async fn dictionary(&self) -> Result<Arc<str>, SttError> {
        let path = self.dictionary_path();
        let read = || async {
            let text = tokio::fs::read_to_string(&path).await;
            text.map(Arc::from).map_err(|_| SttError::from(self.program.missing()))
        };
        self.dictionary.get_or_try_init(read).await.cloned()
    }
}

#[async_trait::async_trait]
impl Stt for PocketSphinx {
    async fn transcribe(&self, request: &SttRequest) -> Result<Transcript, SttError> {
        let begun = Instant::now();
        let transcript = self.understand(request).await;
        figures::understood(ENGINE, transcript.as_ref().map(drop), begun.elapsed());
        transcript
    }

    fn understands(&self, locale: &str) -> Result<(), SttError> {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("en") {
            return Ok(());
        }
        let locale = locale.chars().take(64).collect();
        Err(SttError::UnknownLocale { locale, understood: "English (en-US)".to_owned() })
    }

    async fn check(&self) -> Vec<String> {
        let remedy = self.program.remedy;
        // Without arguments it says how it is used, and fails.
        let program = self.runner.print(&self.program, &[]).await;
        let missing = matches!(program, Err(ProgramError::Missing { .. }));
        if missing || !self.dictionary_path().is_file() {
            return vec![format!(
                "pocketsphinx is not installed: nothing said is understood; remedy: {remedy}"
            )];
        }
        Vec::new()
    }
}

impl Understood {
    fn segment(self, span: Span, speaker: u8) -> Segment {
        let Self { text, confidence, .. } = self;
        let confidence = confidence.filter(|_| !text.is_empty());
        Segment { start_ms: span.start, end_ms: span.end, speaker, text: text.into(), confidence }
    }
}

/// What a run writes by `-ctm`: a line a word, with utterance, channel, start, length, word and how sure it is.
fn read_words(lines: &str) -> BTreeMap<String, Understood> {
    let mut words: BTreeMap<String, Vec<(&str, f32)>> = BTreeMap::new();
    for line in lines.lines() {
        let mut fields = line.split_whitespace();
        let (Some(utterance), Some(word), Some(sure)) = (fields.next(), fields.nth(3), fields.next()) else {
            continue;
        };
        let word = without_number(word);
        let spoken = !word.starts_with(['<', '[', '+']) && !word.is_empty();
        if let (true, Ok(sure)) = (spoken, sure.parse::<f32>()) {
            words.entry(utterance.to_owned()).or_default().push((word, sure.clamp(0.0, 1.0)));
        }
    }
    let understood = |words: Vec<(&str, f32)>| {
        let sure = words.iter().map(|(_, sure)| sure).sum::<f32>() / words.len().max(1) as f32;
        let text = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" ");
        Understood { text, confidence: Some(sure), score: None }
    };
    words.into_iter().map(|(utterance, words)| (utterance, understood(words))).collect()
}

/// What a run writes by `-hyp`: `words (utterance score)`, the words left out where nothing fits.
fn read_said(line: &str) -> Understood {
    let read = || {
        let (text, rest) = line.lines().next()?.rsplit_once('(')?;
        let score = rest.trim_end_matches(')').split_whitespace().next_back()?.parse().ok()?;
        Some(Understood { text: text.trim().to_owned(), confidence: None, score: Some(score) })
    };
    read().filter(|said| !said.text.is_empty()).unwrap_or_default()
}

/// The program's last word on why it failed.
fn complaint(scratch: &Scratch) -> Option<String> {
    let log = scratch.read("log", RESULT_BYTES_MAX)?;
    let line = log.lines().rfind(|line| line.contains("ERROR") || line.contains("FATAL"))?;
    Some(line.chars().take(200).collect())
}

/// Utterances in order, as many together as one run may take.
fn batches(spans: Vec<Span>) -> Vec<Vec<Span>> {
    let mut batches: Vec<Vec<Span>> = Vec::new();
    let mut length_ms = 0;
    for span in spans {
        let span_ms = span.end - span.start;
        match batches.last_mut() {
            Some(last) if length_ms + span_ms <= BATCH_MS => last.push(span),
            _ => {
                batches.push(vec![span]);
                length_ms = 0;
            }
        }
        length_ms += span_ms;
    }
    batches
}

/// The samples of a span; less where the sound ends before.
fn part<'s>(samples: &'s [i16], rate_hz: u32, span: &Span) -> &'s [i16] {
    let at = |ms: u32| usize::try_from(u64::from(ms) * u64::from(rate_hz) / 1_000).unwrap_or(usize::MAX);
    let end = at(span.end).min(samples.len());
    samples.get(at(span.start).min(end)..end).unwrap_or_default()
}

fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_with_how_sure_they_are() {
        let lines =
            "7 1 0.50 0.27 then(2) 0.25\n7 1 0.9 0.2 <sil> 0.9\n7 1 1.0 0.1 who 0.75\nrubbish\n9 1 0 0 a x\n";
        let read = read_words(lines);
        assert_eq!(read.len(), 1);
        let wanted = Understood { text: "then who".into(), confidence: Some(0.5), score: None };
        assert_eq!(read["7"], wanted);
    }

    #[test]
    fn what_fits_no_grammar_is_nothing() {
        let check = |line: &str, text: &str, score: Option<f32>| {
            let said = read_said(line);
            assert_eq!((said.text.as_str(), said.score), (text, score), "{line}");
        };
        check("talk to sales (0 -4419)\n", "talk to sales", Some(-4_419.0));
        check(" (0 -6233)\n", "", None);
        check("", "", None);
        check("yes", "", None);
    }

    #[test]
    fn a_run_takes_so_much_sound() {
        let minutes = |from: u32, to: u32| from * 60_000..to * 60_000;
        let found = batches(vec![minutes(0, 2), minutes(3, 5), minutes(5, 7), minutes(8, 20)]);
        assert_eq!(found, [vec![minutes(0, 2), minutes(3, 5)], vec![minutes(5, 7)], vec![minutes(8, 20)]]);
        assert_eq!(part(&[1, 2, 3, 4], 1_000, &(1..3)), [2, 3]);
        assert_eq!(part(&[1, 2, 3, 4], 1_000, &(3..9)), [4]);
        assert_eq!(part(&[1, 2], 1_000, &(3..9)), [0i16; 0]);
    }
}
