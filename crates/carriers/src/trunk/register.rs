//! Orders the registrations of trunks: anew, elsewhere, no longer. Orders are given one after the other, each only
//! where it is still wanted; names are looked up before, so that no slow name server holds the others up.

use super::{TrunkCarrier, digest_credentials, hosts};
use crate::agent::{AgentError, AgentOrder};
use crate::leg::attempts::Target;
use model::trunk::Trunk;
use sip::message::uri::escape_user;
use sip::{Hop, Registration, RegistrationKey};
use std::sync::Arc;
use std::time::Duration;

/// How long a carrier that stops waits for its registrations to be taken back.
const UNREGISTER_MAX: Duration = Duration::from_secs(2);

/// Held by whoever gives orders about registrations.
#[derive(Default)]
pub(super) struct Ordering {
    /// All are taken back; none comes any more.
    stopped: bool,
}

impl TrunkCarrier {
    /// Takes all registrations back for good, and waits a while for it.
    pub async fn stop(&self) {
        let mut ordering = self.ordering.lock().await;
        ordering.stopped = true;
        let change = self.registrations.replace(&[], self.clock.now());
        self.unregister(change.unregister).await;
        drop(ordering);
        self.write_places().await;
        if tokio::time::timeout(UNREGISTER_MAX, self.registrations.all_ended()).await.is_err() {
            tracing::warn!("not all registrations could be taken back");
        }
    }

    /// Orders what is to be registered, or no longer, for the trunks there are now.
    pub(super) async fn keep_registrations(&self) {
        let ordering = self.ordering.lock().await;
        if ordering.stopped {
            return;
        }
        let change = self.registrations.replace(&self.lines.all(), self.clock.now());
        self.unregister(change.unregister).await;
        drop(ordering);
        self.write_places().await;
        self.register_all(change.register).await;
    }

    /// The agent has forgotten all registrations: orders them again.
    pub(super) async fn restore_registrations(&self) {
        self.register_all(self.registrations.forgotten(self.clock.now())).await;
    }

    /// Registers those that could not be asked for.
    pub(super) async fn register_unasked(&self) {
        self.register_all(self.registrations.unasked()).await;
    }

    /// Registers at another host of the trunk, where there is one that did not fail lately too. Where there is none, the
    /// endpoint's own patience is enough.
    pub(super) async fn register_elsewhere(&self, key: RegistrationKey, trunk: &Trunk, failed: Hop) {
        let first = self.targets(trunk).await.ok().and_then(|targets| targets.into_iter().next());
        if let Some(target) = first
            && target.hop != failed
            && !self.avoided.contains(target.hop, self.clock.now())
        {
            self.register_at(key, trunk, target).await;
        }
    }

    async fn register_all(&self, wanted: Vec<(RegistrationKey, Arc<Trunk>)>) {
        for (key, trunk) in wanted {
            // Never empty where it is found at all: the first host that is not known to be out of order.
            match self.targets(&trunk).await.map(|targets| targets.into_iter().next()) {
                Ok(Some(target)) => self.register_at(key, &trunk, target).await,
                Ok(None) => {}
                Err(error) => {
                    self.registrations.cannot(key, &trunk, &error.to_string(), self.clock.now());
                }
            }
        }
    }

    /// Registers at this host, if the trunk is still to be registered in this way.
    async fn register_at(&self, key: RegistrationKey, trunk: &Trunk, target: Target) {
        let _ordering = self.ordering.lock().await;
        if !self.registrations.is_wanted(key, trunk) {
            return;
        }
        let now = self.clock.now();
        let Some(credentials) = trunk.credentials.as_ref() else {
            return self.registrations.cannot(key, trunk, "the trunk has no credentials", now);
        };
        let host = hosts::uri_host(&trunk.host, trunk.port);
        let registration = Box::new(Registration {
            registrar_uri: format!("sip:{host}"),
            aor: format!("sip:{}@{host}", escape_user(&credentials.username)),
            contact_user: credentials.username.clone(),
            destination: target.hop,
            credentials: digest_credentials(trunk),
            expires: Duration::from_secs(trunk.register_expires_s.into()),
        });
        // Before the order, so that what becomes of it counts.
        self.registrations.asked(key);
        let order = AgentOrder::Register { key, registration, name: target.name };
        if let Err(error) = self.tell_agent(order).await {
            self.registrations.cannot(key, trunk, &error.to_string(), now);
        }
    }

    async fn unregister(&self, keys: Vec<RegistrationKey>) {
        for key in keys {
            if self.tell_agent(AgentOrder::Unregister { key }).await.is_err() {
                self.registrations.ended(key);
            }
        }
    }

    async fn tell_agent(&self, order: AgentOrder) -> Result<(), AgentError> {
        let place = self.exchange.agent().reserve().await;
        place.map(|place| place.order(order)).inspect_err(|error| {
            tracing::warn!(%error, "a registration could not be ordered");
        })
    }
}
