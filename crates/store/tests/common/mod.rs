//! A store in a directory of its own, and nouns to put into it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use model::call::{Call, CallEnd, CallSetup, CallStatus, Direction, EndReason, EndSource, Mode};
use model::endpoint::{DigestSecrets, PhoneEndpoint};
use model::event::{Event, EventBody};
use model::leg::ReleaseCause;
use model::recording::{Recording, RecordingFormat, RecordingOrigin, RecordingStatus};
use model::sound::{Codec, RecordSource};
use model::tenant::{App, KeyClass, KeyRecord, Organization};
use model::trunk::{PhoneNumber, RedirectPolicy, TransferPolicy, Trunk, TrunkCredentials, TrunkTransport};
use model::webhook::{Delivery, DeliveryState, WebhookEndpoint};
use model::{
    AppId, CallId, EndpointId, IdSource, KeyId, NodeId, NumberId, OrganizationId, Pii, RecordingId, Secret,
    Timestamp, TrunkId, WebhookId,
};
use ports::store::{
    Bootstrap, CallCommit, CallFilter, CallStore, Created, Idempotency, KeyStore, NewCall, PageRequest,
    StoredResponse,
};
use std::time::Duration;
use store::{Options, SqliteStore};
use tempfile::TempDir;

/// The first moment of every test.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// How long the leases of [`World::new_call`] run.
pub const LEASE: Duration = Duration::from_secs(30);
/// A page that holds all.
pub const ALL: PageRequest = PageRequest { limit: 100, offset: 0 };

/// A moment so many milliseconds after the start.
pub fn at(millis: u64) -> Timestamp {
    START + Duration::from_millis(millis)
}

/// How many calls of an app have not ended.
pub async fn active_calls(store: &SqliteStore, app: AppId) -> usize {
    let (mut active, mut offset) = (0, 0);
    loop {
        let page = PageRequest { limit: 100, offset };
        let page = store.calls(app, &CallFilter::default(), page).await.unwrap();
        active += page.items.iter().filter(|call| !call.status.is_final()).count();
        offset += 100;
        if u64::from(offset) >= page.total {
            return active;
        }
    }
}

