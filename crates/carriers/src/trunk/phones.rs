//! Legs to phones that registered here: to all places of the same rank at once, the most wanted ones first.

use super::TrunkConfig;
use crate::agent::socket::address_towards;
use crate::leg::attempts::{Guide, Target};
use crate::leg::exchange::Placing;
use crate::leg::sound::SoundPolicy;
use crate::leg::transfer::TransferRules;
use crate::leg::{Line, Profile};
use model::sound::Codec;
use model::srtp::SrtpPolicy;
use model::{AppId, Timestamp};
use ports::Dial;
use sip::{FailedBy, Failure, Hop, Party, Transport};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What phones are offered: what costs nothing first.
const CODECS: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

/// A phone's places are all there is: none is avoided for long, and none leads elsewhere. Where one has refused the next
/// one is rung, unless it spoke for all of them (RFC 3261 §16.7).
struct PhoneGuide;

impl Guide for PhoneGuide {
    fn failed(&self, _hop: Hop, _retry_after_s: Option<u32>, _now: Timestamp) {}

    fn goes_on(&self, failure: &Failure) -> bool {
        failure.by != FailedBy::RingTimeout && failure.code < 600
    }

    fn redirected(&self, _uri: &str) -> Vec<Target> {
        Vec::new()
    }
}

/// How a leg of a phone behaves.
pub(super) fn profile(config: &TrunkConfig, app: AppId, srtp: SrtpPolicy, peer: SocketAddr) -> Profile {
    let sound = SoundPolicy {
        codecs: CODECS.to_vec(),
        prefer_ours: false,
        silence_limit: config.silence_limit,
        advertised: config.advertised,
        telephone_events: true,
        srtp,
        loopback_only: false,
    };
    // A phone calls whom it is asked to call through us.
    let transfers = TransferRules { host: own_host(config, peer), follows: true };
    Profile { sound, permit: None, transfers, line: Line::Phones(app) }
}

/// A leg to a phone at these places; none if it is at no place.
pub(super) fn placing(
    config: &TrunkConfig,
    dial: &Dial,
    app: AppId,
    targets: Vec<Target>,
) -> Option<Placing> {
    let first = targets.first()?;
    let (to_uri, peer) = (first.uri.clone()?, first.hop.address);
    // The phone calls back by what stands in From: it shall reach us.
    let host = own_host(config, first.hop.address);
    // Keys are offered only where nobody reads them on the way.
    let secret = targets.iter().all(|target| target.hop.transport == Transport::Tls);
    let srtp = if secret { SrtpPolicy::Optional } else { SrtpPolicy::Off };
    Some(Placing {
        targets,
        guide: Some(Arc::new(PhoneGuide)),
        to_uri,
        from: Party { display: None, user: dial.from.expose().clone(), host },
        credentials: None,
        headers: Vec::new(),
        session_timers: None,
        ring_timeout: Duration::from_millis(dial.ring_timeout_ms.into()),
        profile: profile(config, app, srtp, peer),
    })
}

/// How a phone there writes our address.
fn own_host(config: &TrunkConfig, peer: SocketAddr) -> String {
    let own = config.advertised.or_else(|| address_towards(peer).ok());
    let host = own.unwrap_or_else(|| config.bind.ip()).to_string();
    if host.contains(':') { format!("[{host}]") } else { host }
}
