//! What every part of the engine shares: the seams, the settings, ids, the running calls.

use crate::calls::Expected;
use crate::config::{EngineConfig, EngineParts};
use crate::encoding::Encoding;
use crate::journal::Journal;
use crate::keys::Authenticator;
use crate::meetings::Meetings;
use crate::phones::PhoneBook;
use crate::prompts::Prompts;
use crate::running::RunningCalls;
use crate::trunks::TrunkBook;
use model::timeline::{TimelineEntry, TimelineKind};
use model::{CallId, IdSource, NodeId, Secret, Timestamp};
use persona::Directory;
use ports::{Blob, Clock, Egress, EventRenderer, MediaPlane, Sandbox, Store, Stt, Timeline};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::{Notify, broadcast, watch};

/// News that a follower may lag behind; one that lags more looks at the store again.
const WRITTEN_LAG_MAX: usize = 1_024;

/// The engine's inside.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) media: Arc<dyn MediaPlane>,
    /// Understanding what is said.
    pub(crate) stt: Arc<dyn Stt>,
    pub(crate) egress: Arc<dyn Egress>,
    pub(crate) blob: Arc<dyn Blob>,
    pub(crate) sandbox: Arc<dyn Sandbox>,
    /// Who can be called with test keys.
    pub(crate) personas: RwLock<Arc<Directory>>,
    /// Calls that personas are about to place.
    pub(crate) expected: Expected,
    pub(crate) renderers: Vec<Arc<dyn EventRenderer>>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) config: EngineConfig,
    pub(crate) pepper: Secret<[u8; 32]>,
    /// This run of the process, as leases name it.
    pub(crate) node: NodeId,
    pub(crate) keys: Authenticator,
    pub(crate) prompts: Prompts,
    pub(crate) trunks: TrunkBook,
    pub(crate) phones: PhoneBook,
    pub(crate) running: RunningCalls,
    /// Where calls meet.
    pub(crate) meetings: Meetings,
    /// A call was scheduled that may be due before all others.
    pub(crate) due_wake: Notify,
    /// Recordings that are being made files of another form.
    pub(crate) encoding: Encoding,
    /// Something new for webhooks is in the store.
    pub(crate) outbox_wake: Notify,
    /// Held while an endpoint is made or changed.
    pub(crate) making_webhooks: tokio::sync::Mutex<()>,
    /// Something is to be written down, or is.
    pub(crate) transcription_wake: Notify,
    /// Calls of which new events are in the store, for whoever follows them live.
    written: broadcast::Sender<CallId>,
    /// Facts that found their call's mailbox full.
    pub(crate) mail_dropped: AtomicU64,
    ids: Mutex<IdSource>,
    draining: AtomicBool,
    stop: watch::Sender<bool>,
}

impl Core {
    pub(crate) fn new(parts: EngineParts) -> Self {
        let mut ids = IdSource::new(parts.seed);
        let node = NodeId::generate(&mut ids, parts.clock.now());
        let prompts = Prompts::new(&parts);
        Self {
            store: parts.store,
            clock: parts.clock,
            media: parts.media,
            stt: parts.stt,
            egress: parts.egress,
            blob: parts.blob,
            sandbox: parts.sandbox,
            personas: RwLock::new(Arc::clone(&parts.config.personas)),
            expected: Expected::default(),
            renderers: parts.renderers,
            journal: parts.timeline,
            keys: Authenticator::default(),
            prompts,
            trunks: TrunkBook::new(parts.live),
            phones: PhoneBook::default(),
            running: RunningCalls::default(),
            meetings: Meetings::default(),
            due_wake: Notify::new(),
            encoding: Encoding::default(),
            outbox_wake: Notify::new(),
            transcription_wake: Notify::new(),
            making_webhooks: tokio::sync::Mutex::new(()),
            written: broadcast::Sender::new(WRITTEN_LAG_MAX),
            config: parts.config,
            pepper: parts.pepper,
            node,
            mail_dropped: AtomicU64::new(0),
            ids: Mutex::new(ids),
            draining: AtomicBool::new(false),
            stop: watch::Sender::new(false),
        }
    }

    /// Makes something of the next random bits: an id, a seed, a jitter.
    pub(crate) fn with_ids<T>(&self, make: impl FnOnce(&mut IdSource) -> T) -> T {
        make(&mut self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds a line to a call's timeline.
    pub(crate) fn note(&self, call: CallId, kind: TimelineKind, summary: impl Into<String>, detail: Value) {
        self.journal.note(TimelineEntry { call, at: self.now(), kind, summary: summary.into(), detail });
    }

    /// How a door shows events.
    pub(crate) fn renderer(&self, door: &str) -> Option<&dyn EventRenderer> {
        self.renderers.iter().find(|renderer| renderer.door() == door).map(AsRef::as_ref)
    }

    /// New events of a call are durable: webhooks and followers are waked.
    pub(crate) fn events_written(&self, call: CallId) {
        self.outbox_wake.notify_one();
        self.tell_followers(call);
    }

    /// Whoever follows the call looks at it again.
    pub(crate) fn tell_followers(&self, call: CallId) {
        // Mostly nobody follows.
        let _ = self.written.send(call);
    }

    /// Hears from now on of which calls events are written.
    pub(crate) fn follow_written(&self) -> broadcast::Receiver<CallId> {
        self.written.subscribe()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Ends the background tasks.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Becomes true once when the background tasks shall end.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}
