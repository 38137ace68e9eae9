//! A call that we hung up, until our BYE is settled (RFC 3261 §15.1.1, RFC 5407 §3.3): the application heard the end already;
//! a BYE of the peer that crosses with ours is answered, a challenge is met as far as it may be.

use super::Next;
use super::access::Access;
use super::dialog_request::DialogRequest;
use super::received::Received;
use crate::dialog::Dialog;
use crate::dialog::snapshot::DialogSnapshot;
use crate::dialog::snapshot::{SNAPSHOT_VERSION, SnapshotPhase};
use crate::endpoint::order::{CallKey, Hop};
use crate::endpoint::wire::Wire;
use crate::message::validate::{Request, Response};
use crate::message::{HeaderName, Method};
use crate::transaction::{ClientId, Owner};
use model::Timestamp;

/// Reason of a BYE to a session that was not refreshed (RFC 4028 §10).
pub(super) const SESSION_EXPIRED: &str = "SIP;cause=408;text=\"Session Expired\"";

/// A call that we hung up.
pub(crate) struct Leaving {
    key: CallKey,
    dialog: Dialog,
    access: Option<Box<Access>>,
    reason: Option<String>,
    request: DialogRequest,
    bye: ClientId,
}

impl Leaving {
    /// Says BYE; `reason` is the value of its Reason.
    pub(crate) fn start(
        key: CallKey,
        mut dialog: Dialog,
        access: Option<Box<Access>>,
        reason: Option<String>,
        wire: &mut Wire,
        now: Timestamp,
    ) -> Self {
        let mut request = DialogRequest::new("BYE");
        if let Some(reason) = &reason {
            request = request.header(HeaderName::Reason, reason);
        }
        let bye = request.send(&mut dialog, &[], Owner::Bye(key), wire, now);
        Self { key, dialog, access, reason, request, bye }
    }

    pub(crate) fn local_tag(&self) -> &str {
        self.dialog.local_tag()
    }

    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.dialog.matches(call_id, remote_tag)
    }

    pub(crate) fn snapshot(&self) -> DialogSnapshot {
        DialogSnapshot {
            version: SNAPSHOT_VERSION,
            dialog: self.dialog.state().clone(),
            placed: !self.key.is_incoming(),
            phase: SnapshotPhase::Leaving { reason: self.reason.clone() },
            session: None,
            min_se_secs: 0,
            local_sdp: Vec::new(),
            realms: self.access.as_ref().map_or_else(Vec::new, |access| access.realms().to_vec()),
        }
    }

    /// For the peer there is no call any more but to end.
    pub(crate) fn on_request(
        &mut self,
        request: &Request<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        let code = if request.method == Method::Bye { 200 } else { 481 };
        Received::open(request, source, self.key, wire).reply(code, wire, now);
    }

    /// A response to our BYE.
    pub(crate) fn on_response(
        &mut self,
        id: ClientId,
        response: &Response<'_, '_>,
        source: Hop,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        if id != self.bye || !matches!(response.code, 401 | 407) {
            return;
        }
        let Self { access: Some(access), dialog, request, .. } = self else { return };
        if let Some(line) = access.answer(response, source, dialog, request, wire) {
            self.bye = request.send(dialog, &line, Owner::Bye(self.key), wire, now);
        }
    }

    /// A BYE of ours has settled, or got no response.
    pub(crate) fn on_settled(&self, id: ClientId) -> Next {
        if id == self.bye { Next::Gone } else { Next::Stay }
    }
}
