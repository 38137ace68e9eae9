//! A call's events as they become durable: what is in the store first, then what is added, until nothing more comes.

use crate::core::Core;
use crate::engine::Engine;
use crate::fault::of_store;
use crate::resources::app;
use model::event::Event;
use model::fault::Fault;
use model::tenant::Principal;
use model::{AppId, CallId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

/// Most events of one batch.
const BATCH_MAX: u32 = 100;
/// How long nothing may come before the follower hears so.
const QUIET: Duration = Duration::from_secs(15);

/// A call being followed.
pub struct EventFeed {
    core: Arc<Core>,
    app: AppId,
    call: CallId,
    after: u32,
    written: broadcast::Receiver<CallId>,
    stopping: watch::Receiver<bool>,
}

impl Engine {
    /// The events of a call with numbers above `after`, in order, at most 100.
    pub async fn events(&self, who: Principal, id: CallId, after: u32) -> Result<Vec<Event>, Fault> {
        self.call(who, id).await?;
        self.core.store.events(id, after, BATCH_MAX).await.map_err(of_store)
    }

    /// Follows the events of a call with numbers above `after`.
    pub async fn follow(&self, who: Principal, id: CallId, after: u32) -> Result<EventFeed, Fault> {
        self.call(who, id).await?;
        let (app, _) = app(who)?;
        let core = self.core.clone();
        let (written, stopping) = (core.follow_written(), core.stopping());
        Ok(EventFeed { core, app, call: id, after, written, stopping })
    }
}

impl EventFeed {
    /// The next events, in order; an empty batch after a quiet while; none when no event will ever follow, or the
    /// server stops.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, Fault> {
        loop {
            // Looked at before the events: what is over now has written all of them.
            let over = self.is_over().await?;
            let events = self.core.store.events(self.call, self.after, BATCH_MAX).await.map_err(of_store)?;
            if let Some(last) = events.last() {
                self.after = last.sequence;
                return Ok(Some(events));
            }
            if over || *self.stopping.borrow() {
                return Ok(None);
            }
            if timeout(QUIET, self.news()).await.is_err() {
                return Ok(Some(Vec::new()));
            }
        }
    }

    /// Waits until there may be something new.
    async fn news(&mut self) {
        loop {
            tokio::select! {
                written = self.written.recv() => match written {
                    Ok(call) if call != self.call => {}
                    _ => return,
                },
                // The sender lives as long as the core does.
                _ = self.stopping.changed() => return,
            }
        }
    }

    /// Whether the call has ended and nobody works on it any more, its recordings included.
    async fn is_over(&self) -> Result<bool, Fault> {
        if self.core.running.get(self.call).is_some() {
            return Ok(false);
        }
        let call = self.core.store.call(self.app, self.call).await.map_err(of_store)?;
        Ok(call.is_none_or(|call| call.status.is_final()))
    }
}
