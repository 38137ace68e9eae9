//! Registrations we keep: orders, responses and timers find theirs here.

use super::Endpoint;
use super::order::{Hop, OrderError};
use super::output::FailedBy;
use super::register::{Registration, RegistrationKey};
use crate::message::validate::Response;
use crate::registration::{After, Registering};
use crate::transaction::ClientId;
use model::Timestamp;

impl Endpoint {
    pub(super) fn register(
        &mut self,
        key: RegistrationKey,
        registration: Registration,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        if let Some(registering) = self.registrations.get_mut(&key) {
            return registering.change(registration, &mut self.wire, now);
        }
        let full = self.registrations.len() >= self.wire.config.limits.registrations_max;
        if full || !self.wire.has_room() {
            return Err(OrderError::Full);
        }
        let registering = Registering::start(key, registration, &mut self.wire, now)?;
        self.registrations.insert(key, registering);
        Ok(())
    }

    pub(super) fn unregister(&mut self, key: RegistrationKey, now: Timestamp) -> Result<(), OrderError> {
        self.with_registering(key, |registering, wire| registering.end(wire, now))
            .ok_or(OrderError::UnknownRegistration)
    }

    pub(super) fn on_register_response(
        &mut self,
        key: RegistrationKey,
        id: ClientId,
        response: &Response<'_, '_>,
        source: Hop,
        now: Timestamp,
    ) {
        self.with_registering(key, |registering, wire| match registering.waits_for(id) {
            true => registering.on_response(response, source, wire, now),
            false => After::Stay,
        });
    }

    pub(super) fn on_register_silence(
        &mut self,
        key: RegistrationKey,
        id: ClientId,
        by: FailedBy,
        now: Timestamp,
    ) {
        self.with_registering(key, |registering, wire| match registering.waits_for(id) {
            true => registering.on_silence(by, wire, now),
            false => After::Stay,
        });
    }

    pub(super) fn on_register_again(&mut self, key: RegistrationKey, now: Timestamp) {
        self.with_registering(key, |registering, wire| {
            registering.on_timer(wire, now);
            After::Stay
        });
    }

    fn with_registering(
        &mut self,
        key: RegistrationKey,
        act: impl FnOnce(&mut Registering, &mut super::Wire) -> After,
    ) -> Option<()> {
        let registering = self.registrations.get_mut(&key)?;
        if act(registering, &mut self.wire) == After::Gone {
            self.registrations.remove(&key);
        }
        Some(())
    }
}
