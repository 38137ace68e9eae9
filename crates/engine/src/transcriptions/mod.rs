//! What is said in recordings, written down: asked for, worked off in the background a few at once, begun again after a
//! restart, told as an event of the recording's call.

mod ask;
mod work;

use crate::core::Core;
use crate::panics::keep_running;
use std::sync::Arc;

/// Starts the work; it ends when the engine stops.
pub(crate) fn start(core: &Arc<Core>) {
    keep_running(core, "transcriptions", work::run);
}
