//! What the tests of carriers share: a media plane that moves no sound but counts and remembers, sinks and timelines
//! that can be waited on, and an engine's stand-in that takes incoming calls.

use bytes::Bytes;
use model::leg::{LegEnd, LegFact};
use model::sound::{Codec, MediaFact};
use model::timeline::TimelineEntry;
use model::trunk::{RedirectPolicy, TransferPolicy, Trunk, TrunkTransport};
use model::{CallId, IdSource, LegId, OrganizationId, Pii, Timestamp, TrunkId};
use ports::carrier::IncomingCall;
use ports::media::{Clip, ClipId, FinishedRecording, MediaConnection, OpenLeg, PlaneOrder};
use ports::{
    Carrier, Clock, Dial, InboundCalls, LegSink, MediaError, MediaPlane, Route, Timeline, Tts, TtsError,
    Utterance,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// Longer than anything that is waited for takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The machine's clock.
pub(crate) struct WallClock {
    began: Instant,
    epoch_micros: u64,
}

impl Default for WallClock {
    fn default() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self { began: Instant::now(), epoch_micros: u64::try_from(epoch.as_micros()).unwrap() }
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.epoch_micros) + self.began.elapsed()
    }
}

/// A list that can be waited on.
pub(crate) struct Watched<T> {
    items: Mutex<Vec<T>>,
    grown: Notify,
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self { items: Mutex::default(), grown: Notify::new() }
    }
}

impl<T: Clone + std::fmt::Debug> Watched<T> {
    pub(crate) fn push(&self, item: T) {
        self.items.lock().unwrap().push(item);
        self.grown.notify_waiters();
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.items.lock().unwrap().clone()
    }

    /// Waits until `look` finds something in the list.
    pub(crate) async fn wait<R>(&self, what: &str, look: impl Fn(&[T]) -> Option<R>) -> R {
        let waiting = async {
            loop {
                let grown = self.grown.notified();
                tokio::pin!(grown);
                grown.as_mut().enable();
                if let Some(found) = look(&self.items.lock().unwrap()) {
                    return found;
                }
                grown.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come; there is {:?}", self.all()),
        }
    }
}

/// Collects the facts of one leg.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) legs: Watched<LegFact>,
    pub(crate) media: Watched<MediaFact>,
}

impl LegSink for Facts {
    fn leg(&self, _leg: LegId, fact: LegFact) {
        self.legs.push(fact);
    }

    fn media(&self, _leg: LegId, fact: MediaFact) {
        self.media.push(fact);
    }
}

impl Facts {
    pub(crate) async fn fact(&self, fact: LegFact) {
        let seen = |facts: &[LegFact]| facts.contains(&fact).then_some(());
        self.legs.wait(&format!("{fact:?}"), seen).await;
    }

    pub(crate) async fn end(&self) -> LegEnd {
        let end = |facts: &[LegFact]| match facts.last() {
            Some(LegFact::Ended(end)) => Some(end.clone()),
            _ => None,
        };
        self.legs.wait("the end", end).await
    }
}

/// A media plane without sound.
#[derive(Default)]
pub(crate) struct FakePlane {
    legs: Mutex<BTreeMap<LegId, FakeLeg>>,
    pub(crate) orders: Watched<(LegId, PlaneOrder)>,
    pub(crate) closed: Watched<LegId>,
    next_port: AtomicU16,
    pub(crate) opened: AtomicU64,
}

struct FakeLeg {
    sink: Arc<dyn LegSink>,
    local: SocketAddr,
}

impl FakePlane {
    /// Legs that are open now.
    pub(crate) fn open_legs(&self) -> usize {
        self.legs.lock().unwrap().len()
    }

    /// Waits until no leg is open any more.
    pub(crate) async fn is_empty(&self) {
        let opened = usize::try_from(self.opened.load(Ordering::SeqCst)).unwrap();
        self.closed.wait("the last close", |closed| (closed.len() >= opened).then_some(())).await;
        assert_eq!(self.open_legs(), 0);
    }

    pub(crate) fn local(&self, leg: LegId) -> SocketAddr {
        self.legs.lock().unwrap()[&leg].local
    }

    /// The legs that are open, but for this one.
    pub(crate) fn others(&self, leg: LegId) -> Vec<LegId> {
        self.legs.lock().unwrap().keys().copied().filter(|other| *other != leg).collect()
    }

    /// Lets something happen to a leg's sound.
    pub(crate) fn happens(&self, leg: LegId, fact: MediaFact) {
        let sink = Arc::clone(&self.legs.lock().unwrap()[&leg].sink);
        sink.media(leg, fact);
    }

    /// Waits until a leg's sound is connected.
    pub(crate) async fn connected(&self, leg: LegId) -> MediaConnection {
        let last = |orders: &[(LegId, PlaneOrder)]| {
            orders.iter().rev().find_map(|order| match order {
                (of, PlaneOrder::Connect(connection)) if *of == leg => Some(connection.clone()),
                _ => None,
            })
        };
        self.orders.wait("the connection", last).await
    }
}

