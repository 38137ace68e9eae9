//! 0005, 0006, 0008, 0009: do not take the call, each for its own reason.

use crate::output::PersonaRefusal;
use crate::script::{Opening, Script};

/// 0005: declines.
pub(crate) const DECLINED: PersonaRefusal =
    PersonaRefusal { code: 603, phrase: "Decline", q850: Some(21), retry_after_s: None };
/// 0006: busy.
pub(crate) const BUSY: PersonaRefusal =
    PersonaRefusal { code: 486, phrase: "Busy Here", q850: Some(17), retry_after_s: None };
/// 0008: a number that nobody has.
pub(crate) const UNALLOCATED: PersonaRefusal =
    PersonaRefusal { code: 404, phrase: "Not Found", q850: Some(1), retry_after_s: None };
/// 0009: a carrier that fails.
pub(crate) const OUT_OF_ORDER: PersonaRefusal =
    PersonaRefusal { code: 503, phrase: "Service Unavailable", q850: None, retry_after_s: Some(30) };

pub(crate) struct Refuser(pub(crate) PersonaRefusal);

impl Script for Refuser {
    fn opening(&self) -> Opening {
        Opening::Refuse(self.0)
    }
}
