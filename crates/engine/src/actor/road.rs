//! How a call reaches the outside. A test call's road has neither a trunk nor a live carrier in it.

use model::LegId;
use model::leg::LegOrder;
use persona::Settings;
use ports::carrier::Handover;
use ports::{Carrier, CarrierError, Route};
use std::sync::Arc;

/// The carrier of a call, and what it needs to dial.
#[derive(Clone)]
pub(crate) enum Road {
    /// Over a trunk, or to a registered phone.
    Live {
        /// The live carrier.
        carrier: Arc<dyn Carrier>,
        /// Where to; none if trunk or phone were removed meanwhile.
        route: Option<Route>,
    },
    /// To the sandbox.
    Sandbox {
        /// The sandbox.
        carrier: Arc<dyn Carrier>,
        /// What is set of the persona.
        settings: Box<Settings>,
    },
    /// Nowhere: the call was live, and this server has no live carrier any more.
    Nowhere,
}

impl Road {
    pub(super) fn carrier(&self) -> Result<&Arc<dyn Carrier>, CarrierError> {
        match self {
            Self::Live { carrier, .. } | Self::Sandbox { carrier, .. } => Ok(carrier),
            Self::Nowhere => Err(CarrierError::WrongRoute),
        }
    }

    /// Orders a leg.
    pub(super) fn order(&self, leg: LegId, order: LegOrder) -> Result<(), CarrierError> {
        self.carrier()?.order(leg, order)
    }

    /// Hangs up a leg that a dead process left behind.
    pub(super) fn release(&self, handover: Handover) {
        if let Ok(carrier) = self.carrier() {
            carrier.release(handover);
        }
    }

    /// Where to dial; none if trunk, phone or carrier are gone.
    pub(super) fn route(&self) -> Option<Route> {
        match self {
            Self::Live { route, .. } => route.clone(),
            Self::Sandbox { settings, .. } => Some(Route::Sandbox(settings.clone())),
            Self::Nowhere => None,
        }
    }
}
