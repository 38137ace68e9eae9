//! The session timer of an answered call (RFC 4028 §7.4, §10): refreshed by UPDATE where the peer allows it, else by a
//! re-INVITE that offers what is agreed already; without a refresh the call ends before the interval does.

use super::change::Purpose;
use super::{Next, Talking};
use crate::endpoint::output::EndedBy;
use crate::endpoint::wire::Wire;
use crate::session::leaving::SESSION_EXPIRED;
use model::Timestamp;
use std::time::Duration;

/// When a refresh is due while something else is under way.
const BUSY_PAUSE: Duration = Duration::from_secs(2);
/// When the peer refused a refresh without a word about when.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

impl Talking {
    /// Half the interval is over, and it is ours to refresh.
    pub(crate) fn on_session_refresh(&mut self, wire: &mut Wire, now: Timestamp) {
        if self.is_closing() {
            return;
        }
        let updates = self.dialog.allows_update();
        if self.ours.is_some() || self.is_busy_without_ours() || !updates && self.local_sdp.is_empty() {
            return self.clock.try_later(BUSY_PAUSE, self.key, wire, now);
        }
        if updates {
            self.start_change("UPDATE", Purpose::Refresh, Vec::new(), wire, now);
        } else {
            self.start_change("INVITE", Purpose::Refresh, self.local_sdp.clone(), wire, now);
        }
    }

    /// The peer did not take our refresh; the session has not ended for that (§7.4).
    pub(super) fn on_refresh_refused(
        &mut self,
        method: &str,
        code: u16,
        retry_after: Option<Duration>,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        if method == "UPDATE" && matches!(code, 405 | 501) {
            self.dialog.forget_update();
            return self.on_session_refresh(wire, now);
        }
        self.clock.try_later(retry_after.unwrap_or(REFUSED_PAUSE).max(BUSY_PAUSE), self.key, wire, now);
    }

    /// The interval is nearly over, and nobody refreshed.
    pub(crate) fn on_session_end(&mut self, wire: &mut Wire, now: Timestamp) -> Next {
        if self.is_closing() {
            return Next::Stay;
        }
        self.leave(EndedBy::SessionExpired, Some(SESSION_EXPIRED.to_owned()), wire, now)
    }
}
