//! Calls that arrive over trunks: whose they are by where they come from, and whether they can be taken.

use super::TrunkCarrier;
use super::lines::Lines;
use super::registrations::{FailedHost, Registrations};
use super::{phones, profile, sessions};
use crate::agent::budget::Standing;
use crate::agent::{Door, RegistrationNews};
use crate::leg::sound::check_offer;
use crate::leg::story::Story;
use crate::leg::table::{Arrival, LegTable};
use crate::leg::{Leg, Line, Profile};
use crate::phones::Phones;
use model::call::Mode;
use model::endpoint::PhoneEndpoint;
use model::leg::Refusal;
use model::sound::Codec;
use model::srtp::SrtpPolicy;
use model::trunk::Trunk;
use model::{EndpointId, Pii};
use ports::carrier::IncomingRef;
use ports::{Carrier, Clock, InboundCalls, Timeline};
use sip::message::Uri;
use sip::{
    CallKey, Hop, IncomingCall, IncomingRegister, RegisterOutcome, RegistrationKey, Rejection, SessionTimers,
};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// Most bytes of an address that is reported.
const ADDRESS_BYTES_MAX: usize = 256;
/// When a caller that met a full trunk may try again.
const RETRY_AFTER_S: u32 = 5;

/// The trunk carrier's door.
pub(super) struct TrunkDoor {
    pub(super) config: super::TrunkConfig,
    pub(super) lines: Arc<Lines>,
    pub(super) registrations: Arc<Registrations>,
    pub(super) phones: Arc<Phones>,
    /// Phones that proved to be who they say, until their call is told of.
    pub(super) proved: Mutex<HashMap<CallKey, EndpointId>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) table: Arc<LegTable>,
    pub(super) timeline: Arc<dyn Timeline>,
    pub(super) inbound: OnceLock<Arc<dyn InboundCalls>>,
    pub(super) carrier: OnceLock<Weak<TrunkCarrier>>,
}

impl Door for TrunkDoor {
    fn standing(&self, source: IpAddr) -> Standing {
        if self.lines.admits(source) {
            Standing::Peer
        } else if self.phones.are_at(source, self.clock.now()) {
            Standing::Phone
        } else {
            Standing::Stranger
        }
    }

    fn session_timers(&self, source: IpAddr) -> Option<SessionTimers> {
        let trunk = self.lines.of_source(source).into_iter().next()?;
        Some(sessions::timers(self.config.session, trunk.session))
    }

    fn is_registrar(&self) -> bool {
        self.phones.any()
    }

    fn register(&self, register: &IncomingRegister) -> RegisterOutcome {
        self.phones.register(register, self.clock.now())
    }

    fn closed(&self, hop: Hop) {
        self.phones.closed(hop, self.clock.now());
    }

    fn incoming(&self, key: CallKey, call: &IncomingCall) -> Result<Leg, Rejection> {
        let source = call.source.address.ip();
        let is_trunks = self.lines.admits(source);
        if let Some(phone) = self.phones.caller(call, is_trunks, self.clock.now()) {
            let phone = phone?;
            return self.phone_calls(key, call, &phone);
        }
        // Which of the trunks behind the address it is, the dialled number will say; the first counts it until then.
        let trunk = self.lines.of_source(source).into_iter().next();
        let trunk = trunk.ok_or_else(|| Rejection::with_code(403))?;
        if self.inbound.get().is_none() {
            return Err(Rejection::with_code(480));
        }
        check(call, &trunk.codecs, trunk.srtp)?;
        let place = self.lines.enter(&trunk).ok_or_else(full)?;
        Ok(self.leg(key, call, profile(&self.config, &trunk, place)))
    }

    fn may_take_over(&self, call: &IncomingCall, line: Line) -> Result<(), Rejection> {
        let source = call.source.address.ip();
        let is_its = match line {
            Line::Closed => false,
            Line::Trunk(trunk) => self.lines.of_source(source).iter().any(|known| known.id == trunk),
            Line::Phones(app) => {
                let phone = self.phones.caller(call, self.lines.admits(source), self.clock.now());
                phone.transpose()?.is_some_and(|phone| phone.app == app)
            }
        };
        if is_its { Ok(()) } else { Err(Rejection::with_code(403)) }
    }

