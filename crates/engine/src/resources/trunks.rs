//! Trunks: lines to carriers. Admin keys only.

use super::checks::{admin, idempotent, page, written};
use crate::calls::{IdempotencyHeader, Outcome};
use crate::core::Core;
use crate::engine::Engine;
use crate::fault::of_store;
use model::TrunkId;
use model::fault::{Fault, FaultCode};
use model::session::{SessionPolicy, SessionRefresher};
use model::sound::Codec;
use model::srtp::SrtpPolicy;
use model::tenant::Principal;
use model::trunk::{
    CodecPreference, Network, RedirectPolicy, RegistrationStatus, TransferPolicy, Trunk, TrunkCredentials,
    TrunkTransport,
};
use ports::StoreError;
use ports::store::{Page, PageRequest, StoredResponse};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A trunk to be made; see [`Trunk`].
#[derive(Debug, Clone)]
pub struct NewTrunk {
    /// What a person calls it; see [`Trunk::NAME_CHARS`].
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port; none: as the domain says, else the transport's own.
    pub port: Option<u16>,
    /// How it is spoken to.
    pub transport: TrunkTransport,
    /// Whether we register there; needs credentials.
    pub register: bool,
    /// How long a registration is to last; see [`Trunk::REGISTER_EXPIRES_S_LIMITS`].
    pub register_expires_s: u32,
    /// What becomes of calls that it sends elsewhere.
    pub redirects: RedirectPolicy,
    /// What becomes of its wishes that we call somebody for it.
    pub transfers: TransferPolicy,
    /// Whether its sound is encrypted.
    pub srtp: SrtpPolicy,
    /// User and password.
    pub credentials: Option<TrunkCredentials>,
    /// Networks from which the carrier calls us, at most [`Trunk::SOURCES_MAX`].
    pub allowed_sources: Vec<Network>,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// Whose order counts where the carrier makes the offer.
    pub codec_preference: CodecPreference,
    /// How long its sessions live without a sign of life.
    pub session: SessionPolicy,
    /// New calls a second; see [`Trunk::CALLS_PER_SECOND_LIMITS`].
    pub calls_per_second_max: u16,
    /// Calls at once; see [`Trunk::CONCURRENT_CALLS_LIMITS`].
    pub concurrent_calls_max: u16,
}

/// What shall change of a trunk; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct TrunkChange {
    /// See [`NewTrunk::name`].
    pub name: Option<String>,
    /// See [`NewTrunk::host`].
    pub host: Option<String>,
    /// See [`NewTrunk::port`]; `Some(None)` leaves it to the domain.
    pub port: Option<Option<u16>>,
    /// See [`NewTrunk::transport`].
    pub transport: Option<TrunkTransport>,
    /// See [`NewTrunk::register`].
    pub register: Option<bool>,
    /// See [`NewTrunk::register_expires_s`].
    pub register_expires_s: Option<u32>,
    /// See [`NewTrunk::redirects`].
    pub redirects: Option<RedirectPolicy>,
    /// See [`NewTrunk::transfers`].
    pub transfers: Option<TransferPolicy>,
    /// See [`NewTrunk::srtp`].
    pub srtp: Option<SrtpPolicy>,
    /// See [`NewTrunk::credentials`]; `Some(None)` removes them.
    pub credentials: Option<Option<TrunkCredentials>>,
    /// See [`NewTrunk::allowed_sources`].
    pub allowed_sources: Option<Vec<Network>>,
    /// See [`NewTrunk::codecs`].
    pub codecs: Option<Vec<Codec>>,
    /// See [`NewTrunk::codec_preference`].
    pub codec_preference: Option<CodecPreference>,
    /// See [`SessionPolicy::expires_s`]; `Some(None)` leaves it to the server.
    pub session_expires_s: Option<Option<u32>>,
    /// See [`SessionPolicy::min_s`]; `Some(None)` leaves it to the server.
    pub session_min_s: Option<Option<u32>>,
    /// See [`SessionPolicy::refresher`]; `Some(None)` leaves it to the server.
    pub session_refresher: Option<Option<SessionRefresher>>,
    /// See [`NewTrunk::calls_per_second_max`].
    pub calls_per_second_max: Option<u16>,
    /// See [`NewTrunk::concurrent_calls_max`].
    pub concurrent_calls_max: Option<u16>,
}

