//! Faults that several use cases share, and what a failing store means for the client.

use model::fault::{Fault, FaultCode};
use ports::StoreError;

/// What the client hears when the store cannot do it. The reason goes to the operator's log only.
pub(crate) fn of_store(error: StoreError) -> Fault {
    match error {
        StoreError::NotFound => Fault::new(FaultCode::NotFound),
        StoreError::Busy => {
            let mut fault = Fault::new(FaultCode::StoreUnavailable);
            fault.retry_after_s = Some(1);
            fault
        }
        other => {
            tracing::error!(error = %other, "the store failed");
            let mut fault = Fault::new(FaultCode::StoreUnavailable);
            fault.retry_after_s = Some(5);
            fault
        }
    }
}

/// A fault with words of its own that concerns no single field.
pub(crate) fn saying(code: FaultCode, message: impl Into<String>) -> Fault {
    Fault { message: message.into(), ..Fault::new(code) }
}
