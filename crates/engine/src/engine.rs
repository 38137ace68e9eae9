//! The engine as doors and the binary see it: start, stop, and who asks. The use cases stand in `calls`, `keys`
//! and `resources`, one file each.

use crate::calls::scheduled;
use crate::config::EngineParts;
use crate::core::Core;
use crate::fault::{of_store, saying};
use crate::journal::Journal;
use crate::panics::keep_running;
use crate::resources::keep_default_channels;
use crate::{actor, figures, transcriptions, webhooks};
use model::Timestamp;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use ports::Timeline;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long calls may take to end once they are told to: a call's own guards end it within 33 s.
const ENDING_LIMIT: Duration = Duration::from_secs(40);
/// How long the journal may take for its last lines.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// The use cases.
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

impl Engine {
    /// Takes over the calls that a dead process left, and starts dispatch, lease renewal and webhook delivery.
    /// The live carrier knows all trunks when this returns.
    pub async fn start(parts: EngineParts) -> Result<Arc<Self>, Fault> {
        figures::describe();
        let core = Arc::new(Core::new(parts));
        tokio::fs::create_dir_all(&core.config.spool_dir).await.map_err(|error| {
            let place = core.config.spool_dir.display();
            saying(
                FaultCode::StoreUnavailable,
                format!("the spool directory {place} cannot be made: {error}"),
            )
        })?;
        core.trunks.refresh(core.store.as_ref()).await.map_err(of_store)?;
        core.phones.refresh(core.store.as_ref(), &core.trunks).await.map_err(of_store)?;
        keep_default_channels(core.store.as_ref(), core.now()).await.map_err(of_store)?;
        actor::recover(&core).await.map_err(of_store)?;
        keep_running(&core, "leases", actor::keep_leases);
        keep_running(&core, "schedule", scheduled::keep);
        webhooks::start(&core);
        transcriptions::start(&core);
        Ok(Arc::new(Self { core }))
    }

    /// Whom a presented key speaks for.
    pub async fn authenticate(&self, presented: &str) -> Result<Principal, Fault> {
        self.core.authenticate(presented).await
    }

    /// Takes no new calls, waits up to `limit` for the running ones, ends those that are left in order, and stops.
    pub async fn shutdown(&self, limit: Duration) {
        self.shutdown_or(limit, std::future::pending()).await;
    }

    /// The same; running calls are ended at the latest when `hurry` is over.
    pub async fn shutdown_or(&self, limit: Duration, hurry: impl Future<Output = ()>) {
        self.core.drain();
        let all_ended = tokio::select! {
            ended = timeout(limit, self.core.running.none_left()) => ended.is_ok(),
            () = hurry => self.core.running.len() == 0,
        };
        if !all_ended {
            for mailbox in self.core.running.all() {
                mailbox.shut_down();
            }
            if timeout(ENDING_LIMIT, self.core.running.none_left()).await.is_err() {
                tracing::error!(
                    calls = self.core.running.len(),
                    "calls did not end; the next start ends them"
                );
            }
        }
        self.core.stop();
        if timeout(FLUSH_LIMIT, self.core.journal.flush()).await.is_err() {
            tracing::warn!("the last timeline lines could not be written");
        }
    }

    /// Reads the trunks again, which another hand may have changed, and tells the live carrier.
    pub async fn refresh_trunks(&self) -> Result<(), Fault> {
        self.core.trunks.refresh(self.core.store.as_ref()).await.map_err(of_store)
    }

    /// Takes no new calls from now on; running ones go on.
    pub fn drain(&self) {
        self.core.drain();
    }

    /// The time by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Whether new calls are refused because the server stops.
    pub fn is_draining(&self) -> bool {
        self.core.is_draining()
    }

    /// How many calls run here.
    pub fn running_calls(&self) -> usize {
        self.core.running.len()
    }

    /// Where other rooms write timelines.
    pub fn timeline_sink(&self) -> Arc<dyn Timeline> {
        self.core.journal.clone()
    }

    /// The journal, to follow calls live.
    pub fn journal(&self) -> Arc<Journal> {
        self.core.journal.clone()
    }
}
