//! What each side of a test call heard, kept as a wav of its own, so that a test can assert on sound. Bounded in
//! length, in number of calls, and in how many are kept at once; whatever goes wrong here never touches a call.

use model::leg::LegFact;
use model::sound::{MediaFact, RecordSource};
use model::{CallId, IdSource, LegId, RecordingId};
use ports::media::PlaneOrder;
use ports::speech::HeardSpeech;
use ports::{Clock, LegSink, MediaPlane, Party};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Legs whose sound is kept at once: far fewer than the plane records, so that no recording of an app lacks its place.
const EARS_MAX: usize = 512;
/// Sound under way lies here, beside the calls' own folders.
const SPOOL: &str = "spool";

/// How sound is kept.
#[derive(Debug, Clone)]
pub struct HeardConfig {
    /// A folder of its own: `<call>/caller.wav` and `<call>/callee.wav`.
    pub dir: PathBuf,
    /// What comes later on a leg is not kept.
    pub length_max: Duration,
    /// Most calls; the oldest ones go.
    pub calls_max: usize,
}

/// Keeps what test calls heard.
pub(super) struct Heard {
    config: HeardConfig,
    media: Arc<dyn MediaPlane>,
    ears: AtomicUsize,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Calls with a folder; ids grow with time.
    calls: BTreeSet<CallId>,
    ids: IdSource,
}

impl Heard {
    /// Makes the folder; what an earlier process left half done is removed.
    pub(super) fn open(config: HeardConfig, media: Arc<dyn MediaPlane>, seed: u64) -> io::Result<Arc<Self>> {
        let spool = config.dir.join(SPOOL);
        match std::fs::remove_dir_all(&spool) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&spool)?,
        }
        let mut calls = BTreeSet::new();
        for entry in std::fs::read_dir(&config.dir)? {
            calls.extend(entry?.file_name().to_str().and_then(|name| name.parse::<CallId>().ok()));
        }
        let inner = Mutex::new(Inner { calls, ids: IdSource::new(seed) });
        let heard = Arc::new(Self { config, media, ears: AtomicUsize::new(0), inner });
        heard.forget_oldest();
        Ok(heard)
    }

    /// An ear on a leg; none while there are as many as there may be.
    pub(super) fn ear(
        self: &Arc<Self>,
        call: CallId,
        party: Party,
        leg: LegId,
        clock: &dyn Clock,
    ) -> Option<Ear> {
        if self.ears.fetch_add(1, Ordering::Relaxed) >= EARS_MAX {
            self.ears.fetch_sub(1, Ordering::Relaxed);
            metrics::counter!("lyrebird_sandbox_unheard_total").increment(1);
            return None;
        }
        let recording = RecordingId::generate(&mut self.lock().ids, clock.now());
        let heard = Arc::clone(self);
        Some(Ear { heard, call, party, leg, recording, limit: None })
    }

    fn spool(&self, recording: RecordingId) -> PathBuf {
        self.config.dir.join(SPOOL).join(format!("{recording}.spool"))
    }

    async fn finish(&self, spool: PathBuf, call: CallId, party: Party) -> Result<(), String> {
        let file = party.heard_file(&self.config.dir, call);
        let folder = file.parent().unwrap_or(&self.config.dir);
        tokio::fs::create_dir_all(folder).await.map_err(|error| error.to_string())?;
        self.lock().calls.insert(call);
        let made = self.media.finish_recording(spool, file).await;
        made.map_err(|error| error.to_string())?;
        self.forget_oldest();
        Ok(())
    }

    fn forget_oldest(&self) {
        loop {
            let oldest = {
                let mut inner = self.lock();
                if inner.calls.len() <= self.config.calls_max {
                    return;
                }
                inner.calls.pop_first()
            };
            let Some(oldest) = oldest else { return };
            remove(&self.config.dir.join(oldest.to_string()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove(folder: &Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "what an old test call heard cannot be removed");
        }
        _ => {}
    }
}

/// Listens on one leg. When it goes, the file is made.
pub(super) struct Ear {
    heard: Arc<Heard>,
    call: CallId,
    party: Party,
    leg: LegId,
    recording: RecordingId,
    /// Ends the keeping of what is too long; there from the beginning of the keeping on.
    limit: Option<AbortHandle>,
}

impl Ear {
    /// Sound may come from now on. Only the first time counts.
    pub(super) fn begin(&mut self) {
        if self.limit.is_some() {
            return;
        }
        let (leg, recording) = (self.leg, self.recording);
        let spool = self.heard.spool(recording);
        let start = PlaneOrder::StartRecording { recording, source: RecordSource::Received, spool };
        if let Err(error) = self.heard.media.order(leg, start) {
            tracing::debug!(%error, "what a test call hears is not kept");
            return;
        }
        let (media, length_max) = (Arc::clone(&self.heard.media), self.heard.config.length_max);
        let limit = tokio::spawn(async move {
            tokio::time::sleep(length_max).await;
            // A leg that is gone needs no end of its recording.
            let _ = media.order(leg, PlaneOrder::StopRecording { recording });
        });
        self.limit = Some(limit.abort_handle());
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.heard.ears.fetch_sub(1, Ordering::Relaxed);
        let Some(limit) = self.limit.take() else { return };
        limit.abort();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (heard, call, party) = (Arc::clone(&self.heard), self.call, self.party);
        let spool = heard.spool(self.recording);
        runtime.spawn(async move {
            if let Err(reason) = heard.finish(spool, call, party).await {
                tracing::warn!(%call, reason, "what a test call heard is lost");
            }
        });
    }
}

/// Passes a leg's facts on, and listens from its first sound to its end.
pub(super) struct ListeningSink {
    sink: Arc<dyn LegSink>,
    ear: Mutex<Option<Ear>>,
}

impl ListeningSink {
    pub(super) fn new(sink: Arc<dyn LegSink>, ear: Ear) -> Self {
        Self { sink, ear: Mutex::new(Some(ear)) }
    }
}

impl LegSink for ListeningSink {
    fn leg(&self, leg: LegId, fact: LegFact) {
        let mut ear = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        match &fact {
            LegFact::Ringing { early_media: true } | LegFact::Answered => {
                if let Some(ear) = ear.as_mut() {
                    ear.begin();
                }
            }
            LegFact::Ended(_) => drop(ear.take()),
            _ => {}
        }
        drop(ear);
        self.sink.leg(leg, fact);
    }

    fn media(&self, leg: LegId, fact: MediaFact) {
        self.sink.media(leg, fact);
    }

    fn heard(&self, leg: LegId, speech: HeardSpeech) {
        self.sink.heard(leg, speech);
    }
}
