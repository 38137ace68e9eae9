//! Calls that arrive at the sandbox's calling side: those that personas were ordered to place, and no others.

use super::{CALL_HEADER, SandboxCarrier, sound_policy};
use crate::agent::Door;
use crate::agent::budget::Standing;
use crate::leg::sound::check_offer;
use crate::leg::story::Story;
use crate::leg::table::{Arrival, LegTable};
use crate::leg::transfer::TransferRules;
use crate::leg::{Leg, Line, Profile};
use model::call::Mode;
use model::leg::Refusal;
use model::{CallId, Pii};
use ports::carrier::IncomingRef;
use ports::{Carrier, CarrierError, Ceiling, InboundCalls, Timeline};
use sip::{CallKey, IncomingCall, Rejection};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// The calling side's door.
pub(super) struct SandboxDoor {
    /// Where personas live.
    pub(super) network: IpAddr,
    pub(super) silence_limit: Option<Duration>,
    pub(super) table: Arc<LegTable>,
    pub(super) timeline: Arc<dyn Timeline>,
    pub(super) ordered: Arc<OrderedCalls>,
    pub(super) inbound: OnceLock<Arc<dyn InboundCalls>>,
    pub(super) carrier: OnceLock<Weak<SandboxCarrier>>,
}

impl Door for SandboxDoor {
    fn standing(&self, source: IpAddr) -> Standing {
        let is_ours = source == self.network || source.to_canonical().is_loopback();
        if is_ours { Standing::Peer } else { Standing::Stranger }
    }

    fn incoming(&self, key: CallKey, call: &IncomingCall) -> Result<Leg, Rejection> {
        let ordered = call_of(&call.headers).is_some_and(|id| self.ordered.lock().contains(&id));
        if !ordered || self.inbound.get().is_none() {
            return Err(Rejection::with_code(403));
        }
        let sound = sound_policy(self.silence_limit);
        if let Some(offer) = &call.sdp {
            check_offer(offer, &sound.codecs, sound.srtp)
                .map_err(|refusal| Rejection::with_code(refusal.status_code()))?;
        }
        let profile =
            Profile { sound, permit: None, transfers: TransferRules::default(), line: Line::Closed };
        let seat = self.table.arrive(key, Arrival { peer: call.source.address.ip(), profile });
        Ok(Leg::incoming(key, seat, call.sdp.clone(), Story::new(Some(Arc::clone(&self.timeline)), None)))
    }

    fn arrived(&self, key: CallKey, call: IncomingCall) {
        let carrier = self.carrier.get().and_then(Weak::upgrade);
        let (Some(carrier), Some(inbound)) = (carrier, self.inbound.get()) else { return };
        // An order is for one call.
        let id = call_of(&call.headers).filter(|id| self.ordered.lock().remove(id));
        let Some(id) = id else { return carrier.refuse(IncomingRef(key.0), Refusal::NotFound) };
        let incoming = ports::IncomingCall {
            reference: IncomingRef(key.0),
            call: id,
            trunks: Vec::new(),
            phone: None,
            mode: Mode::Test,
            from: Pii::new(call.from_user),
            to: Pii::new(call.request_user),
            source: call.source.address,
            user_agent: call.user_agent,
        };
        inbound.arrived(carrier, incoming);
    }
}

/// The call that a message says it belongs to.
pub(super) fn call_of(headers: &[(String, String)]) -> Option<CallId> {
    let header = headers.iter().find(|header| header.0.eq_ignore_ascii_case(CALL_HEADER))?;
    header.1.parse().ok()
}

/// Calls that personas were ordered to place and that have not arrived yet.
pub(super) struct OrderedCalls {
    calls: Mutex<HashSet<CallId>>,
    calls_max: Ceiling,
}

impl OrderedCalls {
    pub(super) fn new(calls_max: Ceiling) -> Arc<Self> {
        Arc::new(Self { calls: Mutex::default(), calls_max })
    }

    /// Lets this call in once, for as long as the ticket lives.
    pub(super) fn order(self: &Arc<Self>, call: CallId) -> Result<Ticket, CarrierError> {
        let mut calls = self.lock();
        if self.calls_max.is_reached(calls.len()) {
            return Err(CarrierError::Full);
        }
        calls.insert(call);
        Ok(Ticket { ordered: Arc::clone(self), call })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<CallId>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call may arrive.
pub(super) struct Ticket {
    ordered: Arc<OrderedCalls>,
    call: CallId,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.ordered.lock().remove(&self.call);
    }
}
