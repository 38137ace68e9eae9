//! Any server that understands speech the way OpenAI's does: `POST {url}/audio/transcriptions`, a wav file and a few
//! fields as a form, JSON back. The operator names it, so it may be anywhere; customers' URLs never come here.

use crate::figures;
use crate::utterances;
use audio::resample::resample_clip;
use audio::wav::write_wav;
use bytes::Bytes;
use model::Secret;
use model::speech::{Segment, Transcript};
use ports::speech::SttRequest;
use ports::{Egress, EgressError, EgressRequest, Stt, SttError};
use serde::Deserialize;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Cursor;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const ENGINE: &str = "openai";
/// Longest piece of a recording in one request: 9.6 MB at 8 kHz; servers take 25 MB.
const PIECE_MS: u32 = 10 * 60_000;
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest list of hints in characters; servers read some 224 tokens of it.
const PROMPT_CHARS_MAX: usize = 400;
/// A piece that is more likely than this not to be speech is none.
const NO_SPEECH_MIN: f32 = 0.9;

/// Where the server is, and its limits.
#[derive(Debug, Clone)]
pub struct OpenAiConfig {
    /// Up to the version, as in `https://api.openai.com/v1`.
    pub url: String,
    /// Sent as `Authorization: Bearer …`; none: nothing is sent.
    pub key: Option<Secret<String>>,
    /// The model's name there.
    pub model: String,
    /// Longest request over one utterance; one over a piece of a recording may take as long as the piece is, beside.
    pub timeout: Duration,
    /// Most requests at once; more wait.
    pub concurrency: usize,
    /// Most requests that wait; one more is refused as busy.
    pub queue_max: usize,
}

/// The server behind the seam.
pub struct OpenAiStt {
    config: OpenAiConfig,
    egress: Arc<dyn Egress>,
    running: Semaphore,
    admitted: Semaphore,
}

/// The answer: `verbose_json`, or `json` of those servers that know no other.
#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    segments: Vec<AnswerSegment>,
}

#[derive(Deserialize)]
struct AnswerSegment {
    start: f64,
    end: f64,
    text: String,
    avg_logprob: Option<f32>,
    no_speech_prob: Option<f32>,
}

impl OpenAiStt {
    /// Asks nothing of the server yet. `egress` must be allowed to reach it.
    pub fn new(config: OpenAiConfig, egress: Arc<dyn Egress>) -> Self {
        figures::describe_listening();
        let concurrency = config.concurrency.clamp(1, 1_024);
        let admitted = Semaphore::new(concurrency + config.queue_max.min(65_536));
        Self { config, egress, running: Semaphore::new(concurrency), admitted }
    }

    async fn understand(&self, request: &SttRequest) -> Result<Transcript, SttError> {
        self.understands(&request.locale)?;
        let _admitted = self.admitted.try_acquire().map_err(|_| SttError::Busy)?;
        let _running = self.running.acquire().await.map_err(|_| SttError::Busy)?;
        let mut segments = Vec::new();
        for speaker in 0..request.sound.channels.clamp(1, 2) {
            let samples = request.sound.channel(speaker);
            for piece in pieces(&samples, request)? {
                segments.extend(self.ask(&samples, piece, speaker, request).await?);
            }
        }
        segments.sort_by_key(|segment| (segment.start_ms, segment.speaker));
        Ok(Transcript { segments })
    }

