//! The wiring: every concrete adapter is made and joined here.

use crate::clock::SystemClock;
use crate::config::{Config, SipListener, SipTls};
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::http;
use crate::live_limits::LiveLimits;
use crate::metrics;
use crate::operations::{self, Readiness, Sampler, Scrape};
use crate::provision;
use crate::service_manager;
use crate::signals::Stop;
use api::{ApiConfig, Limits};
use carriers::{
    HeardConfig, SandboxCarrier, SandboxConfig, TlsFiles, TlsIdentity, TrunkCarrier, TrunkConfig,
};
use engine::{EgressConfig, Engine, EngineConfig, EngineParts, HttpEgress, Journal, WebhookPolicy};
use media::{MediaConfig, MediaEngine};
use ports::store::{EndpointStore, KeyStore as _};
use ports::{Clock, InboundCalls, Store, Stt, Tts};
use speech::{OfflineConfig, OfflineTts, OpenAiConfig, OpenAiStt, PocketSphinx, PocketSphinxConfig};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{DataDirLock, LocalBlob, SqliteStore};
use tokio::net::TcpListener;

/// How long answers that are under way may take once all calls have ended; a long poll or a slow download does not
/// hold the server.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// A running server.
pub(crate) struct Server {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// Where the API listens.
    pub http: SocketAddr,
    /// Where trunks are served.
    pub sip: SocketAddr,
    /// How clients reach the API.
    pub public_url: String,
    trunks: Arc<TrunkCarrier>,
    store: Arc<SqliteStore>,
    listener: TcpListener,
    router: axum::Router,
    /// Where metrics have a port of their own.
    scraped: Option<(TcpListener, axum::Router)>,
    reloadable: Reloadable,
    /// Whether calls can be taken.
    pub readiness: Arc<Readiness>,
    _lock: DataDirLock,
}

/// The store of a data directory that no other server uses.
pub(crate) async fn open_store(dir: &DataDir) -> Result<(DataDirLock, Arc<SqliteStore>), Failure> {
    let lock = SqliteStore::lock(dir.root())?;
    let store = SqliteStore::open(dir.root()).await?;
    if !dir.has_secret() && !store.organizations().await?.is_empty() {
        let missing = dir.root().join("secret");
        return Err(format!(
            "{} is missing, and without it no key of this database works; restore it from the backup that the \
             database came from",
            missing.display()
        )
        .into());
    }
    Ok((lock, Arc::new(store)))
}

