//! Whether the server can take a call now. Each check is bounded in time; an answer holds for a moment, so that
//! whoever asks often costs nothing.

use carriers::TrunkCarrier;
use engine::Engine;
use media::MediaEngine;
use std::sync::Arc;
use std::time::Duration;
use store::SqliteStore;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// Longest wait for the store's small write.
const STORE_LIMIT: Duration = Duration::from_secs(1);
/// How long the store's answer holds.
const STORE_ANSWER_HOLDS: Duration = Duration::from_secs(1);

/// One thing that must be well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub trouble: Option<&'static str>,
}

/// What is asked.
pub(crate) struct Readiness {
    engine: Arc<Engine>,
    store: Arc<SqliteStore>,
    trunks: Arc<TrunkCarrier>,
    media: Arc<MediaEngine>,
    /// What the store said last, and when. Whoever asks meanwhile waits for the same answer.
    stored: Mutex<Option<(Instant, Option<&'static str>)>>,
}

impl Readiness {
    pub(crate) fn new(
        engine: Arc<Engine>,
        store: Arc<SqliteStore>,
        trunks: Arc<TrunkCarrier>,
        media: Arc<MediaEngine>,
    ) -> Self {
        Self { engine, store, trunks, media, stored: Mutex::default() }
    }

    /// Whether the parts that nothing restarts still run, and do not stand still.
    pub(crate) fn lives(&self) -> bool {
        self.trunks.is_running() && self.media_trouble().is_none()
    }

    /// Everything, in a fixed order.
    pub(crate) async fn checks(&self) -> Vec<Check> {
        let check = |name, well: bool, trouble| Check { name, trouble: (!well).then_some(trouble) };
        vec![
            check("accepting", !self.engine.is_draining(), "the server is being stopped"),
            Check { name: "store", trouble: self.store_trouble().await },
            check("sip", self.trunks.is_running(), "signalling has stopped"),
            Check { name: "media", trouble: self.media_trouble() },
        ]
    }

    fn media_trouble(&self) -> Option<&'static str> {
        if !self.media.is_running() {
            return Some("a media worker has stopped");
        }
        (!self.media.is_ticking()).then_some("a media worker stands still")
    }

    async fn store_trouble(&self) -> Option<&'static str> {
        let mut stored = self.stored.lock().await;
        if let Some((at, trouble)) = *stored
            && at.elapsed() < STORE_ANSWER_HOLDS
        {
            return trouble;
        }
        let trouble = match timeout(STORE_LIMIT, self.store.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some("the database takes no writes"),
            Err(_) => Some("the database is too slow"),
        };
        *stored = Some((Instant::now(), trouble));
        trouble
    }
}
