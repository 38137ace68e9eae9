//! The REGISTER that keeps a registration, checked and ready to be written once per attempt. Decides nothing.

use crate::digest::{self, Challenge, Credentials, Protected};
use crate::endpoint::config::EndpointConfig;
use crate::endpoint::names::Names;
use crate::endpoint::order::OrderError;
use crate::endpoint::register::Registration;
use crate::message::name::ALLOW;
use crate::message::uri::{Scheme, Uri};
use crate::message::validate::Response;
use crate::message::{HeaderName, NameAddr, Writer, scan};

/// What a challenge asked for; answered again in each REGISTER until the registrar asks for something else.
pub(super) struct Answering {
    pub(super) header: HeaderName,
    pub(super) challenge: Challenge,
    cnonce: String,
    count: u32,
}

impl Answering {
    pub(super) const fn new(header: HeaderName, challenge: Challenge, cnonce: String) -> Self {
        Self { header, challenge, cnonce, count: 0 }
    }

    /// The value for the next REGISTER.
    fn value(&mut self, credentials: &Credentials, uri: &str) -> String {
        self.count += 1;
        let protected = Protected { method: "REGISTER", uri, body: b"" };
        digest::answer(&self.challenge, credentials, protected, &self.cnonce, self.count)
    }
}

/// One attempt.
pub(super) struct Attempt<'a> {
    pub(super) registration: &'a Registration,
    pub(super) contact: &'a str,
    pub(super) call_id: &'a str,
    pub(super) tag: &'a str,
    pub(super) cseq: u32,
    pub(super) via: &'a str,
    pub(super) expires_secs: u32,
}

impl Attempt<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>, config: &EndpointConfig, answering: &mut [Answering]) {
        let Registration { registrar_uri, aor, credentials, .. } = self.registration;
        let mut writer = Writer::request(out, "REGISTER", registrar_uri);
        writer.header(HeaderName::Via, self.via).header(HeaderName::MaxForwards, 70);
        writer.header(HeaderName::From, format_args!("<{aor}>;tag={}", self.tag));
        writer.header(HeaderName::To, format_args!("<{aor}>")).header(HeaderName::CallId, self.call_id);
        writer.header(HeaderName::CSeq, format_args!("{} REGISTER", self.cseq));
        let expires = self.expires_secs;
        writer.header(HeaderName::Contact, format_args!("<{}>;expires={expires}", self.contact));
        writer.header(HeaderName::Expires, expires);
        if let Some(credentials) = credentials {
            for one in answering {
                writer.header(one.header, one.value(credentials, registrar_uri));
            }
        }
        writer.header(HeaderName::Allow, ALLOW).header(HeaderName::Supported, "path");
        writer.header(HeaderName::UserAgent, &config.user_agent).end();
    }
}

/// Checks an order, and makes our Contact URI.
pub(super) fn check(registration: &Registration, names: &Names) -> Result<String, OrderError> {
    let parse = |text| Uri::parse(text).map_err(|_| OrderError::BadUri);
    let (registrar, aor) = (parse(&registration.registrar_uri)?, parse(&registration.aor)?);
    let is_sip = |uri: &Uri<'_>| matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && uri.headers.is_empty();
    let texts = [&registration.registrar_uri, &registration.aor];
    if !is_sip(&registrar)
        || !is_sip(&aor)
        || !registrar.user.is_empty()
        || texts.iter().any(|t| !t.is_ascii())
    {
        return Err(OrderError::BadUri);
    }
    Ok(names.contact(registration.destination, &registration.contact_user, registrar.scheme == Scheme::Sips))
}

/// For how many seconds a 200 binds our Contact: its own `expires`, else the Expires header, else what was asked. A
/// registrar that lists other contacts only did not bind ours: it lists them all (RFC 3261 §10.3 step 8).
pub(super) fn granted_secs(response: &Response<'_, '_>, contact: &str, asked: u32) -> Option<u32> {
    let message = response.message;
    let usual = message.value(HeaderName::Expires).and_then(scan::number);
    let ours = Uri::parse(contact).ok()?;
    let mut listed = 0;
    for found in message.elements(HeaderName::Contact).filter_map(NameAddr::parse) {
        listed += 1;
        if found.uri().is_same_as(&ours) {
            let secs = found.params.number("expires").or(usual).unwrap_or(asked.into());
            return Some(u32::try_from(secs).unwrap_or(asked));
        }
    }
    // One that was rewritten on the way, for a NAT, is ours too; a registrar that lists nothing did what was asked.
    let only = message.elements(HeaderName::Contact).filter_map(NameAddr::parse).next();
    match (listed, only) {
        (0, _) => Some(usual.and_then(|secs| u32::try_from(secs).ok()).unwrap_or(asked)),
        (1, Some(only)) if only.uri().user == ours.user => {
            let secs = only.params.number("expires").or(usual).unwrap_or(asked.into());
            Some(u32::try_from(secs).unwrap_or(asked))
        }
        _ => None,
    }
}
