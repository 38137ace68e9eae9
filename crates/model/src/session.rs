//! How long sessions live without a sign of life, and who gives it. Knows no call.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// What a trunk wants of the sessions of its calls; what is not given is as the server is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionPolicy {
    /// The interval that is asked for, in seconds; 0: none is asked for. See [`SessionPolicy::EXPIRES_S`].
    #[serde(default)]
    pub expires_s: Option<u32>,
    /// The shortest interval that is taken, in seconds; see [`SessionPolicy::MIN_S`].
    #[serde(default)]
    pub min_s: Option<u32>,
    /// Who is to refresh, where that is ours to choose.
    #[serde(default)]
    pub refresher: Option<SessionRefresher>,
}

impl SessionPolicy {
    /// Intervals that may be asked for, in seconds (RFC 4028 §4: no less than 90).
    pub const EXPIRES_S: RangeInclusive<u32> = 90..=86_400;
    /// Shortest intervals that may be set, in seconds.
    pub const MIN_S: RangeInclusive<u32> = 90..=3_600;

    /// Whether the interval is one that may be asked for, or none.
    pub fn is_interval(expires_s: u32) -> bool {
        expires_s == 0 || Self::EXPIRES_S.contains(&expires_s)
    }
}

/// Who keeps a session alive, as far as we may choose: a peer that names somebody is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionRefresher {
    /// The caller; in a call of ours the callee may choose.
    #[default]
    Caller,
    /// We do.
    Us,
    /// The peer.
    Peer,
}
