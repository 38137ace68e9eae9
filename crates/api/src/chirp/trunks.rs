//! `/v1/trunks`: SIP trunks. Our addition to the contract; admin keys only.

use super::calls::admin_scope;
use super::error::ChirpError;
use super::view::ListView;
use super::{Door, ids};
use crate::http::ask::{Ask, PathId, answer, response};
use crate::http::fields::{Fields, invalid};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{NewTrunk, TrunkChange};
use model::fault::{Fault, FaultCode};
use model::session::{SessionPolicy, SessionRefresher};
use model::sound::Codec;
use model::srtp::SrtpPolicy;
use model::trunk::{
    CodecPreference, Network, RedirectPolicy, RegistrationStatus, TransferPolicy, Trunk, TrunkCredentials,
    TrunkTransport,
};
use serde_json::{Value, json};

/// How `transport` is spelled.
const TRANSPORTS: [(&str, TrunkTransport); 4] = [
    ("auto", TrunkTransport::Auto),
    ("udp", TrunkTransport::Udp),
    ("tcp", TrunkTransport::Tcp),
    ("tls", TrunkTransport::Tls),
];
/// How `srtp` is spelled.
const SRTP: [(&str, SrtpPolicy); 3] =
    [("off", SrtpPolicy::Off), ("optional", SrtpPolicy::Optional), ("required", SrtpPolicy::Required)];
/// How `redirects` is spelled.
const REDIRECTS: [(&str, RedirectPolicy); 2] =
    [("refuse", RedirectPolicy::Refuse), ("follow", RedirectPolicy::Follow)];
/// How `transfers` is spelled.
const TRANSFERS: [(&str, TransferPolicy); 2] =
    [("refuse", TransferPolicy::Refuse), ("follow", TransferPolicy::Follow)];

/// How `codecPreference` is spelled.
const PREFERENCES: [(&str, CodecPreference); 2] =
    [("theirs", CodecPreference::Theirs), ("ours", CodecPreference::Ours)];
/// How `sessionRefresher` is spelled.
const REFRESHERS: [(&str, SessionRefresher); 3] =
    [("caller", SessionRefresher::Caller), ("us", SessionRefresher::Us), ("peer", SessionRefresher::Peer)];

/// `POST /v1/trunks`.
pub(crate) async fn create(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    admin_scope(ask.who())?;
    let fields = ask.fields()?;
    let required = |name, given: bool| {
        let missing = || Fault::field(FaultCode::MissingField, name, format!("{name} is required"));
        if given { Ok(()) } else { Err(missing()) }
    };
    let change = change(fields)?;
    required("name", change.name.is_some())?;
    required("host", change.host.is_some())?;
    let new = NewTrunk {
        name: change.name.unwrap_or_default(),
        host: change.host.unwrap_or_default(),
        port: change.port.flatten(),
        transport: change.transport.unwrap_or_default(),
        register: change.register.unwrap_or_default(),
        register_expires_s: change.register_expires_s.unwrap_or(Trunk::REGISTER_EXPIRES_S),
        redirects: change.redirects.unwrap_or_default(),
        transfers: change.transfers.unwrap_or_default(),
        srtp: change.srtp.unwrap_or_default(),
        credentials: change.credentials.flatten(),
        allowed_sources: change.allowed_sources.unwrap_or_default(),
        codecs: change.codecs.unwrap_or_else(|| Trunk::CODECS.to_vec()),
        codec_preference: change.codec_preference.unwrap_or_default(),
        session: SessionPolicy {
            expires_s: change.session_expires_s.flatten(),
            min_s: change.session_min_s.flatten(),
            refresher: change.session_refresher.flatten(),
        },
        calls_per_second_max: change.calls_per_second_max.unwrap_or(Trunk::CALLS_PER_SECOND),
        concurrent_calls_max: change.concurrent_calls_max.unwrap_or(Trunk::CONCURRENT_CALLS),
    };
    let render = |trunk: &Trunk| response(StatusCode::CREATED, &view(trunk, None));
    Ok(answer(door.engine.create_trunk(ask.who(), new, ask.idempotency()?, &render).await?))
}

/// `GET /v1/trunks`.
pub(crate) async fn list(State(door): State<Door>, ask: Ask) -> Result<Response, ChirpError> {
    let mut query = ask.query()?;
    let page = query.page()?;
    query.finish()?;
    let trunks = door.engine.trunks(ask.who(), page).await?;
    let data = trunks.items.iter().map(|trunk| live_view(&door, trunk)).collect();
    Ok(Json(ListView { data, total_count: trunks.total }).into_response())
}