    async fn ask(
        &self,
        samples: &[i16],
        piece: Range<u32>,
        speaker: u8,
        request: &SttRequest,
    ) -> Result<Vec<Segment>, SttError> {
        let rate_hz = request.sound.rate_hz;
        let at = |ms: u32| usize::try_from(u64::from(ms) * u64::from(rate_hz) / 1_000).unwrap_or(usize::MAX);
        let samples = samples.get(at(piece.start)..at(piece.end).min(samples.len())).unwrap_or_default();
        let mut wav = Cursor::new(Vec::new());
        write_wav(&mut wav, rate_hz, samples).map_err(|error| SttError::Failed(error.to_string()))?;
        let (content_type, body) = self.form(&wav.into_inner(), request);
        let mut headers = vec![("content-type".to_owned(), Secret::new(content_type))];
        if let Some(key) = &self.config.key {
            headers.push(("authorization".to_owned(), Secret::new(format!("Bearer {}", key.expose()))));
        }
        let length = if request.single { Duration::ZERO } else { request.sound.duration() };
        let asked = EgressRequest {
            url: format!("{}/audio/transcriptions", self.config.url.trim_end_matches('/')),
            body: Some(Bytes::from(body)),
            headers,
            response_bytes_max: ANSWER_BYTES_MAX,
            timeout: self.config.timeout + length.min(Duration::from_millis(PIECE_MS.into())),
        };
        let answer = self.egress.send(asked).await.map_err(unreachable)?;
        refused(answer.status)?;
        let rubbish = || SttError::Failed("the listening server's answer is no transcript".to_owned());
        if answer.body_cut {
            return Err(rubbish());
        }
        let answer: Answer = serde_json::from_slice(&answer.body).map_err(|_| rubbish())?;
        Ok(answer.segments_of(&piece, speaker, request.single))
    }

    /// The form (RFC 7578): its content type, and its bytes.
    fn form(&self, wav: &[u8], request: &SttRequest) -> (String, Vec<u8>) {
        let boundary = format!("lyrebird-{:016x}{:016x}", chance(), chance());
        let mut body = Vec::with_capacity(wav.len() + 1_024);
        let mut field = |name: &str, value: &str| {
            let head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value.as_bytes());
            body.extend_from_slice(b"\r\n");
        };
        field("model", &self.config.model);
        field("language", language(&request.locale));
        field("response_format", "verbose_json");
        field("temperature", "0");
        if !request.hints.is_empty() {
            field("prompt", &request.hints.join(", ").chars().take(PROMPT_CHARS_MAX).collect::<String>());
        }
        let head = "content-disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\ncontent-type: audio/wav";
        body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(wav);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }
}

#[async_trait::async_trait]
impl Stt for OpenAiStt {
    async fn transcribe(&self, request: &SttRequest) -> Result<Transcript, SttError> {
        let begun = Instant::now();
        let transcript = self.understand(request).await;
        figures::understood(ENGINE, transcript.as_ref().map(drop), begun.elapsed());
        transcript
    }

    /// Which languages the server's model knows is not asked: it says so itself.
    fn understands(&self, locale: &str) -> Result<(), SttError> {
        let well = (2..=3).contains(&language(locale).len()) && locale.len() <= 35;
        if well && locale.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Ok(());
        }
        let locale = locale.chars().take(64).collect();
        Err(SttError::UnknownLocale {
            locale,
            understood: "what the configured server understands".to_owned(),
        })
    }

    async fn check(&self) -> Vec<String> {
        match self.egress.check(&self.config.url) {
            Ok(()) => Vec::new(),
            Err(error) => vec![format!("speech.listen.url: {error}; nothing said is understood")],
        }
    }
}

impl Answer {
    fn segments_of(self, piece: &Range<u32>, speaker: u8, single: bool) -> Vec<Segment> {
        let spoken: Vec<AnswerSegment> = self
            .segments
            .into_iter()
            .filter(|segment| segment.no_speech_prob.is_none_or(|none| none <= NO_SPEECH_MIN))
            .collect();
        let whole = |text: &str, confidence: Option<f32>| {
            let text = text.trim().to_owned();
            let Range { start: start_ms, end: end_ms } = *piece;
            let segment = Segment { start_ms, end_ms, speaker, text: text.into(), confidence };
            Some(segment).filter(|segment| !segment.text.expose().is_empty())
        };
        if single || spoken.is_empty() {
            let sure: Vec<f32> = spoken.iter().filter_map(AnswerSegment::confidence).collect();
            let confidence = (!sure.is_empty()).then(|| sure.iter().sum::<f32>() / sure.len() as f32);
            return whole(&self.text, confidence).into_iter().collect();
        }
        spoken
            .into_iter()
            .filter_map(|segment| {
                let confidence = segment.confidence();
                let start_ms = piece.start.saturating_add(millis(segment.start)).min(piece.end);
                let end_ms = piece.start.saturating_add(millis(segment.end)).clamp(start_ms, piece.end);
                Some(Segment { start_ms, end_ms, ..whole(&segment.text, confidence)? })
            })
            .collect()
    }
}

