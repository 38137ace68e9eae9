//! The engine with every seam replaced, in paused time: what a test says happens at once, and what the engine does
//! about it stands in one log.

mod carrier;
mod memory;
mod outside;
mod plane;

pub(crate) use carrier::{FakeCarrier, ended as carrier_ended};
pub(crate) use memory::MemoryStore;
pub(crate) use outside::{FakeBlob, FakeEgress, FakeStt, FakeTts, Reply, Words};
pub(crate) use plane::FakePlane;

use engine::{Engine, EngineConfig, EngineParts, Journal, NewKey, Outcome, PlaceCall, bootstrap};
use model::call::Call;
use model::event::EventBody;
use model::flow::Flow;
use model::tenant::{App, KeyClass, Principal};
use model::{AppId, CallId, OrganizationId, Secret, Timestamp};
use ports::store::StoredResponse;
use ports::{Clock, Store};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::SqliteStore;
use tokio::time::{Instant, timeout};

/// How long anything may take before a test fails; in paused time this costs nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was done, in order, by whichever seam.
#[derive(Clone, Default)]
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    changed: Arc<tokio::sync::Notify>,
}

impl Log {
    pub(crate) fn add(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
        self.changed.notify_waiters();
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|known| *known == line).count()
    }

    /// Waits until the line stands there so often.
    pub(crate) async fn wait(&self, line: &str, times: usize) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.count(line) >= times {
                    return;
                }
                changed.await;
            }
        };
        let came = timeout(PATIENCE, wait).await;
        assert!(came.is_ok(), "no {line:?} x {times} in {:#?}", self.lines());
    }
}

/// Time that passes only when a test waits.
pub(crate) struct FakeClock {
    start: Instant,
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_777_713_247_120) + self.start.elapsed()
    }
}

/// An engine and everything around it.
pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) outside: Outside,
    pub(crate) live: Principal,
    pub(crate) test: Principal,
    pub(crate) admin: Principal,
    pub(crate) keys: Keys,
}

/// The keys of the first start.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) organization: OrganizationId,
    pub(crate) app: AppId,
    pub(crate) live: String,
    pub(crate) test: String,
    pub(crate) admin: String,
}

/// Everything that outlives an engine.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) log: Log,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) plane: Arc<FakePlane>,
    pub(crate) live: Arc<FakeCarrier>,
    pub(crate) sandbox: Arc<FakeCarrier>,
    pub(crate) egress: Arc<FakeEgress>,
    pub(crate) tts: Arc<FakeTts>,
    pub(crate) stt: Arc<FakeStt>,
    pub(crate) dir: Arc<tempfile::TempDir>,
}

pub(crate) const PEPPER: [u8; 32] = [7; 32];

impl Outside {
    pub(crate) fn new() -> Self {
        let log = Log::default();
        Self {
            store: Arc::new(MemoryStore::new(log.clone())),
            clock: Arc::new(FakeClock { start: Instant::now() }),
            plane: Arc::new(FakePlane::new(log.clone())),
            live: Arc::new(FakeCarrier::new("live", log.clone())),
            sandbox: Arc::new(FakeCarrier::new("sandbox", log.clone())),
            egress: Arc::new(FakeEgress::new(log.clone())),
            tts: Arc::default(),
            stt: Arc::default(),
            dir: Arc::new(tempfile::tempdir().unwrap()),
            log,
        }
    }

