//! Ids: one 128-bit UUIDv7 a thing, in a type per kind. The other spelling, a KSUID whose payload is the UUID
//! and whose time is the UUID's own second, is derived and never stored, so no mapping table exists.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use svix_ksuid::{Ksuid, KsuidLike};
use uuid::Uuid;

/// First second a KSUID can express (2014-05-13T16:53:20Z).
const KSUID_EPOCH_SECS: u64 = 1_400_000_000;

/// The text is no id of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct IdError;

/// Makes ids from a seed, so that a simulation makes the same ones again. Time is an argument.
#[derive(Debug, Clone)]
pub struct IdSource {
    state: u64,
}

impl IdSource {
    /// A source whose sequence is fully given by `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits (SplitMix64).
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next UUIDv7 of the millisecond of `now`.
    pub fn next_uuid(&mut self, now: Timestamp) -> Uuid {
        let mut random = [0u8; 10];
        let wide = (u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())).to_be_bytes();
        for (to, from) in random.iter_mut().zip(wide) {
            *to = from;
        }
        uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &random).into_uuid()
    }
}

fn ksuid_text(id: Uuid) -> String {
    let millis = (id.as_u128() >> 80) as u64;
    let seconds = (millis / 1_000).saturating_sub(KSUID_EPOCH_SECS);
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    let mut raw = [0u8; 20];
    let (time, payload) = raw.split_at_mut(4);
    time.copy_from_slice(&seconds.to_be_bytes());
    payload.copy_from_slice(id.as_bytes());
    Ksuid::from_bytes(raw).to_string()
}

fn parse_ksuid(text: &str) -> Result<Uuid, IdError> {
    if text.len() != 27 || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(IdError);
    }
    let ksuid = Ksuid::from_base62(text).map_err(|_| IdError)?;
    let payload: [u8; 16] = ksuid.payload().try_into().map_err(|_| IdError)?;
    let id = Uuid::from_bytes(payload);
    // Only the one spelling that we would print is the id's own.
    if ksuid_text(id) == text { Ok(id) } else { Err(IdError) }
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id from `source`, of the millisecond of `now`.
            pub fn generate(source: &mut IdSource, now: Timestamp) -> Self {
                Self(source.next_uuid(now))
            }

            /// From the stored 128 bits.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The 128 bits.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The 27 base62 digits of the KSUID spelling, without any prefix.
            pub fn to_ksuid(self) -> String {
                ksuid_text(self.0)
            }

            /// Reads [`Self::to_ksuid`]'s spelling.
            pub fn from_ksuid(text: &str) -> Result<Self, IdError> {
                parse_ksuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }
    )+};
}

id_types! {
    /// The owner of apps, trunks and admin keys.
    OrganizationId,
    /// An app: the owner of calls, numbers, webhooks and app keys.
    AppId,
    /// A key's record (never the key itself).
    KeyId,
    /// A call.
    CallId,
    /// A command given to a running call, or a step of its flow.
    CommandId,
    /// One recording of a call.
    RecordingId,
    /// What is said in a recording, written down.
    TranscriptionId,
    /// A webhook endpoint.
    WebhookId,
    /// A SIP trunk.
    TrunkId,
    /// A phone number that an app owns.
    NumberId,
    /// A phone that registers.
    EndpointId,
    /// A voice channel of an app.
    VoiceChannelId,
    /// One run of the server process; the owner of leases.
    NodeId,
}

/// A leg of a call: the call and the leg's ordinal in it. Leg 0 is the one the call was made for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId {
    /// The call it belongs to.
    pub call: CallId,
    /// Ordinal within the call, from 0.
    pub ordinal: u16,
}

impl LegId {
    /// The leg of this ordinal.
    pub const fn new(call: CallId, ordinal: u16) -> Self {
        Self { call, ordinal }
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.call, self.ordinal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ksuid_is_the_uuid_with_its_own_second() {
        let now = Timestamp::from_millis(1_777_713_247_120);
        let mut source = IdSource::new(7);
        for _ in 0..100 {
            let id = CallId::generate(&mut source, now);
            let text = id.to_ksuid();
            assert_eq!(text.len(), 27);
            assert_eq!(CallId::from_ksuid(&text), Ok(id));
            assert_eq!(id.uuid().get_version_num(), 7);
            let ksuid = Ksuid::from_base62(&text).unwrap();
            assert_eq!(u64::try_from(ksuid.timestamp_seconds()).unwrap(), now.as_secs());
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let id = CallId::generate(&mut IdSource::new(1), Timestamp::from_millis(1_777_713_247_120));
        let text = id.to_ksuid();
        let other_second = format!("4{}", &text[1..]);
        let overflow = "z".repeat(27);
        for bad in
            ["", "abc", other_second.as_str(), overflow.as_str(), &text[..26], &format!("{}é", &text[..25])]
        {
            assert_eq!(CallId::from_ksuid(bad), Err(IdError), "{bad}");
        }
    }

    #[test]
    fn same_seed_same_ids() {
        let now = Timestamp::from_millis(1);
        let ids = |seed| {
            let mut source = IdSource::new(seed);
            [source.next_uuid(now), source.next_uuid(now)]
        };
        assert_eq!(ids(3), ids(3));
        assert_ne!(ids(3), ids(4));
    }
}