/// The store under test, with one organization, app and node.
pub struct World {
    pub dir: TempDir,
    pub store: SqliteStore,
    pub ids: IdSource,
    pub organization: OrganizationId,
    pub app: AppId,
    pub node: NodeId,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open_with(dir.path(), options).await.unwrap();
        let mut ids = IdSource::new(1);
        let organization = OrganizationId::generate(&mut ids, START);
        let app = AppId::generate(&mut ids, START);
        let node = NodeId::generate(&mut ids, START);
        let mut world = Self { dir, store, ids, organization, app, node };
        let bootstrap = world.bootstrap();
        assert!(world.store.bootstrap(bootstrap).await.unwrap());
        world
    }

    pub fn bootstrap(&mut self) -> Bootstrap {
        let organization = Organization { id: self.organization, name: "Org".to_owned(), created_at: START };
        let app = self.an_app(self.app, self.organization);
        let classes = [(KeyClass::Admin, 0), (KeyClass::Live, 1), (KeyClass::Test, 2)];
        let keys = classes.map(|(class, millis)| self.key(class, &format!("{class:?}"), millis)).to_vec();
        Bootstrap { organization, app, keys }
    }

    pub fn an_app(&self, id: AppId, organization: OrganizationId) -> App {
        App { id, organization, name: "App".to_owned(), concurrent_calls_max: 10, created_at: START }
    }

    pub fn key(&mut self, class: KeyClass, prefix: &str, millis: u64) -> KeyRecord {
        KeyRecord {
            id: KeyId::generate(&mut self.ids, at(millis)),
            class,
            organization: self.organization,
            app: (class != KeyClass::Admin).then_some(self.app),
            name: "a key".to_owned(),
            prefix: prefix.to_owned(),
            hash: [7; 32],
            created_at: at(millis),
            revoked_at: None,
        }
    }

    pub fn phone(&mut self, username: &str) -> PhoneEndpoint {
        let secret = |text: &str| Secret::new(text.to_owned());
        PhoneEndpoint {
            id: EndpointId::generate(&mut self.ids, START),
            organization: self.organization,
            app: self.app,
            username: username.to_owned(),
            secrets: DigestSecrets { md5: secret("1"), sha256: secret("2") },
            created_at: START,
        }
    }

    pub fn call(&mut self, millis: u64) -> Call {
        let id = CallId::generate(&mut self.ids, at(millis));
        let (from, to) = (Pii::new("+4930111111".to_owned()), Pii::new("+4930222222".to_owned()));
        Call::new(id, self.app, Mode::Test, Direction::Outbound, from, to, at(millis))
    }

    pub fn new_call(&mut self, millis: u64) -> NewCall {
        let call = self.call(millis);
        self.new_call_of(call)
    }

    pub fn new_call_of(&self, call: Call) -> NewCall {
        NewCall {
            setup: CallSetup::new(call.id, call.direction),
            event: event(&call, 1, EventBody::Initiated),
            idempotency: None,
            lease: (self.node, call.created_at + LEASE),
            concurrent_calls_max: 100_000,
            due: None,
            call,
        }
    }

    /// Makes a call; it and its fencing number.
    pub async fn placed(&mut self, millis: u64) -> (Call, u64) {
        let new = self.new_call(millis);
        let call = new.call.clone();
        match self.store.create_call(new).await.unwrap() {
            Created::New { fence } => (call, fence),
            other => panic!("{other:?}"),
        }
    }

    pub fn idempotency(&mut self, value: &str, fingerprint: u8) -> (Idempotency, StoredResponse) {
        let key = KeyId::from_uuid(self.app.uuid());
        let expires_at = at(86_400_000);
        (
            Idempotency { key, value: value.to_owned(), fingerprint: [fingerprint; 32], expires_at },
            StoredResponse { status: 201, body: format!("{{\"id\":\"{value}-{fingerprint}\"}}") },
        )
    }

    pub fn trunk(&mut self, millis: u64) -> Trunk {
        let credentials =
            TrunkCredentials { username: "user".to_owned(), password: Secret::new("password".to_owned()) };
        Trunk {
            id: TrunkId::generate(&mut self.ids, at(millis)),
            organization: self.organization,
            name: "Trunk".to_owned(),
            host: "sip.example.com".to_owned(),
            port: Some(5060),
            transport: TrunkTransport::Auto,
            register: false,
            register_expires_s: 600,
            redirects: RedirectPolicy::Refuse,
            transfers: TransferPolicy::Refuse,
            srtp: model::srtp::SrtpPolicy::Off,
            credentials: Some(credentials),
            allowed_sources: vec!["192.0.2.0/24".parse().unwrap()],
            codecs: vec![Codec::Pcma],
            codec_preference: Default::default(),
            session: Default::default(),
            calls_per_second_max: 10,
            concurrent_calls_max: 100,
            filed: false,
            created_at: at(millis),
            updated_at: at(millis),
        }
    }

    pub fn number(&mut self, number: &str, trunk: TrunkId, millis: u64) -> PhoneNumber {
        PhoneNumber {
            id: NumberId::generate(&mut self.ids, at(millis)),
            number: number.parse().unwrap(),
            app: self.app,
            trunk,
            flow: None,
            filed: false,
            created_at: at(millis),
        }
    }

    pub fn endpoint(&mut self, millis: u64) -> WebhookEndpoint {
        WebhookEndpoint {
            mode: model::call::Mode::Live,
            id: WebhookId::generate(&mut self.ids, at(millis)),
            app: self.app,
            door: "native".to_owned(),
            url: "https://example.com/hook".to_owned(),
            events: vec!["calls.initiated".to_owned()],
            filters: Vec::new(),
            notifier: false,
            headers: [("x-token".to_owned(), Secret::new("token".to_owned()))].into(),
            signing_secret: Secret::new(vec![9; 32]),
            created_at: at(millis),
            updated_at: at(millis),
            disabled: None,
        }
    }

    pub fn recording(&mut self, call: &Call, status: RecordingStatus, millis: u64) -> Recording {
        Recording {
            id: RecordingId::generate(&mut self.ids, at(millis)),
            call: call.id,
            app: call.app,
            status,
            source: RecordSource::Mixed,
            origin: RecordingOrigin::Command,
            format: RecordingFormat::Wav,
            transcribe: false,
            transcribe_locale: None,
            duration_ms: None,
            bytes: None,
            failure: None,
            ended_by: None,
            started_at: at(millis),
            ended_at: None,
            updated_at: None,
        }
    }
}

pub fn event(call: &Call, sequence: u32, body: EventBody) -> Event {
    Event { call: call.id, app: call.app, sequence, at: call.created_at, body, snapshot: call.clone() }
}

/// A commit of events with these numbers and nothing else.
pub fn commit(call: &Call, fence: u64, sequences: &[u32]) -> CallCommit {
    CallCommit {
        handover: None,
        call: call.id,
        fence,
        events: sequences
            .iter()
            .map(|sequence| event(call, *sequence, EventBody::Ringing { early_media: false }))
            .collect(),
        row: None,
        recordings: Vec::new(),
        release: false,
    }
}

/// The call as it looks when it is over.
pub fn ended(call: &Call) -> Call {
    let end =
        CallEnd { reason: EndReason::Hangup, source: EndSource::Callee, cause: ReleaseCause::local("bye") };
    Call {
        status: CallStatus::Completed,
        ended_at: Some(call.created_at + Duration::from_secs(9)),
        end: Some(end),
        ..call.clone()
    }
}

pub fn delivery(webhook: &WebhookEndpoint, call: CallId, sequence: u32, due_ms: u64) -> Delivery {
    Delivery {
        webhook: webhook.id,
        url: None,
        signer: None,
        call,
        sequence,
        event_name: "calls.initiated".to_owned(),
        message_id: format!("msg_{sequence}"),
        body: format!("{{\"sequence\":{sequence}}}"),
        attempts: 0,
        due_at: Some(at(due_ms)),
        state: DeliveryState::Pending,
    }
}