    pub(crate) fn config(&self) -> EngineConfig {
        EngineConfig {
            spool_dir: self.dir.path().join("spool"),
            media_folder: Some(self.dir.path().join("media")),
            media_bytes_max: 1_000,
            ..EngineConfig::default()
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Starts an engine, another process as it were, on what there is.
    pub(crate) async fn start(&self, config: EngineConfig, seed: u64) -> Arc<Engine> {
        self.start_on(self.store.clone(), config, seed).await
    }

    /// The same on another store.
    pub(crate) async fn start_on(
        &self,
        store: Arc<dyn Store>,
        config: EngineConfig,
        seed: u64,
    ) -> Arc<Engine> {
        let parts = EngineParts {
            store: store.clone(),
            clock: self.clock.clone(),
            media: self.plane.clone(),
            tts: self.tts.clone(),
            stt: self.stt.clone(),
            egress: self.egress.clone(),
            blob: Arc::new(FakeBlob { dir: self.dir.path().join("blob") }),
            live: Some(self.live.clone()),
            sandbox: self.sandbox.clone(),
            renderers: vec![Arc::new(Words)],
            timeline: Journal::start(store),
            config,
            pepper: Secret::new(PEPPER),
            seed,
        };
        Engine::start(parts).await.unwrap()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings that a test changes.
    pub(crate) async fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let outside = Outside::new();
        let store = outside.store.clone();
        Self::on(outside, store, change).await
    }

    /// On a real database in the world's own directory.
    pub(crate) async fn on_sqlite() -> (Self, Arc<SqliteStore>) {
        let outside = Outside::new();
        let store = Arc::new(SqliteStore::open(outside.path().join("data")).await.unwrap());
        (Self::on(outside, store.clone(), |_| {}).await, store)
    }

    async fn on(outside: Outside, store: Arc<dyn Store>, change: impl FnOnce(&mut EngineConfig)) -> Self {
        std::fs::create_dir_all(outside.path().join("media")).unwrap();
        let pepper = Secret::new(PEPPER);
        let made = bootstrap(store.as_ref(), &pepper, outside.clock.as_ref(), 1).await.unwrap().unwrap();
        let mut config = outside.config();
        change(&mut config);
        let engine = outside.start_on(store, config, 2).await;
        let keys = Keys {
            organization: made.organization,
            app: made.app,
            live: made.live_key.into_exposed(),
            test: made.test_key.into_exposed(),
            admin: made.admin_key.into_exposed(),
        };
        Self {
            live: engine.authenticate(&keys.live).await.unwrap(),
            test: engine.authenticate(&keys.test).await.unwrap(),
            admin: engine.authenticate(&keys.admin).await.unwrap(),
            engine,
            outside,
            keys,
        }
    }

    /// Places a test call and returns its id.
    pub(crate) async fn place(&self, order: PlaceCall) -> CallId {
        self.place_as(self.test, order).await
    }

    pub(crate) async fn place_as(&self, who: Principal, order: PlaceCall) -> CallId {
        match self.engine.place(who, order, None, &render).await.unwrap() {
            Outcome::New(response) => response.body.parse().unwrap(),
            Outcome::Replayed(response) => panic!("replayed {response:?}"),
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }

    /// The events of a call as words.
    pub(crate) fn events(&self, call: CallId) -> Vec<String> {
        self.outside.store.row(call).events.iter().map(|event| word(&event.body)).collect()
    }

    /// A second app with its own test key.
    pub(crate) async fn other_app(&self) -> Principal {
        let other = AppId::from_uuid("01890000-0000-7000-8000-000000000001".parse().unwrap());
        {
            let mut state = self.outside.store.state.lock().unwrap();
            let app = state.apps[&self.keys.app].clone();
            state.apps.insert(other, App { id: other, ..app });
        }
        let new = NewKey { class: KeyClass::Test, app: Some(other), name: "other".into() };
        let key = self.engine.create_key(self.admin, new).await.unwrap();
        self.engine.authenticate(key.key.expose()).await.unwrap()
    }
}

/// A plain call without a flow.
pub(crate) fn order() -> PlaceCall {
    PlaceCall {
        request_id: Some("req-1".into()),
        ..PlaceCall::new("+4930000001".into(), "+15005550000".into())
    }
}

/// The answer is the call's id.
pub(crate) fn render(call: &Call, _: Option<&Flow>) -> StoredResponse {
    StoredResponse { status: 201, body: call.id.to_string() }
}

/// An event's name.
pub(crate) fn word(body: &EventBody) -> String {
    let json = serde_json::to_value(body).unwrap();
    json["type"].as_str().unwrap().to_owned()
}

/// A call with a flow.
pub(crate) fn with_flow(flow: Option<model::flow::Flow>) -> PlaceCall {
    PlaceCall { flow, ..order() }
}
