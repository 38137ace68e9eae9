//! From a prompt's source to sound: spoken, fetched, read or generated; decoded once however many calls play it.
//! Failures are sentences for the app's developer.

mod beep;
mod cache;
mod file;
mod flights;
mod tunes;
mod turns;

use crate::config::EngineParts;
use crate::core::Core;
use crate::figures;
use bytes::Bytes;
use cache::ClipCache;
use flights::Flights;
use metrics::{counter, histogram};
use model::sound::PromptSource;
use model::timeline::TimelineKind;
use model::{AppId, CallId, Timestamp};
use ports::media::Clip;
use ports::{Clock, Egress, EgressError, EgressRequest, MediaPlane, Tts, Utterance};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tunes::Tunes;
use turns::Turns;

/// Makes prompts ready.
pub(crate) struct Prompts {
    tts: Arc<dyn Tts>,
    egress: Arc<dyn Egress>,
    media: Arc<dyn MediaPlane>,
    clock: Arc<dyn Clock>,
    folder: Option<PathBuf>,
    bytes_max: usize,
    timeout: Duration,
    url_ttl: Duration,
    cache: ClipCache,
    flights: Flights,
    turns: Turns,
    beep: Arc<Clip>,
    tunes: Tunes,
}

impl Prompts {
    pub(crate) fn new(parts: &EngineParts) -> Self {
        let config = &parts.config;
        Self {
            tts: parts.tts.clone(),
            egress: parts.egress.clone(),
            media: parts.media.clone(),
            clock: parts.clock.clone(),
            folder: config.media_folder.clone(),
            bytes_max: config.media_bytes_max,
            timeout: config.media_timeout,
            url_ttl: config.clip_url_ttl,
            cache: ClipCache::new(config.clip_cache_bytes_max),
            flights: Flights::default(),
            turns: Turns::new(config.media_parallel_max),
            beep: beep::clip(),
            tunes: Tunes::default(),
        }
    }

    /// Reads levels into the metrics facade.
    pub(crate) fn sample(&self) {
        let (clips, bytes) = self.cache.size();
        figures::level("lyrebird_prompt_clips", clips);
        figures::level("lyrebird_prompt_clip_bytes", bytes);
        figures::level("lyrebird_prompts_making", self.flights.len());
    }

    /// The source's sound, or why there is none.
    async fn clip(&self, app: AppId, source: &PromptSource) -> Result<Arc<Clip>, String> {
        match source {
            PromptSource::Beep => return Ok(self.beep.clone()),
            PromptSource::RingTone { country } => return self.tunes.ring_tone(country),
            PromptSource::HoldMusic => return Ok(self.tunes.hold_music()),
            PromptSource::Speech { .. } | PromptSource::Media { .. } => {}
        }
        let key = self.key(source).await?;
        let count = |how| counter!("lyrebird_prompts_total", "how" => how).increment(1);
        let begun = self.clock.now();
        if let Some(clip) = self.cache.get(&key, begun) {
            count("kept");
            return Ok(clip);
        }
        let made = self.flights.join(&key, || self.make(app, &key)).await;
        count(if made.is_ok() { "made" } else { "failed" });
        histogram!("lyrebird_prompt_make_seconds").record(self.clock.now().since(begun).as_secs_f64());
        made
    }

    /// What the sound is kept under. A file is another one when it was written again.
    async fn key(&self, source: &PromptSource) -> Result<Key, String> {
        match source {
            PromptSource::Media { location } if !is_url(location) => {
                let found = file::find(self.folder.as_deref(), location, self.bytes_max).await?;
                Ok(Key::File(found))
            }
            other => Ok(Key::Source(other.clone())),
        }
    }

    async fn make(&self, app: AppId, key: &Key) -> Result<Arc<Clip>, String> {
        let _turn = self.turns.take(app).await;
        let (content, until) = self.content(key).await?;
        let clip = self.media.prepare(content).await.map_err(|error| error.to_string())?;
        self.cache.put(key.clone(), clip.clone(), until);
        Ok(clip)
    }

    /// The bytes, and until when the sound may be played without asking again; none: for ever.
    async fn content(&self, key: &Key) -> Result<(Bytes, Option<Timestamp>), String> {
        match key {
            Key::File(found) => Ok((found.read(self.bytes_max).await?, None)),
            Key::Source(PromptSource::Speech { text, locale, voice }) => {
                let text = text.expose().clone();
                let utterance = Utterance { text, locale: locale.clone(), voice: voice.clone() };
                let sound = self.tts.speak(&utterance).await.map_err(|error| error.to_string())?;
                Ok((sound, None))
            }
            Key::Source(PromptSource::Media { location }) => {
                let content = self.fetch(location).await?;
                Ok((content, Some(self.clock.now() + self.url_ttl)))
            }
            // Made without bytes.
            Key::Source(PromptSource::Beep | PromptSource::RingTone { .. } | PromptSource::HoldMusic) => {
                Ok((Bytes::new(), None))
            }
        }
    }

    async fn fetch(&self, url: &str) -> Result<Bytes, String> {
        let request = EgressRequest {
            url: url.to_owned(),
            body: None,
            headers: vec![("accept".into(), "audio/*, */*;q=0.5".to_owned().into())],
            response_bytes_max: self.bytes_max,
            timeout: self.timeout,
        };
        let response = self.egress.send(request).await.map_err(|error| match error {
            EgressError::Timeout(limit) => {
                format!("the media URL was too slow: the file was not complete within {limit:?}")
            }
            other => format!("the media URL could not be fetched: {other}"),
        })?;
        if response.status != 200 {
            return Err(format!("the media URL answered with status {} instead of 200", response.status));
        }
        if response.body_cut {
            return Err(too_large(self.bytes_max));
        }
        Ok(response.body)
    }
}

/// What a prompt is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Text or URL.
    Source(PromptSource),
    /// A file as it was found.
    File(file::Found),
}

fn is_url(location: &str) -> bool {
    location.contains("://")
}

fn too_large(bytes_max: usize) -> String {
    format!("the media file is larger than {bytes_max} bytes")
}

impl Core {
    /// Makes a prompt of a call ready and notes how it went on the timeline.
    pub(crate) async fn prepare_prompt(
        &self,
        app: AppId,
        call: CallId,
        source: &PromptSource,
    ) -> Result<Arc<Clip>, String> {
        let begun = self.now();
        let result = self.prompts.clip(app, source).await;
        let latency_ms = u64::try_from(self.now().since(begun).as_millis()).unwrap_or(u64::MAX);
        let (kind, what) = match source {
            PromptSource::Speech { text, .. } => (TimelineKind::Speech, format!("\"{}\"", text.expose())),
            PromptSource::Media { location } => (TimelineKind::Media, file::shown(location)),
            PromptSource::Beep | PromptSource::RingTone { .. } | PromptSource::HoldMusic => return result,
        };
        let what: String = what.chars().take(80).collect();
        let summary = match &result {
            Ok(clip) => format!("ready in {latency_ms} ms, {} ms long: {what}", clip.duration().as_millis()),
            Err(reason) => format!("not ready: {reason}: {what}"),
        };
        self.note(call, kind, summary, json!({ "latencyMs": latency_ms }));
        result
    }
}
