//! The INVITE that sets a call up, checked and ready to be written once per attempt. Decides nothing.

use crate::dialog::CallerSide;
use crate::digest::Protected;
use crate::endpoint::config::EndpointConfig;
use crate::endpoint::names::Names;
use crate::endpoint::order::{Hop, OrderError, OutgoingCall};
use crate::endpoint::tokens::Tokens;
use crate::endpoint::transfer::Replaces;
use crate::message::address::quote_display;
use crate::message::name::{ALLOW, SUPPORTED};
use crate::message::replaces::replaces_value;
use crate::message::uri::{Scheme, escape_user, split_host_port};
use crate::message::{HeaderName, NameAddr, Uri, Writer};
use crate::session::check_extra_headers;
use crate::session::clock::SessionClock;

/// Machines of a route.
const ROUTE_MAX: usize = 16;

/// What stays the same over all attempts.
pub(super) struct Invite {
    /// Request-URI.
    pub(super) target: String,
    pub(super) hop: Hop,
    pub(super) local_tag: String,
    from: String,
    contact: String,
    /// Unescaped.
    contact_user: String,
    call_id: String,
    /// The offer; empty if the peer makes it.
    pub(super) sdp: Vec<u8>,
    replaces: Option<Replaces>,
    route: Vec<String>,
    extra_headers: Vec<(String, String)>,
}

impl Invite {
    /// Checks an order; nothing is sent if it fails. `names` is what peers reach us at.
    pub(super) fn new(call: &OutgoingCall, names: &Names, tokens: &mut Tokens) -> Result<Self, OrderError> {
        let uri = Uri::parse(&call.to_uri).map_err(|_| OrderError::BadUri)?;
        if uri.scheme == Scheme::Other || !uri.headers.is_empty() || !call.to_uri.is_ascii() {
            return Err(OrderError::BadUri);
        }
        split_host_port(&call.from.host).map_err(|_| OrderError::BadUri)?;
        check_extra_headers(&call.extra_headers)?;
        check_route(&call.route)?;
        let local_tag = tokens.tag();
        let user = escape_user(&call.from.user);
        let at = if user.is_empty() { "" } else { "@" };
        let display = call.from.display.as_deref().map(|name| format!("{} ", quote_display(name)));
        let display = display.unwrap_or_default();
        Ok(Self {
            target: call.to_uri.clone(),
            hop: call.destination,
            from: format!("{display}<sip:{user}{at}{}>;tag={local_tag}", call.from.host),
            contact: names.contact(call.destination, &call.from.user, uri.scheme == Scheme::Sips),
            contact_user: call.from.user.clone(),
            call_id: tokens.call_id(),
            local_tag,
            sdp: call.sdp.clone(),
            replaces: call.replaces.clone(),
            route: call.route.clone(),
            extra_headers: call.extra_headers.clone(),
        })
    }

    /// Goes another way from now on, where the peer reaches us by it too.
    pub(super) fn go_by(&mut self, hop: Hop, names: &Names) {
        let is_sips = self.contact.starts_with("sips:");
        self.hop = hop;
        self.contact = names.contact(hop, &self.contact_user, is_sips);
    }

    /// One attempt; `authorizations` are its credentials' lines.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        config: &EndpointConfig,
        via: &str,
        cseq: u32,
        clock: &SessionClock,
        authorizations: &[u8],
    ) {
        let mut writer = Writer::request(out, "INVITE", &self.target);
        writer.header(HeaderName::Via, via);
        for route in &self.route {
            writer.header(HeaderName::Route, route);
        }
        writer.header(HeaderName::MaxForwards, 70);
        writer.header(HeaderName::From, &self.from);
        writer.header(HeaderName::To, format_args!("<{}>", self.target));
        writer.header(HeaderName::CallId, &self.call_id);
        writer.header(HeaderName::CSeq, format_args!("{cseq} INVITE"));
        writer.header(HeaderName::Contact, format_args!("<{}>", self.contact));
        writer.lines(authorizations);
        writer.header(HeaderName::Allow, ALLOW).header(HeaderName::Supported, SUPPORTED);
        clock.ask(&mut writer);
        if let Some(replaces) = &self.replaces {
            writer.header(HeaderName::Require, "replaces");
            writer.header(HeaderName::Replaces, replaces_value(replaces));
        }
        writer.header(HeaderName::UserAgent, &config.user_agent);
        for (name, value) in &self.extra_headers {
            writer.named(name, value);
        }
        if self.sdp.is_empty() {
            writer.end();
        } else {
            writer.body("application/sdp", &self.sdp);
        }
    }

    /// What its credentials are about.
    pub(super) fn protected(&self) -> Protected<'_> {
        Protected { method: "INVITE", uri: &self.target, body: &self.sdp }
    }

    /// What a dialog needs of us.
    pub(super) fn caller_side(&self, cseq: u32) -> CallerSide<'_> {
        CallerSide {
            from: &self.from,
            local_tag: &self.local_tag,
            contact: &self.contact,
            target: &self.target,
            cseq,
            hop: self.hop,
        }
    }
}

/// Whether each is one address and nothing else.
fn check_route(route: &[String]) -> Result<(), OrderError> {
    let is_one = |value: &String| {
        value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && NameAddr::parse(value.as_bytes()).is_some()
    };
    if route.len() <= ROUTE_MAX && route.iter().all(is_one) { Ok(()) } else { Err(OrderError::BadUri) }
}
