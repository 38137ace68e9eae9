//! Who can be called with test keys, and what a call sets of them.

use crate::actor::Road;
use crate::core::Core;
use crate::engine::Engine;
use model::call::Call;
use model::fault::{Fault, FaultCode};
use persona::{Directory, SettingError, SettingFault, Settings};
use serde_json::{Map, Value};
use std::sync::{Arc, PoisonError};

impl Engine {
    /// Everybody who can be called with test keys.
    pub fn personas(&self) -> Arc<Directory> {
        self.core.personas()
    }

    /// Others can be called from now on; running calls go on as they are.
    pub fn set_personas(&self, directory: Directory) {
        *self.core.personas.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
    }
}

impl Core {
    pub(crate) fn personas(&self) -> Arc<Directory> {
        Arc::clone(&self.personas.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a test call's metadata sets of whoever is called.
    pub(crate) fn persona_settings(
        &self,
        to: &str,
        metadata: &Map<String, Value>,
    ) -> Result<Settings, Fault> {
        let settings = Settings::from_metadata(metadata).map_err(fault_of)?;
        self.personas().resolve(to, settings, "metadata.sandbox").map_err(fault_of)
    }

    /// A test call's road. What was checked when the call was placed may be gone from the configuration since; the call
    /// then goes to whoever has the number.
    pub(crate) fn sandbox_road(&self, call: &Call) -> Road {
        let settings = self.persona_settings(call.to.expose(), &call.metadata).unwrap_or_default();
        Road::Sandbox { carrier: self.sandbox.clone(), settings: Box::new(settings) }
    }
}

/// A setting that cannot be, as a fault of its field.
pub(super) fn fault_of(error: SettingError) -> Fault {
    let code = match error.fault {
        SettingFault::Unknown => FaultCode::UnknownField,
        SettingFault::Invalid => FaultCode::InvalidField,
    };
    Fault::field(code, error.field, error.message)
}