impl Engine {
    /// Makes a trunk; the live carrier knows it when this returns.
    pub async fn create_trunk(
        &self,
        who: Principal,
        new: NewTrunk,
        idempotency: Option<IdempotencyHeader>,
        render: &(dyn Fn(&Trunk) -> StoredResponse + Send + Sync),
    ) -> Result<Outcome, Fault> {
        let organization = admin(who)?;
        let core = &self.core;
        let now = core.now();
        let trunk = Trunk {
            id: core.with_ids(|ids| TrunkId::generate(ids, now)),
            organization,
            name: new.name,
            host: new.host,
            port: new.port,
            transport: new.transport,
            register: new.register,
            register_expires_s: new.register_expires_s,
            redirects: new.redirects,
            transfers: new.transfers,
            srtp: new.srtp,
            credentials: new.credentials,
            allowed_sources: new.allowed_sources,
            codecs: new.codecs,
            codec_preference: new.codec_preference,
            session: new.session,
            calls_per_second_max: new.calls_per_second_max,
            concurrent_calls_max: new.concurrent_calls_max,
            filed: false,
            created_at: now,
            updated_at: now,
        };
        check_trunk(&trunk)?;
        let response = render(&trunk);
        let idempotency = idempotent(core, who, idempotency, &response);
        let result = core.store.create_trunk(&trunk, idempotency).await;
        let outcome = written(result, response, || Fault::new(FaultCode::InvalidField))?;
        tell(core).await;
        Ok(outcome)
    }

    /// Changes a trunk; the live carrier knows it when this returns.
    pub async fn update_trunk(
        &self,
        who: Principal,
        id: TrunkId,
        change: TrunkChange,
    ) -> Result<Trunk, Fault> {
        let mut trunk = self.trunk(who, id).await?;
        apply(&mut trunk, change);
        trunk.updated_at = self.core.now();
        check_trunk(&trunk)?;
        self.core.store.update_trunk(&trunk).await.map_err(of_store)?;
        tell(&self.core).await;
        Ok(trunk)
    }

    /// Removes a trunk that no number lives on.
    pub async fn delete_trunk(&self, who: Principal, id: TrunkId) -> Result<(), Fault> {
        let organization = admin(who)?;
        match self.core.store.delete_trunk(organization, id).await {
            Ok(()) => tell(&self.core).await,
            Err(StoreError::Conflict(_)) => return Err(Fault::new(FaultCode::TrunkInUse)),
            Err(error) => return Err(of_store(error)),
        }
        Ok(())
    }

    /// One trunk.
    pub async fn trunk(&self, who: Principal, id: TrunkId) -> Result<Trunk, Fault> {
        let organization = admin(who)?;
        let found = self.core.store.trunk(organization, id).await.map_err(of_store)?;
        found.ok_or_else(|| Fault::new(FaultCode::NotFound))
    }

    /// How the registration of a trunk stands; none if it has none.
    pub fn trunk_registration(&self, trunk: TrunkId) -> Option<RegistrationStatus> {
        self.core.trunks.live()?.registration(trunk)
    }

    /// Trunks, newest first.
    pub async fn trunks(&self, who: Principal, request: PageRequest) -> Result<Page<Trunk>, Fault> {
        self.core.store.trunks(admin(who)?, page(request)).await.map_err(of_store)
    }
}

/// Tells the live carrier. A failure is made good by the next periodic refresh.
async fn tell(core: &Core) {
    if let Err(error) = core.trunks.refresh(core.store.as_ref()).await {
        tracing::warn!(%error, "the trunks could not be read again");
    }
}