#[async_trait::async_trait]
impl MediaPlane for FakePlane {
    fn open(&self, open: OpenLeg) -> Result<SocketAddr, MediaError> {
        let port = 20_000 + 2 * self.next_port.fetch_add(1, Ordering::SeqCst);
        let local = SocketAddr::new(open.bind, port);
        let old = self.legs.lock().unwrap().insert(open.leg, FakeLeg { sink: open.sink, local });
        assert!(old.is_none(), "{:?} is open already", open.leg);
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(local)
    }

    fn order(&self, leg: LegId, order: PlaneOrder) -> Result<(), MediaError> {
        if !self.legs.lock().unwrap().contains_key(&leg) {
            return Err(MediaError::UnknownLeg);
        }
        self.orders.push((leg, order.clone()));
        match order {
            PlaneOrder::Play { playback, .. } => {
                self.happens(leg, MediaFact::PlaybackFinished { playback, played_ms: 100, completed: true });
            }
            PlaneOrder::SendDigits { id, .. } => self.happens(leg, MediaFact::DigitsSent { id }),
            _ => {}
        }
        Ok(())
    }

    fn close(&self, leg: LegId) {
        if self.legs.lock().unwrap().remove(&leg).is_some() {
            self.closed.push(leg);
        }
    }

    async fn prepare(&self, content: Bytes) -> Result<Arc<Clip>, MediaError> {
        if content.is_empty() {
            return Err(MediaError::NotSound("empty".to_owned()));
        }
        Ok(Arc::new(Clip { id: ClipId([1; 16]), rate_hz: 8_000, samples: vec![0; 800].into() }))
    }

    async fn finish_recording(
        &self,
        _spool: PathBuf,
        _file: PathBuf,
    ) -> Result<FinishedRecording, MediaError> {
        Err(MediaError::Recording("none here".to_owned()))
    }
}

/// A speaking engine that remembers what it was asked to say.
#[derive(Default)]
pub(crate) struct FakeTts {
    pub(crate) said: Watched<Utterance>,
    pub(crate) missing: bool,
}

#[async_trait::async_trait]
impl Tts for FakeTts {
    async fn speak(&self, utterance: &Utterance) -> Result<Bytes, TtsError> {
        self.said.push(utterance.clone());
        if self.missing {
            return Err(TtsError::NotInstalled { engine: "flite", remedy: "install it" });
        }
        Ok(Bytes::from_static(b"sound"))
    }

    async fn check(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A timeline in memory.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Watched<TimelineEntry>);

impl Timeline for Lines {
    fn note(&self, entry: TimelineEntry) {
        self.0.push(entry);
    }
}

/// Takes incoming calls and shows them to the test.
#[derive(Default)]
pub(crate) struct Inbound {
    arrived: Mutex<Vec<Arc<dyn Carrier>>>,
    pub(crate) calls: Watched<IncomingCall>,
    next: AtomicU64,
}

impl InboundCalls for Inbound {
    fn arrived(&self, carrier: Arc<dyn Carrier>, incoming: IncomingCall) {
        self.arrived.lock().unwrap().push(carrier);
        self.calls.push(incoming);
    }

    fn next_call_id(&self) -> CallId {
        let seed = 1_000_000 + self.next.fetch_add(1, Ordering::SeqCst);
        CallId::generate(&mut IdSource::new(seed), Timestamp::from_millis(1_700_000_000_000))
    }
}

impl Inbound {
    /// Waits for the n-th call, from 0.
    pub(crate) async fn call(&self, nth: usize) -> IncomingCall {
        self.calls.wait("the incoming call", |calls| calls.get(nth).cloned()).await
    }
}

/// Leg 0 of the n-th call of a test.
pub(crate) fn leg(nth: u64) -> LegId {
    LegId::new(CallId::generate(&mut IdSource::new(nth), Timestamp::from_millis(1_700_000_000_000)), 0)
}

/// A call to `to`.
pub(crate) fn dial(leg: LegId, to: &str, route: Route, facts: &Arc<Facts>) -> Dial {
    Dial {
        leg,
        from: Pii::new("+15550100".to_owned()),
        to: Pii::new(to.to_owned()),
        ring_timeout_ms: 30_000,
        route,
        paced: false,
        sink: Arc::<Facts>::clone(facts),
    }
}

/// A trunk to this host.
pub(crate) fn trunk(host: &str, port: u16) -> Trunk {
    let mut ids = IdSource::new(u64::from(port));
    let now = Timestamp::from_millis(1_700_000_000_000);
    Trunk {
        id: TrunkId::generate(&mut ids, now),
        organization: OrganizationId::generate(&mut ids, now),
        name: "test".to_owned(),
        host: host.to_owned(),
        port: Some(port),
        transport: TrunkTransport::Auto,
        register: false,
        register_expires_s: 600,
        redirects: RedirectPolicy::Refuse,
        transfers: TransferPolicy::Refuse,
        srtp: model::srtp::SrtpPolicy::Off,
        credentials: None,
        allowed_sources: Vec::new(),
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        codec_preference: Default::default(),
        session: Default::default(),
        calls_per_second_max: 1_000,
        concurrent_calls_max: 100,
        filed: false,
        created_at: now,
        updated_at: now,
    }
}

/// Any free port of loopback.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