/// `GET /v1/trunks/{trunkId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(trunk): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    let trunk = door.engine.trunk(ask.who(), ids::parse_trunk(&trunk)?).await?;
    Ok(Json(live_view(&door, &trunk)).into_response())
}

/// `PUT /v1/trunks/{trunkId}`: what is not given stays.
pub(crate) async fn update(
    State(door): State<Door>,
    PathId(trunk): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    admin_scope(ask.who())?;
    let change = change(ask.fields()?)?;
    let trunk = door.engine.update_trunk(ask.who(), ids::parse_trunk(&trunk)?, change).await?;
    Ok(Json(live_view(&door, &trunk)).into_response())
}

/// `DELETE /v1/trunks/{trunkId}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathId(trunk): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    door.engine.delete_trunk(ask.who(), ids::parse_trunk(&trunk)?).await?;
    Ok(Json(json!({ "message": "trunk deleted" })).into_response())
}

/// A trunk with what its registration is like now.
fn live_view(door: &Door, trunk: &Trunk) -> Value {
    view(trunk, door.engine.trunk_registration(trunk.id).as_ref())
}

fn change(mut fields: Fields) -> Result<TrunkChange, Fault> {
    let change = TrunkChange {
        name: fields.text("name", Trunk::NAME_CHARS)?,
        host: fields.text("host", Trunk::HOST_CHARS)?,
        port: port(&mut fields)?,
        transport: fields.choice("transport", &TRANSPORTS)?,
        register: fields.boolean("register")?,
        register_expires_s: fields.integer("registerExpires", Trunk::REGISTER_EXPIRES_S_LIMITS)?,
        redirects: fields.choice("redirects", &REDIRECTS)?,
        transfers: fields.choice("transfers", &TRANSFERS)?,
        srtp: fields.choice("srtp", &SRTP)?,
        credentials: credentials(&mut fields)?,
        allowed_sources: sources(&mut fields)?,
        codecs: codecs(&mut fields)?,
        codec_preference: fields.choice("codecPreference", &PREFERENCES)?,
        session_expires_s: or_servers(&mut fields, "sessionExpires", |fields| {
            fields.integer("sessionExpires", 0..=*SessionPolicy::EXPIRES_S.end())
        })?,
        session_min_s: or_servers(&mut fields, "minSessionExpires", |fields| {
            fields.integer("minSessionExpires", SessionPolicy::MIN_S)
        })?,
        session_refresher: or_servers(&mut fields, "sessionRefresher", |fields| {
            fields.choice("sessionRefresher", &REFRESHERS)
        })?,
        calls_per_second_max: fields.integer("callsPerSecond", Trunk::CALLS_PER_SECOND_LIMITS)?,
        concurrent_calls_max: fields.integer("concurrentCalls", Trunk::CONCURRENT_CALLS_LIMITS)?,
    };
    fields.finish()?;
    Ok(change)
}

/// `null` leaves the port to the carrier's domain.
fn port(fields: &mut Fields) -> Result<Option<Option<u16>>, Fault> {
    or_servers(fields, "port", |fields| fields.integer("port", Trunk::PORTS))
}

/// `null` takes a setting back: something wider says it.
fn or_servers<T>(
    fields: &mut Fields,
    name: &str,
    read: impl FnOnce(&mut Fields) -> Result<Option<T>, Fault>,
) -> Result<Option<Option<T>>, Fault> {
    let removed = fields.is_null(name);
    Ok(read(fields)?.map(Some).or_else(|| removed.then_some(None)))
}

fn credentials(fields: &mut Fields) -> Result<Option<Option<TrunkCredentials>>, Fault> {
    let removed = fields.is_null("username");
    let username = fields.text("username", Trunk::CREDENTIAL_BYTES)?;
    let password = fields.text("password", Trunk::CREDENTIAL_BYTES)?;
    match (username, password) {
        (Some(username), Some(password)) => {
            Ok(Some(Some(TrunkCredentials { username, password: password.into() })))
        }
        (None, None) => Ok(removed.then_some(None)),
        (Some(_), None) => Err(missing("password", "username")),
        (None, Some(_)) => Err(missing("username", "password")),
    }
}

fn missing(name: &str, given: &str) -> Fault {
    Fault::field(FaultCode::MissingField, name, format!("{name} is required where {given} is given"))
}