    fn arrived(&self, key: CallKey, call: IncomingCall) {
        let carrier = self.carrier.get().and_then(Weak::upgrade);
        let (Some(carrier), Some(inbound)) = (carrier, self.inbound.get()) else { return };
        let phone = self.proved().remove(&key);
        let trunks =
            if phone.is_none() { self.lines.of_source(call.source.address.ip()) } else { Vec::new() };
        if trunks.is_empty() && phone.is_none() {
            return carrier.refuse(IncomingRef(key.0), Refusal::Unavailable);
        }
        let mut incoming = describe(key, call, &trunks, inbound.as_ref());
        incoming.phone = phone;
        inbound.arrived(carrier, incoming);
    }

    fn registration(&self, key: RegistrationKey, news: RegistrationNews) {
        let now = self.clock.now();
        let failed = self.registrations.news(key, news, now);
        let carrier = self.carrier.get().and_then(Weak::upgrade);
        if let (Some(FailedHost { trunk, hop, retry_after }), Some(carrier)) = (failed, carrier) {
            let wait_s = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX);
            carrier.avoided.failed(hop, Some(wait_s), now);
            // Another host of the carrier may answer.
            tokio::spawn(async move { carrier.register_elsewhere(key, &trunk, hop).await });
        }
    }

    fn restarted(&self) {
        if let Some(carrier) = self.carrier.get().and_then(Weak::upgrade) {
            tokio::spawn(async move { carrier.restore_registrations().await });
        }
    }
}

impl TrunkDoor {
    /// The call of a phone that proved to be this one.
    fn phone_calls(
        &self,
        key: CallKey,
        call: &IncomingCall,
        phone: &PhoneEndpoint,
    ) -> Result<Leg, Rejection> {
        if self.inbound.get().is_none() {
            return Err(Rejection::with_code(480));
        }
        // A phone that offers keys knows how it offers them.
        let profile = phones::profile(&self.config, phone.app, SrtpPolicy::Optional, call.source.address);
        check(call, &profile.sound.codecs, profile.sound.srtp)?;
        self.proved().insert(key, phone.id);
        Ok(self.leg(key, call, profile))
    }

    fn leg(&self, key: CallKey, call: &IncomingCall, profile: Profile) -> Leg {
        let seat = self.table.arrive(key, Arrival { peer: call.source.address.ip(), profile });
        let story = Story::new(Some(Arc::clone(&self.timeline)), None);
        Leg::incoming(key, seat, call.sdp.clone(), story)
    }

    fn proved(&self) -> MutexGuard<'_, HashMap<CallKey, EndpointId>> {
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the caller's offer could be answered.
fn check(call: &IncomingCall, codecs: &[Codec], srtp: SrtpPolicy) -> Result<(), Rejection> {
    let Some(offer) = &call.sdp else { return Ok(()) };
    check_offer(offer, codecs, srtp).map_err(|refusal| Rejection {
        reason: Some(refusal.to_string()),
        ..Rejection::with_code(refusal.status_code())
    })
}

fn full() -> Rejection {
    Rejection { retry_after_secs: Some(RETRY_AFTER_S), ..Rejection::with_code(503) }
}

fn describe(
    key: CallKey,
    call: IncomingCall,
    trunks: &[Arc<Trunk>],
    inbound: &dyn InboundCalls,
) -> ports::IncomingCall {
    let to = if is_contact(&call.request_user, trunks) { dialled(&call) } else { None };
    let to = to.unwrap_or(if call.request_user.is_empty() { call.request_uri } else { call.request_user });
    let from = if call.from_user.is_empty() { call.from_uri } else { call.from_user };
    ports::IncomingCall {
        reference: IncomingRef(key.0),
        call: inbound.next_call_id(),
        trunks: trunks.iter().map(|trunk| trunk.id).collect(),
        phone: None,
        mode: Mode::Live,
        from: Pii::new(cut(from)),
        to: Pii::new(cut(to)),
        source: call.source.address,
        user_agent: call.user_agent.map(cut),
    }
}

/// Whether a carrier sent the call to the contact that we registered there: whom it is for stands in To then.
fn is_contact(user: &str, trunks: &[Arc<Trunk>]) -> bool {
    let ours = |trunk: &Arc<Trunk>| trunk.credentials.as_ref().is_some_and(|known| known.username == user);
    trunks.iter().any(|trunk| trunk.register && ours(trunk))
}

fn dialled(call: &IncomingCall) -> Option<String> {
    let user = Uri::parse(&call.to_uri).ok()?.user_plain();
    (!user.is_empty()).then_some(user)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(ADDRESS_BYTES_MAX));
    text
}
