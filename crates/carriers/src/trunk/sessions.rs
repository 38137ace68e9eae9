//! What session timers a trunk's calls have: its own wishes, else the server's, else the usual ones.

use model::session::SessionPolicy;
use sip::SessionTimers;

/// The timers of a trunk of this policy, at a server of that one.
pub(super) fn timers(server: SessionPolicy, trunk: SessionPolicy) -> SessionTimers {
    let usual = SessionTimers::default();
    let expires = trunk.expires_s.or(server.expires_s);
    SessionTimers {
        expires_secs: expires.map_or(usual.expires_secs, |secs| Some(secs).filter(|secs| *secs > 0)),
        min_secs: trunk.min_s.or(server.min_s).unwrap_or(usual.min_secs),
        refresher: trunk.refresher.or(server.refresher).unwrap_or(usual.refresher),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::session::SessionRefresher;

    fn check(server: SessionPolicy, trunk: SessionPolicy, expected: (Option<u32>, u32, SessionRefresher)) {
        let timers = timers(server, trunk);
        assert_eq!(
            (timers.expires_secs, timers.min_secs, timers.refresher),
            expected,
            "{server:?} {trunk:?}"
        );
    }

    #[test]
    fn a_trunk_says_what_it_wants_and_the_server_the_rest() {
        let nothing = SessionPolicy::default();
        check(nothing, nothing, (Some(1_800), 90, SessionRefresher::Caller));
        let server = SessionPolicy { expires_s: Some(0), min_s: Some(120), refresher: None };
        check(server, nothing, (None, 120, SessionRefresher::Caller));
        let trunk =
            SessionPolicy { expires_s: Some(600), min_s: None, refresher: Some(SessionRefresher::Us) };
        check(server, trunk, (Some(600), 120, SessionRefresher::Us));
        check(nothing, SessionPolicy { expires_s: Some(0), ..trunk }, (None, 90, SessionRefresher::Us));
    }
}