/// The plane that carries sound.
pub(crate) fn start_media(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<MediaEngine>, Failure> {
    let mut media = MediaConfig {
        workers: config.media.workers,
        rtp_ports: config.rtp.ports.range().clone(),
        port_rest: Duration::from_millis(config.rtp.port_rest_ms),
        prompt_cache_bytes_max: config.media.prompt_cache_bytes_max,
        ..MediaConfig::default()
    };
    media.clip_limits.bytes_max = config.media.file_bytes_max;
    Ok(MediaEngine::start(media, clock)?)
}

/// The speaking engines; what is missing is said at once.
/// Running programs keep their files in `work_dir`.
pub(crate) async fn start_speech(config: &Config, work_dir: PathBuf) -> Arc<dyn Tts> {
    let tts = Arc::new(OfflineTts::new(OfflineConfig {
        flite: config.speech.flite.clone(),
        espeak: config.speech.espeak_ng.clone(),
        cache_bytes_max: config.speech.cache_bytes_max,
        work_dir,
        ..OfflineConfig::default()
    }));
    for warning in tts.check().await {
        tracing::warn!("{warning}");
    }
    tts
}

/// The engine that understands what is said: the configured server, else the one on this machine.
async fn start_listening(config: &Config, work_dir: PathBuf) -> Result<Arc<dyn Stt>, Failure> {
    let settings = &config.speech.listen;
    let stt: Arc<dyn Stt> = if settings.url.is_empty() {
        Arc::new(PocketSphinx::new(PocketSphinxConfig {
            program: config.speech.pocketsphinx.clone(),
            model: config.speech.pocketsphinx_model.clone(),
            work_dir,
            ..PocketSphinxConfig::default()
        }))
    } else {
        // The operator's own words, unlike customers' URLs: it may be anywhere, and nothing else is reached this way.
        let allowed_hosts = settings.host().into_iter().collect();
        let egress = Arc::new(HttpEgress::new(&EgressConfig { allowed_hosts })?);
        let key = settings.key.clone().filter(|key| !key.expose().is_empty());
        let config = OpenAiConfig {
            url: settings.url.clone(),
            key,
            model: settings.model.clone(),
            timeout: Duration::from_millis(settings.timeout_ms),
            concurrency: settings.at_once_max,
            queue_max: settings.waiting_max,
        };
        Arc::new(OpenAiStt::new(config, egress))
    };
    for warning in stt.check().await {
        tracing::warn!("{warning}");
    }
    Ok(stt)
}

impl Server {
    /// Starts everything but the acceptance of HTTP requests; [`Self::run`] does that.
    pub(crate) async fn start(
        config: &Config,
        dir: &DataDir,
        lock: DataDirLock,
        store: Arc<SqliteStore>,
    ) -> Result<Self, Failure> {
        let listener = api_listener(config.http.addr).await?;
        let http = listener.local_addr()?;
        let public_url = config.http.url(Some(http));
        let scrape_listener = scrape_listener(config).await?;
        let registry = metrics::start();
        dir.empty_scratch()?;
        let shared = Shared::start(config, dir, &store).await?;
        let (trunks, sandbox) = shared.clone().start_carriers(config, dir.heard(), store.clone()).await?;
        let Shared { media, tts, journal, clock, live_limits } = shared;
        let allowed_hosts = config.egress.allowed_hosts.clone();
        let egress = Arc::new(HttpEgress::new(&EgressConfig { allowed_hosts })?);
        let engine = Engine::start(EngineParts {
            store: store.clone() as Arc<dyn Store>,
            clock: clock.clone(),
            media: media.clone(),
            tts,
            stt: start_listening(config, dir.scratch()).await?,
            egress: egress.clone(),
            blob: Arc::new(LocalBlob::open(dir.blobs())?),
            live: Some(trunks.clone()),
            sandbox: sandbox.clone(),
            renderers: vec![api::chirp_renderer(public_url.clone()), api::bird_renderer(public_url.clone())],
            timeline: journal,
            config: EngineConfig { calls_max: live_limits.calls.clone(), ..engine_config(config, dir)? },
            pepper: dir.pepper()?,
            seed: random_seed()?,
        })
        .await?;
        trunks.attach(engine.clone() as Arc<dyn InboundCalls>);
        sandbox.attach(engine.clone() as Arc<dyn InboundCalls>);
        let api = api_config(config, &public_url);
        let reloadable = Reloadable {
            engine: engine.clone(),
            store: store.clone(),
            clock,
            egress,
            limits: api.limits.clone(),
            live_limits,
            trunks: trunks.clone(),
        };
        let samplers = samplers(&engine, &store, &media);
        let readiness = Arc::new(Readiness::new(engine.clone(), store.clone(), trunks.clone(), media));
        let who = (engine.clone(), api.strangers.clone());
        let scrape = Scrape::new(registry, who, &config.metrics.token, scrape_listener.is_some(), samplers);
        let scrape = config.metrics.enabled.then(|| Arc::new(scrape));
        let (operations, scraped) = operations::routers(readiness.clone(), scrape, scrape_listener);
        let router = operations.merge(api::router(engine.clone(), &api));
        Ok(Self {
            engine,
            http,
            sip: trunks.local_addr(),
            trunks,
            public_url,
            store,
            listener,
            router,
            scraped,
            reloadable,
            readiness,
            _lock: lock,
        })
    }

    /// What takes new settings while calls run.
    pub(crate) fn reloadable(&self) -> Reloadable {
        self.reloadable.clone()
    }

    /// Serves until it is told to stop, then lets calls end and closes. Told again, it ends the calls at once.
    pub(crate) async fn run(self, stop: Stop) {
        let (engine, trunks) = (self.engine.clone(), self.trunks.clone());
        let live_limits = self.reloadable.live_limits.clone();
        let (calls_ended, ended) = tokio::sync::oneshot::channel();
        let stopped = async move {
            stop.clone().told(1).await;
            service_manager::stopping();
            let drain = live_limits.drain();
            tracing::info!("stopping: no new calls, running ones have {} ms", drain.as_millis());
            engine.shutdown_or(drain, stop.told(2)).await;
            trunks.stop().await;
            // Whoever waits for it may be gone.
            let _ = calls_ended.send(());
        };
        let answers_sent = async move {
            // A closed channel means that serving ended first.
            let _ = ended.await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        if let Some((listener, router)) = self.scraped {
            tracing::info!(addr = ?listener.local_addr().ok(), "metrics are served");
            tokio::spawn(http::serve(listener, router, std::future::pending()));
        }
        tokio::select! {
            () = http::serve(self.listener, self.router, stopped) => {}
            () = answers_sent => {}
        }
        self.store.close().await;
    }
}

/// The port of the API.
async fn api_listener(addr: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(addr).await;
    listener.map_err(|error| {
        format!("the API cannot listen on {addr} ({error}); choose another with --http-addr").into()
    })
}

/// The port that metrics have of their own, if they have one.
async fn scrape_listener(config: &Config) -> Result<Option<TcpListener>, Failure> {
    let Some(addr) = config.metrics.addr.filter(|_| config.metrics.enabled) else { return Ok(None) };
    let listener = TcpListener::bind(addr).await;
    listener.map(Some).map_err(|error| {
        format!("metrics cannot be served on {addr} ({error}); choose another metrics.addr").into()
    })
}

/// What is read from the rooms whenever somebody asks for the figures.
fn samplers(engine: &Arc<Engine>, store: &Arc<SqliteStore>, media: &Arc<MediaEngine>) -> Vec<Sampler> {
    let (engine, store, media) = (engine.clone(), store.clone(), media.clone());
    vec![
        Box::new(move || engine.sample_figures()),
        Box::new(move || store.sample_figures()),
        Box::new(move || media.sample_figures()),
    ]
}

/// What takes new settings while calls run.
#[derive(Clone)]
pub(crate) struct Reloadable {
    pub engine: Arc<Engine>,
    pub store: Arc<SqliteStore>,
    pub clock: Arc<dyn Clock>,
    pub egress: Arc<HttpEgress>,
    pub limits: Arc<Limits>,
    pub live_limits: LiveLimits,
    pub trunks: Arc<TrunkCarrier>,
}

/// What both carriers and the engine need.
#[derive(Clone)]
struct Shared {
    media: Arc<MediaEngine>,
    tts: Arc<dyn Tts>,
    journal: Arc<Journal>,
    clock: Arc<dyn Clock>,
    live_limits: LiveLimits,
}

impl Shared {
    async fn start(config: &Config, dir: &DataDir, store: &Arc<SqliteStore>) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        provision::trunks(store.as_ref(), clock.now(), &config.trunks).await?;
        Ok(Self {
            media: start_media(config, clock.clone())?,
            tts: start_speech(config, dir.scratch()).await,
            journal: Journal::start(store.clone()),
            clock,
            live_limits: LiveLimits::of(config),
        })
    }

    async fn start_carriers(
        self,
        config: &Config,
        heard_dir: PathBuf,
        places: Arc<dyn EndpointStore>,
    ) -> Result<(Arc<TrunkCarrier>, Arc<SandboxCarrier>), Failure> {
        let Self { media, tts, journal, clock, live_limits } = self;
        let silence_limit = Some(config.rtp.silence_limit_ms).filter(|ms| *ms > 0).map(Duration::from_millis);
        let calls_max = live_limits.calls;
        let trunk = TrunkConfig {
            tcp: config.sip.tcp_addr.map(|tcp| match tcp {
                SipListener::Same => SocketAddr::new(config.sip.addr.ip(), 0),
                SipListener::At(address) => address,
            }),
            tls: config.sip.tls_addr,
            tls_files: tls_files(&config.sip.tls)?,
            calls_per_source_max: live_limits.calls_of_one_source,
            nameservers: config.sip.nameservers.clone(),
            phone_digest: config.sip.phone_digest,
            session: config.sip.session()?,
            advertised: config.sip.advertised_ip,
            user_agent: config.sip.user_agent.clone(),
            silence_limit,
            calls_max: calls_max.clone(),
            ..TrunkConfig::new(config.sip.addr)
        };
        let trunks = TrunkCarrier::start(trunk, media.clone(), journal.clone(), clock.clone()).await?;
        trunks.keep_places(places).await?;
        let network = config.sandbox.network;
        let heard = config.sandbox.heard.then(|| HeardConfig {
            dir: heard_dir,
            length_max: Duration::from_millis(config.sandbox.heard_ms_max),
            calls_max: config.sandbox.heard_calls_max,
        });
        let sandbox = SandboxConfig { network, silence_limit, calls_max, heard, ..SandboxConfig::default() };
        let sandbox = SandboxCarrier::start(sandbox, media, tts, journal, clock).await?;
        Ok((trunks, sandbox))
    }
}

fn api_config(config: &Config, public_url: &str) -> ApiConfig {
    let limits = Limits::new(config.limits.requests_per_minute, config.limits.webhook_requests_per_minute);
    ApiConfig { public_url: public_url.to_owned(), limits: Arc::new(limits), strangers: Arc::default() }
}

fn tls_files(tls: &SipTls) -> Result<TlsFiles, Failure> {
    let identity =
        |certificate: &Option<PathBuf>, key: &Option<PathBuf>, names: &str| match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Ok(Some(TlsIdentity { certificate: certificate.clone(), key: key.clone() }))
            }
            (None, None) => Ok(None),
            _ => Err(format!("configuration: of {names} in [sip.tls] one is given, and both are needed")),
        };
    Ok(TlsFiles {
        server: identity(&tls.cert, &tls.key, "cert and key")?,
        client: identity(&tls.client_cert, &tls.client_key, "client_cert and client_key")?,
        authorities: tls.ca.clone(),
        client_authorities: tls.client_ca.clone(),
        wildcards: tls.wildcards,
    })
}

