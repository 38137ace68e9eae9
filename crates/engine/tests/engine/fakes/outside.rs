//! The world outside: customers' URLs, speaking, kept files, a door's words.

use super::{Log, word};
use bytes::Bytes;
use model::event::{Event, EventBody};
use model::speech::{Segment, Transcript};
use ports::speech::SttRequest;
use ports::{
    Blob, BlobError, Egress, EgressError, EgressRequest, EgressResponse, EventRenderer, RenderedEvent, Stt,
    SttError, Tts, TtsError, Utterance,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What a URL answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This status, perhaps with a `Retry-After`.
    Status(u16, Option<u64>),
    /// 200 with this body.
    Body(Bytes),
    /// Nothing, until the request's own limit.
    Hang,
    /// This error.
    Error(EgressError),
}

type Answer = Arc<dyn Fn(&EgressRequest) -> Reply + Send + Sync>;

pub(crate) struct FakeEgress {
    log: Log,
    pub(crate) requests: Mutex<Vec<(tokio::time::Instant, EgressRequest)>>,
    answer: Mutex<Answer>,
}

impl FakeEgress {
    pub(crate) fn new(log: Log) -> Self {
        Self { log, requests: Mutex::default(), answer: Mutex::new(Arc::new(|_| Reply::Status(200, None))) }
    }

    /// What is answered from now on.
    pub(crate) fn answer(&self, answer: impl Fn(&EgressRequest) -> Reply + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    /// The bodies sent to a URL, in order.
    pub(crate) fn bodies(&self, url: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let to = requests.iter().filter(|(_, request)| request.url == url);
        to.map(|(_, request)| String::from_utf8(request.body.clone().unwrap().to_vec()).unwrap()).collect()
    }
}

#[async_trait::async_trait]
impl Egress for FakeEgress {
    fn check(&self, url: &str) -> Result<(), EgressError> {
        let private = EgressError::NotAllowed("it names a private address".into());
        if url.starts_with("https://") && !url.contains("private") { Ok(()) } else { Err(private) }
    }

    async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        self.check(&request.url)?;
        self.requests.lock().unwrap().push((tokio::time::Instant::now(), request.clone()));
        self.log.add(&format!("request {}", request.url));
        let answer = self.answer.lock().unwrap().clone();
        let response = |status, retry_after_s, body: Bytes| {
            let body_cut = body.len() > request.response_bytes_max;
            Ok(EgressResponse { status, retry_after_s, content_type: None, body, body_cut })
        };
        match answer(&request) {
            Reply::Status(status, retry_after_s) => response(status, retry_after_s, Bytes::new()),
            Reply::Body(body) => response(200, None, body),
            Reply::Error(error) => Err(error),
            Reply::Hang => {
                tokio::time::sleep(request.timeout).await;
                Err(EgressError::Timeout(request.timeout))
            }
        }
    }
}

#[derive(Default)]
pub(crate) struct FakeTts {
    pub(crate) spoken: AtomicUsize,
}

#[async_trait::async_trait]
impl Tts for FakeTts {
    async fn speak(&self, utterance: &Utterance) -> Result<Bytes, TtsError> {
        self.spoken.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if utterance.locale == "xx" {
            return Err(TtsError::UnknownLocale("xx".into()));
        }
        Ok(format!("RIFF{}", utterance.text).into())
    }

    async fn check(&self) -> Vec<String> {
        Vec::new()
    }
}

pub(crate) struct FakeBlob {
    pub(crate) dir: PathBuf,
}

#[async_trait::async_trait]
impl Blob for FakeBlob {
    async fn keep(&self, key: &str, file: &Path) -> Result<(), BlobError> {
        let place = self.dir.join(key);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::rename(file, place).map_err(|error| BlobError::Unavailable(error.to_string()))
    }

    async fn path(&self, key: &str) -> Result<PathBuf, BlobError> {
        let place = self.dir.join(key);
        if place.exists() { Ok(place) } else { Err(BlobError::NotFound) }
    }

    async fn remove(&self, key: &str) -> Result<(), BlobError> {
        let _ = std::fs::remove_file(self.dir.join(key));
        Ok(())
    }
}

/// A door that says the event's own name, and has no word for parties.
pub(crate) struct Words;

impl EventRenderer for Words {
    fn door(&self) -> &'static str {
        "words"
    }

    fn render(&self, event: &Event) -> Option<RenderedEvent> {
        if matches!(event.body, EventBody::ParticipantJoined { .. } | EventBody::ParticipantLeft { .. }) {
            return None;
        }
        let name = word(&event.body);
        let body = format!("{} {name}", event.sequence);
        Some(RenderedEvent {
            id: format!("evt_{}_{}", event.call, event.sequence),
            name,
            body,
            traits: Vec::new(),
        })
    }
}

/// Understands what it was told to, or says that it cannot.
#[derive(Default)]
pub(crate) struct FakeStt {
    pub(crate) asked: Mutex<Vec<SttRequest>>,
    /// What is understood from now on.
    pub(crate) words: Mutex<Option<&'static str>>,
}

#[async_trait::async_trait]
impl Stt for FakeStt {
    async fn transcribe(&self, request: &SttRequest) -> Result<Transcript, SttError> {
        self.asked.lock().unwrap().push(request.clone());
        let words = *self.words.lock().unwrap();
        let text = words.ok_or_else(|| SttError::Failed("it was told to".to_owned()))?.to_owned().into();
        let segment = Segment { start_ms: 0, end_ms: 1_000, speaker: 0, text, confidence: Some(0.75) };
        Ok(Transcript { segments: vec![segment] })
    }

    fn understands(&self, locale: &str) -> Result<(), SttError> {
        let refused = || SttError::UnknownLocale { locale: locale.to_owned(), understood: "en-US".into() };
        if locale == "en-US" { Ok(()) } else { Err(refused()) }
    }

    async fn check(&self) -> Vec<String> {
        Vec::new()
    }
}
