//! A dialog as plain data, to be kept and to come back from in another process. Knows no transactions: what was under
//! way is not kept, the call is.

use crate::endpoint::order::Hop;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An answered call's dialog (RFC 3261 §12). `Debug` shows no number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialogSnapshot {
    /// Layout of this data; 1.
    pub version: u8,
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
}

impl fmt::Debug for DialogSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialogSnapshot({}, peer {})", self.call_id, self.peer.address)
    }
}
