//! SIP trunks and the phone numbers that live on them.

use crate::id::{AppId, NumberId, OrganizationId, TrunkId};
use crate::number::E164;
use crate::secret::Secret;
use crate::session::SessionPolicy;
use crate::sound::Codec;
use crate::srtp::SrtpPolicy;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A line to a carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// Its owner.
    pub organization: OrganizationId,
    /// What a person calls it.
    pub name: String,
    /// Host name or address of the carrier.
    pub host: String,
    /// Port of the carrier; none: as its domain says (RFC 3263), else the transport's own.
    #[serde(default)]
    pub port: Option<u16>,
    /// How it is spoken to.
    #[serde(default)]
    pub transport: TrunkTransport,
    /// Whether we register there.
    #[serde(default)]
    pub register: bool,
    /// How long a registration is to last, in seconds; see [`Trunk::REGISTER_EXPIRES_S_LIMITS`].
    #[serde(default = "Trunk::default_register_expires_s")]
    pub register_expires_s: u32,
    /// What becomes of calls that it sends elsewhere.
    #[serde(default)]
    pub redirects: RedirectPolicy,
    /// What becomes of its wishes that we call somebody for it.
    #[serde(default)]
    pub transfers: TransferPolicy,
    /// Whether its sound is encrypted, by keys in the session descriptions.
    #[serde(default)]
    pub srtp: SrtpPolicy,
    /// User and password, where the carrier asks for them.
    pub credentials: Option<TrunkCredentials>,
    /// Networks from which the carrier calls us; nobody else's calls are taken. Empty: none but `host`'s own
    /// addresses.
    pub allowed_sources: Vec<Network>,
    /// Codecs in order of preference; never empty.
    pub codecs: Vec<Codec>,
    /// Whose order counts where the carrier makes the offer.
    #[serde(default)]
    pub codec_preference: CodecPreference,
    /// How long its sessions live without a sign of life.
    #[serde(default)]
    pub session: SessionPolicy,
    /// New calls a second; see [`Trunk::CALLS_PER_SECOND_LIMITS`].
    pub calls_per_second_max: u16,
    /// Calls at once; see [`Trunk::CONCURRENT_CALLS_LIMITS`].
    pub concurrent_calls_max: u16,
    /// Whether the configuration file made it; then it goes when the file names it no longer.
    #[serde(default)]
    pub filed: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Trunk {
    /// Characters of a name.
    pub const NAME_CHARS: RangeInclusive<usize> = 1..=128;
    /// Characters of a host.
    pub const HOST_CHARS: RangeInclusive<usize> = 1..=253;
    /// How long a registration is to last where nothing is given.
    pub const REGISTER_EXPIRES_S: u32 = 600;
    /// What may be given.
    pub const REGISTER_EXPIRES_S_LIMITS: RangeInclusive<u32> = 60..=86_400;
    /// Ports that may be given.
    pub const PORTS: RangeInclusive<u16> = 1..=u16::MAX;
    /// Bytes of a user and of a password.
    pub const CREDENTIAL_BYTES: RangeInclusive<usize> = 1..=128;
    /// Most networks a carrier calls from.
    pub const SOURCES_MAX: usize = 64;
    /// How many codecs a trunk names.
    pub const CODEC_COUNTS: RangeInclusive<usize> = 1..=8;
    /// Codecs where none are given.
    pub const CODECS: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];
    /// New calls a second where nothing is given.
    pub const CALLS_PER_SECOND: u16 = 10;
    /// Limits of new calls a second that may be given.
    pub const CALLS_PER_SECOND_LIMITS: RangeInclusive<u16> = 1..=1_000;
    /// Calls at once where nothing is given.
    pub const CONCURRENT_CALLS: u16 = 100;
    /// Limits of calls at once that may be given.
    pub const CONCURRENT_CALLS_LIMITS: RangeInclusive<u16> = 1..=10_000;

    const fn default_register_expires_s() -> u32 {
        Self::REGISTER_EXPIRES_S
    }
}

/// How a trunk is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrunkTransport {
    /// As its domain says (RFC 3263); UDP where it says nothing.
    #[default]
    Auto,
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
    /// Connections that nobody on the way can read or change.
    Tls,
}

/// What becomes of calls that a carrier answers with a redirection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectPolicy {
    /// They fail.
    #[default]
    Refuse,
    /// They go where it says, as long as that is the carrier itself: its host, or its networks.
    Follow,
}

/// What becomes of a carrier's wishes, in a running call, that we call somebody for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferPolicy {
    /// They are refused: the new call would be paid for here.
    #[default]
    Refuse,
    /// They are followed as far as the app's own calls may go.
    Follow,
}

/// Whose order of codecs counts in our answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodecPreference {
    /// The offerer's, as RFC 3264 recommends.
    #[default]
    Theirs,
    /// The trunk's.
    Ours,
}

/// What a trunk's registration is like now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationStatus {
    /// How it stands.
    pub state: RegistrationState,
    /// Since when.
    pub since: Timestamp,
    /// When it ends unless it is renewed; only while it holds.
    pub expires_at: Option<Timestamp>,
    /// What went wrong last, for a person.
    pub last_error: Option<String>,
}

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationState {
    /// It was asked for and not answered yet.
    Registering,
    /// It holds.
    Registered,
    /// It does not hold, and is tried again.
    Failed,
}

/// What a trunk shows when it is challenged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkCredentials {
    /// The user.
    pub username: String,
    /// The password; never shown again.
    pub password: Secret<String>,
}

/// A range of addresses: an address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// The text is no address range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address range is an IP address, or an address and a prefix length as in 192.0.2.0/24")]
pub struct NetworkError;

impl Network {
    /// Whether every address lies in the range.
    pub const fn is_everything(&self) -> bool {
        self.prefix_bits == 0
    }

    /// Whether `address` lies in the range. An IPv4 address in its IPv6 mapping counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(host)) => {
                let shift = 32 - u32::from(self.prefix_bits.min(32));
                net.to_bits().checked_shr(shift) == host.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(net), IpAddr::V6(host)) => {
                let shift = 128 - u32::from(self.prefix_bits.min(128));
                net.to_bits().checked_shr(shift) == host.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(bits_max), str::parse).map_err(|_| NetworkError)?;
        if prefix_bits > bits_max { Err(NetworkError) } else { Ok(Self { address, prefix_bits }) }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;
    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        format!("{}/{}", network.address, network.prefix_bits)
    }
}

/// A number that an app owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneNumber {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// The app that may call from it and is called by it.
    pub app: AppId,
    /// The trunk it lives on.
    pub trunk: TrunkId,
    /// What becomes of calls to it: they are answered at once and the flow runs. None: the app decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<crate::flow::Flow>,
    /// Whether the configuration file assigned it; then it goes when the file names it no longer.
    #[serde(default)]
    pub filed: bool,
    /// When it was assigned.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, address: &str, expected: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), expected, "{network:?} {address}");
    }

    #[test]
    fn ranges() {
        check("192.0.2.0/24", "192.0.2.200", true);
        check("192.0.2.0/24", "192.0.3.1", false);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("192.0.2.0/24", "::ffff:192.0.2.9", true);
        check("0.0.0.0/0", "8.8.8.8", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/32", "2001:db8:1::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
    }

    #[test]
    fn bad_ranges_are_refused() {
        for bad in ["", "192.0.2.0/33", "192.0.2/24", "host", "::/129", "1.2.3.4/-1", "1.2.3.4/"] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
    }
}
