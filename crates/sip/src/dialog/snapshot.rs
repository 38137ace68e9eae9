//! An answered call as plain data, to be kept and to come back from in another process: its dialog, its session timer, and
//! of the transactions those that matter (our answer that waits for its ACK, our BYE under way). Holds no password.

use crate::endpoint::order::Hop;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Layout of [`DialogSnapshot`].
pub(crate) const SNAPSHOT_VERSION: u8 = 2;

/// A dialog (RFC 3261 §12).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogState {
    /// Call-ID.
    pub call_id: String,
    /// Our side as it stands in From of our requests, tag included.
    pub local: String,
    /// The peer as it stands in To of our requests, tag included.
    pub remote: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty if it gave none (RFC 2543).
    pub remote_tag: String,
    /// Request-URI of our requests.
    pub remote_target: String,
    /// Route headers of our requests, in order.
    pub route_set: Vec<String>,
    /// Our Contact URI.
    pub local_contact: String,
    /// CSeq of our last request.
    pub local_cseq: u32,
    /// CSeq of the peer's last request, if there was one.
    pub remote_cseq: Option<u32>,
    /// The machine the INVITE was exchanged with.
    pub peer: Hop,
    /// The peer's last Allow names UPDATE.
    pub peer_allows_update: bool,
}

/// An answered call. `Debug` shows no number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogSnapshot {
    /// Layout of this data; 2.
    pub version: u8,
    /// The dialog.
    pub dialog: DialogState,
    /// Whether we called.
    pub placed: bool,
    /// How far it is.
    pub phase: SnapshotPhase,
    /// The session timer, if one runs.
    pub session: Option<SessionSnapshot>,
    /// The shortest session interval the peer takes, in seconds.
    pub min_se_secs: u32,
    /// The session description we sent last.
    pub local_sdp: Vec<u8>,
    /// Realms that challenged our INVITE; true where a proxy did (407).
    pub realms: Vec<(bool, String)>,
}

/// How far an answered call is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnapshotPhase {
    /// Both sides know of it.
    Confirmed,
    /// Our answer is not acknowledged.
    Unacknowledged(AnswerSnapshot),
    /// We hung up, and the peer has not confirmed it.
    Leaving {
        /// The value of the BYE's Reason.
        reason: Option<String>,
    },
}

/// Our answer that waits for its ACK.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerSnapshot {
    /// The response.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub hop: Hop,
    /// CSeq of its INVITE.
    pub cseq: u32,
    /// The INVITE had an offer.
    pub had_offer: bool,
}

/// A session timer (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSnapshot {
    /// Seconds from one refresh to the end without another.
    pub interval_secs: u32,
    /// Whether it is ours to refresh.
    pub we_refresh: bool,
    /// The last refresh.
    pub since: Timestamp,
}

impl fmt::Debug for DialogSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialogSnapshot({}, peer {})", self.dialog.call_id, self.dialog.peer.address)
    }
}

impl fmt::Debug for DialogState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialogState({}, peer {})", self.call_id, self.peer.address)
    }
}
