//! Open files: each leg of a call takes two sockets, so the process takes as many as it may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sockets of one leg: sound and its reports.
const PER_LEG: u64 = 2;
/// Room for everything else: the database, HTTP, recordings.
const REST: u64 = 256;
/// Fewer legs than this are worth a warning.
const LEGS_EXPECTED: u64 = 2_000;

/// Raises the limit to what the system allows, and warns when that carries few calls.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    let legs = limit.map(|files| files.saturating_sub(REST) / PER_LEG);
    if let Some(legs) = legs.filter(|legs| *legs < LEGS_EXPECTED) {
        tracing::warn!(
            "the limit of open files carries only about {legs} legs of calls; raise it (ulimit -n)"
        );
    }
}