impl AnswerSegment {
    fn confidence(&self) -> Option<f32> {
        self.avg_logprob.map(|log| log.exp().clamp(0.0, 1.0)).filter(|sure| sure.is_finite())
    }
}

/// What is sent in one request each: the one thing that is said, or pieces that end in pauses.
fn pieces(samples: &[i16], request: &SttRequest) -> Result<Vec<Range<u32>>, SttError> {
    let length_ms = u32::try_from(request.sound.duration().as_millis()).unwrap_or(u32::MAX);
    if request.single {
        return Ok(std::iter::once(0..length_ms).collect());
    }
    let narrow = resample_clip(samples, request.sound.rate_hz, 8_000)
        .map_err(|error| SttError::Failed(error.to_string()))?;
    let mut pieces: Vec<Range<u32>> = Vec::new();
    for span in utterances::find(&narrow) {
        match pieces.last_mut() {
            Some(last) if span.end - last.start <= PIECE_MS => last.end = span.end,
            _ => pieces.push(span),
        }
    }
    // The last frame may reach beyond the sound.
    for piece in &mut pieces {
        piece.end = piece.end.min(length_ms);
    }
    Ok(pieces)
}

/// The language of a locale by ISO 639-1, where it has a name of two letters.
fn language(locale: &str) -> &str {
    match locale.split(['-', '_']).next().unwrap_or_default() {
        "cmn" => "zh",
        "arb" => "ar",
        "nb" => "no",
        "fil" => "tl",
        language => language,
    }
}

fn millis(seconds: f64) -> u32 {
    // Saturates; a number that is none becomes 0.
    (seconds * 1_000.0).round() as u32
}

/// Bits that nobody can foresee: no sound holds the form's boundary.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn unreachable(error: EgressError) -> SttError {
    SttError::Failed(match error {
        EgressError::Timeout(limit) => {
            format!("the listening server did not answer within {} s", limit.as_secs())
        }
        other => format!("the listening server cannot be reached: {other}"),
    })
}

fn refused(status: u16) -> Result<(), SttError> {
    match status {
        200..=299 => Ok(()),
        429 | 503 => Err(SttError::Busy),
        401 | 403 => {
            Err(SttError::Failed(format!("the listening server refuses the server's key ({status})")))
        }
        _ => Err(SttError::Failed(format!("the listening server answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, single: bool, wanted: &[(u32, u32, &str, Option<f32>)]) {
        let answer: Answer = serde_json::from_str(answer).unwrap();
        let segments = answer.segments_of(&(1_000..5_000), 1, single);
        let found: Vec<_> = segments
            .iter()
            .map(|segment| {
                (segment.start_ms, segment.end_ms, segment.text.expose().as_str(), segment.confidence)
            })
            .collect();
        assert_eq!(found, wanted);
        assert!(segments.iter().all(|segment| segment.speaker == 1));
    }

    #[test]
    fn answers_with_and_without_segments_are_read() {
        check(r#"{"text":" Yes. "}"#, true, &[(1_000, 5_000, "Yes.", None)]);
        check(r#"{"text":" "}"#, true, &[]);
        let verbose = r#"{"task":"transcribe","text":" Hello. Bye.","segments":[
            {"id":0,"start":0.5,"end":1.0,"text":" Hello.","avg_logprob":0.0,"no_speech_prob":0.01},
            {"id":1,"start":2.0,"end":99.0,"text":" Bye."},
            {"id":2,"start":3.0,"end":3.5,"text":" Thanks for watching!","no_speech_prob":0.97}]}"#;
        let wanted = [(1_500, 2_000, "Hello.", Some(1.0)), (3_000, 5_000, "Bye.", None)];
        check(verbose, false, &wanted);
        check(verbose, true, &[(1_000, 5_000, "Hello. Bye.", Some(1.0))]);
    }

    #[test]
    fn a_locale_becomes_a_language() {
        for (locale, wanted) in [("en-US", "en"), ("de_AT", "de"), ("cmn-CN", "zh"), ("yue-CN", "yue")] {
            assert_eq!(language(locale), wanted);
        }
    }
}
