//! Calls that arrive over trunks: whose they are by where they come from, and whether they can be taken.

use super::TrunkCarrier;
use super::lines::Lines;
use super::profile;
use super::registrations::Registrations;
use crate::agent::{Door, RegistrationNews};
use crate::leg::Leg;
use crate::leg::sound::check_offer;
use crate::leg::story::Story;
use crate::leg::table::{Arrival, LegTable};
use model::Pii;
use model::call::Mode;
use model::leg::Refusal;
use model::srtp::SrtpPolicy;
use model::trunk::Trunk;
use ports::carrier::IncomingRef;
use ports::{Carrier, Clock, InboundCalls, Timeline};
use sip::message::Uri;
use sip::{CallKey, IncomingCall, RegistrationKey, Rejection};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};

/// Most bytes of an address that is reported.
const ADDRESS_BYTES_MAX: usize = 256;
/// When a caller that met a full trunk may try again.
const RETRY_AFTER_S: u32 = 5;

/// The trunk carrier's door.
pub(super) struct TrunkDoor {
    pub(super) config: super::TrunkConfig,
    pub(super) lines: Arc<Lines>,
    pub(super) registrations: Arc<Registrations>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) table: Arc<LegTable>,
    pub(super) timeline: Arc<dyn Timeline>,
    pub(super) inbound: OnceLock<Arc<dyn InboundCalls>>,
    pub(super) carrier: OnceLock<Weak<TrunkCarrier>>,
}

impl Door for TrunkDoor {
    fn admits(&self, source: IpAddr) -> bool {
        self.lines.admits(source)
    }

    fn incoming(&self, key: CallKey, call: &IncomingCall) -> Result<Leg, Rejection> {
        let source = call.source.address.ip();
        // Which of the trunks behind the address it is, the dialled number will say; the first counts it until then.
        let trunk = self.lines.of_source(source).into_iter().next();
        let trunk = trunk.ok_or_else(|| Rejection::with_code(403))?;
        if self.inbound.get().is_none() {
            return Err(Rejection::with_code(480));
        }
        if let Some(offer) = &call.sdp {
            check_offer(offer, &trunk.codecs, SrtpPolicy::Off).map_err(|refusal| Rejection {
                reason: Some(refusal.to_string()),
                ..Rejection::with_code(refusal.status_code())
            })?;
        }
        let place = self.lines.enter(&trunk).ok_or_else(full)?;
        let profile = profile(&self.config, &trunk, place);
        let seat = self.table.arrive(key, Arrival { peer: source, profile });
        let story = Story::new(Some(Arc::clone(&self.timeline)), None);
        Ok(Leg::incoming(key, seat, call.sdp.clone(), story))
    }

    fn arrived(&self, key: CallKey, call: IncomingCall) {
        let carrier = self.carrier.get().and_then(Weak::upgrade);
        let (Some(carrier), Some(inbound)) = (carrier, self.inbound.get()) else { return };
        let trunks = self.lines.of_source(call.source.address.ip());
        if trunks.is_empty() {
            return carrier.refuse(IncomingRef(key.0), Refusal::Unavailable);
        }
        let incoming = describe(key, call, &trunks, inbound.as_ref());
        inbound.arrived(carrier, incoming);
    }

    fn registration(&self, key: RegistrationKey, news: RegistrationNews) {
        let failed = self.registrations.news(key, news, self.clock.now());
        let carrier = self.carrier.get().and_then(Weak::upgrade);
        if let (Some(trunk), Some(carrier)) = (failed, carrier) {
            // Another host of the carrier may answer.
            tokio::spawn(async move { carrier.register_elsewhere(key, &trunk).await });
        }
    }
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