fn sources(fields: &mut Fields) -> Result<Option<Vec<Network>>, Fault> {
    let Some(items) = fields.list("allowedSources", 0..=Trunk::SOURCES_MAX)? else { return Ok(None) };
    let network = |(path, value): (String, Value)| {
        let network = value.as_str().and_then(|text| text.parse().ok());
        network.ok_or_else(|| invalid(&path, "must be an IP address or a range such as 192.0.2.0/24"))
    };
    items.into_iter().map(network).collect::<Result<_, _>>().map(Some)
}

pub(crate) fn codecs(fields: &mut Fields) -> Result<Option<Vec<Codec>>, Fault> {
    let Some(items) = fields.list("codecs", Trunk::CODEC_COUNTS)? else { return Ok(None) };
    let codec = |(path, value): (String, Value)| {
        let codec = value.as_str().and_then(Codec::from_name);
        codec.ok_or_else(|| invalid(&path, "must be one of pcmu, pcma, g722, opus"))
    };
    items.into_iter().map(codec).collect::<Result<_, _>>().map(Some)
}

fn view(trunk: &Trunk, registration: Option<&RegistrationStatus>) -> Value {
    let registration = registration.map(|status| {
        json!({
            "state": status.state,
            "since": status.since.to_rfc3339_millis(),
            "expiresAt": status.expires_at.map(model::Timestamp::to_rfc3339_millis),
            "lastError": status.last_error,
        })
    });
    json!({
        "id": ids::trunk(trunk.id),
        "organizationId": ids::organization(trunk.organization),
        "name": trunk.name,
        "host": trunk.host,
        "port": trunk.port,
        "transport": trunk.transport,
        "register": trunk.register,
        "registerExpires": trunk.register_expires_s,
        "redirects": trunk.redirects,
        "transfers": trunk.transfers,
        "srtp": trunk.srtp,
        "registration": registration,
        "username": trunk.credentials.as_ref().map(|credentials| &credentials.username),
        "allowedSources": trunk.allowed_sources,
        "codecs": trunk.codecs,
        "codecPreference": trunk.codec_preference,
        "sessionExpires": trunk.session.expires_s,
        "minSessionExpires": trunk.session.min_s,
        "sessionRefresher": trunk.session.refresher,
        "callsPerSecond": trunk.calls_per_second_max,
        "concurrentCalls": trunk.concurrent_calls_max,
        "createdAt": trunk.created_at.to_rfc3339_millis(),
        "updatedAt": trunk.updated_at.to_rfc3339_millis(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &Value, expected: Result<(), &str>) {
        let Value::Object(map) = body.clone() else { panic!("an object") };
        let got = change(Fields::of_body(map)).map(|_| ()).map_err(|fault| fault.param.unwrap_or_default());
        assert_eq!(got.as_ref().map_err(String::as_str), expected.as_ref().map_err(|p| *p), "{body}");
    }

    #[test]
    fn trunks() {
        check(
            &json!({"name": "a", "host": "h", "codecs": ["opus", "g722", "pcma"], "allowedSources": ["192.0.2.0/24"]}),
            Ok(()),
        );
        check(&json!({"username": "u"}), Err("password"));
        check(&json!({"password": "p"}), Err("username"));
        check(&json!({"codecs": ["g729"]}), Err("codecs[0]"));
        check(&json!({"codecs": []}), Err("codecs"));
        check(&json!({"allowedSources": ["192.0.2.0/24", "x"]}), Err("allowedSources[1]"));
        check(&json!({"port": 0}), Err("port"));
        check(&json!({"port": 65_536}), Err("port"));
        check(&json!({"callsPerSecond": 0}), Err("callsPerSecond"));
        check(&json!({"port": null, "transport": "tcp", "register": true, "redirects": "follow"}), Ok(()));
        check(&json!({"transport": "sctp"}), Err("transport"));
        check(&json!({"registerExpires": 59}), Err("registerExpires"));
        check(&json!({"redirects": "always"}), Err("redirects"));
        check(&json!({"transfers": "follow"}), Ok(()));
        check(&json!({"transfers": true}), Err("transfers"));
        check(&json!({"srtp": "required"}), Ok(()));
        check(&json!({"srtp": true}), Err("srtp"));
        check(&json!({"codecPreference": "ours", "sessionExpires": 0, "sessionRefresher": null}), Ok(()));
        check(&json!({"codecPreference": "mine"}), Err("codecPreference"));
        check(&json!({"minSessionExpires": 89}), Err("minSessionExpires"));
        check(&json!({"sessionRefresher": "uac"}), Err("sessionRefresher"));
    }
}
