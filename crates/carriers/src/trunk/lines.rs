//! The trunks that exist: whose calls are taken, from which addresses, and what each has going on. Knows no SIP.

use super::pace::{Meter, Place};
use model::TrunkId;
use model::trunk::Trunk;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

/// Most trunks that are kept.
const TRUNKS_MAX: usize = 10_000;
/// Most trunks that are told apart behind one address.
const SHARING_MAX: usize = 64;

/// All trunks, shared by the carrier and its door.
#[derive(Default)]
pub(crate) struct Lines {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    /// In the order they were given.
    trunks: Vec<Line>,
    /// Also of trunks that are gone as long as they have calls.
    meters: HashMap<TrunkId, Arc<Meter>>,
}

struct Line {
    trunk: Arc<Trunk>,
    /// Where its host was found last.
    addresses: Vec<IpAddr>,
}

impl Lines {
    /// These trunks exist from now on. Addresses that were found before are kept for those whose host is the same.
    pub(crate) fn replace(&self, trunks: Vec<Arc<Trunk>>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let known = std::mem::take(&mut inner.trunks);
        let addresses = |trunk: &Trunk| {
            let old = known.iter().find(|old| old.trunk.id == trunk.id && old.trunk.host == trunk.host);
            old.map(|old| old.addresses.clone()).unwrap_or_default()
        };
        let lines = trunks.into_iter().take(TRUNKS_MAX);
        inner.trunks = lines.map(|trunk| Line { addresses: addresses(&trunk), trunk }).collect();
        inner.forget_idle();
    }

    /// The trunks as they are now.
    pub(crate) fn all(&self) -> Vec<Arc<Trunk>> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.trunks.iter().map(|line| Arc::clone(&line.trunk)).collect()
    }

    /// Where a trunk's host was found.
    pub(crate) fn found(&self, trunk: TrunkId, addresses: &[SocketAddr]) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = inner.trunks.iter_mut().find(|line| line.trunk.id == trunk) {
            line.addresses = addresses.iter().map(|address| address.ip().to_canonical()).collect();
        }
    }

    /// Whether calls from this address belong to any trunk.
    pub(crate) fn admits(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.trunks.iter().any(|line| line.takes(source))
    }

    /// The trunks that calls from this address may belong to, in their order, at most [`SHARING_MAX`].
    pub(crate) fn of_source(&self, source: IpAddr) -> Vec<Arc<Trunk>> {
        let source = source.to_canonical();
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let lines = inner.trunks.iter().filter(|line| line.takes(source));
        lines.take(SHARING_MAX).map(|line| Arc::clone(&line.trunk)).collect()
    }

    /// What a trunk has going on.
    pub(crate) fn meter(&self, trunk: TrunkId) -> Arc<Meter> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if inner.meters.len() >= TRUNKS_MAX {
            inner.forget_idle();
        }
        Arc::clone(inner.meters.entry(trunk).or_default())
    }

    /// A place among a trunk's calls, if it may have one more.
    pub(crate) fn enter(&self, trunk: &Trunk) -> Option<Place> {
        self.meter(trunk.id).enter(trunk.concurrent_calls_max)
    }
}

impl Line {
    fn takes(&self, source: IpAddr) -> bool {
        let allowed = &self.trunk.allowed_sources;
        if allowed.is_empty() {
            self.addresses.contains(&source)
        } else {
            allowed.iter().any(|network| network.contains(source))
        }
    }
}

impl Inner {
    fn forget_idle(&mut self) {
        let trunks = &self.trunks;
        self.meters.retain(|id, meter| meter.calls() > 0 || trunks.iter().any(|line| line.trunk.id == *id));
    }
}