fn engine_config(config: &Config, dir: &DataDir) -> Result<EngineConfig, Failure> {
    Ok(EngineConfig {
        personas: Arc::new(config.sandbox.directory()?),
        heard_dir: config.sandbox.heard.then(|| dir.heard()),
        media_folder: Some(config.media.folder.as_str()).filter(|folder| !folder.is_empty()).map(Into::into),
        media_bytes_max: config.media.file_bytes_max,
        media_timeout: Duration::from_millis(config.media.fetch_timeout_ms),
        clip_url_ttl: Duration::from_millis(config.media.url_ttl_ms),
        clip_cache_bytes_max: config.media.clip_cache_bytes_max,
        spool_dir: dir.spool(),
        lease: Duration::from_millis(config.calls.lease_ms),
        decision_timeout_ms: config.calls.decision_timeout_ms,
        idempotency_ttl: Duration::from_millis(config.calls.idempotency_ttl_ms),
        webhooks: WebhookPolicy {
            delays: config.webhooks.delays_s.iter().copied().map(Duration::from_secs).collect(),
            timeout: Duration::from_millis(config.webhooks.timeout_ms),
            parallel_max: config.webhooks.parallel_max,
            parallel_per_endpoint_max: config.webhooks.parallel_per_endpoint_max,
            ..WebhookPolicy::default()
        },
        ..EngineConfig::default()
    })
}

/// Sixty-four random bits of the operating system.
pub(crate) fn random_seed() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| format!("the operating system gives no random bytes: {error}").into())
}
