//! A store in memory that keeps the traits' promises, can be told to fail, and writes what it does into the log.

mod administration;
mod calls;
mod channels;
mod recordings;
mod transcriptions;
mod webhooks;

use super::Log;
use model::call::{Call, CallSetup};
use model::endpoint::PhoneEndpoint;
use model::event::Event;
use model::recording::Recording;
use model::tenant::{App, KeyRecord, Organization};
use model::timeline::TimelineEntry;
use model::trunk::{PhoneNumber, Trunk};
use model::voice_channel::VoiceChannel;
use model::webhook::{Attempt, Delivery, WebhookEndpoint};
use model::{AppId, CallId, KeyId, NodeId, RecordingId, Timestamp, TranscriptionId};
use ports::StoreError;
use ports::store::{Idempotency, Reserved, StoredResponse, Written};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::sync::Semaphore;
use transcriptions::WrittenDown;

/// One call with all that hangs on it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) call: Call,
    pub(crate) setup: CallSetup,
    pub(crate) events: Vec<Event>,
    pub(crate) recordings: BTreeMap<RecordingId, Recording>,
    pub(crate) fence: u64,
    pub(crate) lease: (NodeId, Timestamp),
    pub(crate) released: bool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) calls: BTreeMap<CallId, Row>,
    pub(crate) outbox: VecDeque<(CallId, u32)>,
    pub(crate) deliveries: Vec<(Delivery, Vec<Attempt>)>,
    pub(crate) webhooks: Vec<WebhookEndpoint>,
    pub(crate) idempotency: HashMap<(KeyId, String), (Idempotency, Option<StoredResponse>)>,
    pub(crate) organizations: Vec<Organization>,
    pub(crate) apps: BTreeMap<AppId, App>,
    pub(crate) keys: Vec<KeyRecord>,
    pub(crate) trunks: Vec<Trunk>,
    pub(crate) numbers: Vec<PhoneNumber>,
    pub(crate) endpoints: Vec<PhoneEndpoint>,
    pub(crate) channels: Vec<VoiceChannel>,
    pub(crate) due: BTreeMap<CallId, Timestamp>,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) transcriptions: BTreeMap<TranscriptionId, WrittenDown>,
    pub(crate) condemned: Vec<RecordingId>,
}

pub(crate) struct MemoryStore {
    pub(crate) state: Mutex<State>,
    log: Log,
    /// Every write fails.
    failing: AtomicBool,
    /// The next so many commits are done, and yet reported as failed.
    pub(crate) lying: AtomicU32,
    /// So many completions of idempotency keys fail.
    pub(crate) fail_settling: AtomicU32,
    /// The next look for due deliveries panics.
    pub(crate) panic_next: AtomicBool,
    /// Commits wait for a permit.
    pub(crate) commits: Semaphore,
}

impl MemoryStore {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            state: Mutex::default(),
            log,
            failing: AtomicBool::new(false),
            lying: AtomicU32::new(0),
            fail_settling: AtomicU32::new(0),
            panic_next: AtomicBool::new(false),
            commits: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }

    pub(crate) fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    fn write(&self) -> Result<std::sync::MutexGuard<'_, State>, StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("told to fail".into()));
        }
        Ok(self.state.lock().unwrap())
    }

    fn read(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The call's row, events and recordings as they are durable.
    pub(crate) fn row(&self, call: CallId) -> Row {
        self.read().calls.get(&call).cloned().unwrap()
    }
}

impl State {
    fn reserved(&self, key: &Idempotency) -> Reserved {
        match self.idempotency.get(&(key.key, key.value.clone())) {
            None => Reserved::Ours,
            Some((known, _)) if known.fingerprint != key.fingerprint => Reserved::Mismatch,
            Some((_, Some(response))) => Reserved::Replayed(response.clone()),
            Some((_, None)) => Reserved::Pending,
        }
    }

    fn keep(&mut self, key: Idempotency, response: Option<StoredResponse>) {
        self.idempotency.insert((key.key, key.value.clone()), (key, response));
    }

    /// Whether a write may be done; keeps its answer if so.
    fn once(&mut self, idempotency: Option<(Idempotency, StoredResponse)>) -> Written {
        let Some((key, response)) = idempotency else { return Written::New };
        match self.reserved(&key) {
            Reserved::Replayed(first) => Written::Replayed(first),
            Reserved::Mismatch | Reserved::Pending => Written::Mismatch,
            Reserved::Ours => {
                self.keep(key, Some(response));
                Written::New
            }
        }
    }
}

fn page<T: Clone>(mut all: Vec<T>, request: ports::store::PageRequest) -> ports::store::Page<T> {
    let total = all.len() as u64;
    all.reverse();
    let items = all.into_iter().skip(request.offset as usize).take(request.limit as usize).collect();
    ports::store::Page { items, total }
}