fn apply(trunk: &mut Trunk, change: TrunkChange) {
    let TrunkChange {
        name,
        host,
        port,
        transport,
        register,
        register_expires_s,
        redirects,
        transfers,
        srtp,
        credentials,
        allowed_sources,
        codecs,
        codec_preference,
        session_expires_s,
        session_min_s,
        session_refresher,
        calls_per_second_max,
        concurrent_calls_max,
    } = change;
    set(&mut trunk.name, name);
    set(&mut trunk.host, host);
    set(&mut trunk.port, port);
    set(&mut trunk.transport, transport);
    set(&mut trunk.register, register);
    set(&mut trunk.register_expires_s, register_expires_s);
    set(&mut trunk.redirects, redirects);
    set(&mut trunk.transfers, transfers);
    set(&mut trunk.srtp, srtp);
    set(&mut trunk.credentials, credentials);
    set(&mut trunk.allowed_sources, allowed_sources);
    set(&mut trunk.codecs, codecs);
    set(&mut trunk.codec_preference, codec_preference);
    set(&mut trunk.session.expires_s, session_expires_s);
    set(&mut trunk.session.min_s, session_min_s);
    set(&mut trunk.session.refresher, session_refresher);
    set(&mut trunk.calls_per_second_max, calls_per_second_max);
    set(&mut trunk.concurrent_calls_max, concurrent_calls_max);
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Checks a trunk, however it was given: the fault names the field as the API spells it.
pub fn check_trunk(trunk: &Trunk) -> Result<(), Fault> {
    let rule = |holds: bool, param: &str, message: &str| {
        if holds { Ok(()) } else { Err(Fault::field(FaultCode::InvalidField, param, message)) }
    };
    let named =
        Trunk::NAME_CHARS.contains(&trunk.name.chars().count()) && !trunk.name.chars().any(char::is_control);
    rule(named, "name", "must have 1 to 128 characters, none of them a control character")?;
    rule(is_host(&trunk.host), "host", "must be a host name or an IP address")?;
    within("port", trunk.port.unwrap_or(*Trunk::PORTS.start()), Trunk::PORTS)?;
    within("registerExpires", trunk.register_expires_s, Trunk::REGISTER_EXPIRES_S_LIMITS)?;
    rule(
        trunk.session.expires_s.is_none_or(SessionPolicy::is_interval),
        "sessionExpires",
        "must be 0, or 90 to 86400 seconds",
    )?;
    within(
        "minSessionExpires",
        trunk.session.min_s.unwrap_or(*SessionPolicy::MIN_S.start()),
        SessionPolicy::MIN_S,
    )?;
    rule(
        !trunk.register || trunk.credentials.is_some(),
        "register",
        "needs username and password to register with",
    )?;
    if let Some(credentials) = &trunk.credentials {
        let fits =
            |text: &str| Trunk::CREDENTIAL_BYTES.contains(&text.len()) && !text.chars().any(char::is_control);
        rule(fits(&credentials.username), "username", "must have 1 to 128 bytes")?;
        rule(fits(credentials.password.expose()), "password", "must have 1 to 128 bytes")?;
    }
    rule(
        trunk.allowed_sources.len() <= Trunk::SOURCES_MAX,
        "allowedSources",
        "may hold at most 64 networks",
    )?;
    rule(Trunk::CODEC_COUNTS.contains(&trunk.codecs.len()), "codecs", "must name 1 to 8 codecs")?;
    let mut codecs = trunk.codecs.iter().enumerate();
    let twice = codecs.any(|(at, codec)| trunk.codecs.iter().take(at).any(|c| c == codec));
    rule(!twice, "codecs", "must not name a codec twice")?;
    within("callsPerSecond", trunk.calls_per_second_max, Trunk::CALLS_PER_SECOND_LIMITS)?;
    within("concurrentCalls", trunk.concurrent_calls_max, Trunk::CONCURRENT_CALLS_LIMITS)
}

fn within<N: PartialOrd + Copy + std::fmt::Display>(
    param: &str,
    value: N,
    range: RangeInclusive<N>,
) -> Result<(), Fault> {
    if range.contains(&value) {
        return Ok(());
    }
    let (from, to) = range.into_inner();
    Err(Fault::field(FaultCode::InvalidField, param, format!("must be {from} to {to}")))
}

/// A name of DNS labels, or an address.
fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // Digits and dots alone would be an address, and a wrong one.
    Trunk::HOST_CHARS.contains(&text.len())
        && name.split('.').all(label)
        && name.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, expected: bool) {
        assert_eq!(is_host(host), expected, "{host}");
    }

    #[test]
    fn limits_name_the_field() {
        let mut ids = model::IdSource::new(1);
        let now = model::Timestamp::default();
        let good = Trunk {
            id: TrunkId::generate(&mut ids, now),
            organization: model::OrganizationId::generate(&mut ids, now),
            name: "a".into(),
            host: "h.example".into(),
            port: None,
            transport: TrunkTransport::Auto,
            register: false,
            register_expires_s: Trunk::REGISTER_EXPIRES_S,
            redirects: RedirectPolicy::Refuse,
            transfers: TransferPolicy::Refuse,
            srtp: SrtpPolicy::Off,
            credentials: None,
            allowed_sources: Vec::new(),
            codecs: Trunk::CODECS.to_vec(),
            codec_preference: CodecPreference::Theirs,
            session: SessionPolicy::default(),
            calls_per_second_max: Trunk::CALLS_PER_SECOND,
            concurrent_calls_max: Trunk::CONCURRENT_CALLS,
            filed: false,
            created_at: now,
            updated_at: now,
        };
        assert_eq!(check_trunk(&good), Ok(()));
        let limits = |change: fn(&mut Trunk), param: &str| {
            let mut trunk = good.clone();
            change(&mut trunk);
            assert_eq!(check_trunk(&trunk).unwrap_err().param.as_deref(), Some(param));
        };
        limits(|trunk| trunk.name = "a\nb".into(), "name");
        limits(|trunk| trunk.host = "a b".into(), "host");
        limits(|trunk| trunk.port = Some(0), "port");
        limits(|trunk| trunk.register_expires_s = 59, "registerExpires");
        limits(|trunk| trunk.register = true, "register");
        limits(|trunk| trunk.codecs.clear(), "codecs");
        limits(|trunk| trunk.codecs = vec![Codec::Pcmu, Codec::Pcma, Codec::Pcmu], "codecs");
        limits(|trunk| trunk.calls_per_second_max = 1_001, "callsPerSecond");
        limits(|trunk| trunk.concurrent_calls_max = 0, "concurrentCalls");
    }

    #[test]
    fn hosts() {
        check("carrier.example", true);
        check("carrier.example.", true);
        check("a_b.example", true);
        check("127.0.0.1", true);
        check("2001:db8::1", true);
        check("localhost", true);
        check("", false);
        check("a..b", false);
        check("-a.example", false);
        check("a b", false);
        check("carrier.example:5060", false);
        check("256.1.1.1", false);
        check(&"a".repeat(64), false);
        check(&format!("{}.x", "a.".repeat(130)), false);
    }
}
