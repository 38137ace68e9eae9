//! Dialogs (RFC 3261 §12): what two parties remember of each other, and how a request within it is addressed. Must not
//! know transactions or what a call is for.

mod route;
pub mod snapshot;

use crate::endpoint::order::Hop;
use crate::message::fields::CSEQ_MAX;
use crate::message::validate::{Request, Response};
use crate::message::{HeaderName, Message, NameAddr, Uri, Writer, scan};
use snapshot::DialogState;
use std::net::IpAddr;

/// What a restored dialog skips in CSeq: requests sent after the snapshot was taken must not have a higher number, and a
/// gap does no harm (§12.2.1.1).
const RESTORED_CSEQ_GAP: u32 = 1_000;
/// Proxies on the way that we remember.
const ROUTES_MAX: usize = 16;

/// What a BYE to a dialog we keep no count of skips in CSeq: the PRACKs sent in it while it was early.
const FAREWELL_CSEQ_GAP: u32 = 1_000;

/// A dialog. Its memory is plain data.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    state: DialogState,
}

/// What the caller of an INVITE knows before the callee says anything.
pub(crate) struct CallerSide<'a> {
    /// From, tag included.
    pub(crate) from: &'a str,
    pub(crate) local_tag: &'a str,
    pub(crate) contact: &'a str,
    /// Request-URI.
    pub(crate) target: &'a str,
    pub(crate) cseq: u32,
    /// Where the INVITE went.
    pub(crate) hop: Hop,
}

impl Dialog {
    /// The caller's dialog, made by a response to its INVITE (§12.1.2).
    pub(crate) fn of_caller(caller: &CallerSide<'_>, response: &Response<'_, '_>) -> Self {
        let mut route_set = routes(response.message);
        route_set.reverse();
        let state = DialogState {
            call_id: response.call_id.to_owned(),
            local: caller.from.to_owned(),
            remote: response.message.text_lossy(HeaderName::To).unwrap_or_default(),
            local_tag: caller.local_tag.to_owned(),
            remote_tag: response.to.tag().unwrap_or_default().to_owned(),
            remote_target: contact_uri(response.message).unwrap_or(caller.target).to_owned(),
            route_set,
            local_contact: caller.contact.to_owned(),
            local_cseq: caller.cseq,
            remote_cseq: None,
            peer: caller.hop,
            peer_allows_update: false,
        };
        let mut dialog = Self { state };
        dialog.learn(response.message);
        dialog
    }

    /// The callee's dialog, made of the INVITE and our tag (§12.1.1).
    pub(crate) fn of_callee(request: &Request<'_, '_>, tag: &str, contact: &str, source: Hop) -> Self {
        let message = request.message;
        let to = message.text_lossy(HeaderName::To).unwrap_or_default();
        let state = DialogState {
            call_id: request.call_id.to_owned(),
            local: format!("{to};tag={tag}"),
            remote: message.text_lossy(HeaderName::From).unwrap_or_default(),
            local_tag: tag.to_owned(),
            remote_tag: request.from.tag().unwrap_or_default().to_owned(),
            remote_target: contact_uri(message).unwrap_or(request.from.uri_text).to_owned(),
            route_set: routes(message),
            local_contact: contact.to_owned(),
            local_cseq: 0,
            remote_cseq: Some(request.cseq.number),
            peer: source,
            peer_allows_update: false,
        };
        let mut dialog = Self { state };
        dialog.learn(message);
        dialog
    }

    /// Takes a dialog up again.
    pub(crate) fn restore(mut state: DialogState) -> Self {
        state.local_cseq = state.local_cseq.saturating_add(RESTORED_CSEQ_GAP).min(CSEQ_MAX - 1);
        Self { state }
    }

    pub(crate) fn state(&self) -> &DialogState {
        &self.state
    }

    /// The caller's early dialog is answered: only now its route set stands (§13.2.2.4), and it never changes again.
    pub(crate) fn confirm(&mut self, response: &Response<'_, '_>) {
        self.state.route_set = routes(response.message);
        self.state.route_set.reverse();
        self.refresh_target(response.message);
        self.learn(response.message);
    }

    /// Makes room in CSeq for requests that were sent in it and are not remembered.
    pub(crate) fn skip_cseq(&mut self) {
        self.state.local_cseq = self.state.local_cseq.saturating_add(FAREWELL_CSEQ_GAP).min(CSEQ_MAX - 1);
    }

    /// What the peer says it can; a message without Allow says nothing.
    fn learn(&mut self, message: &Message<'_>) {
        if message.value(HeaderName::Allow).is_some() {
            let mut methods = message.elements(HeaderName::Allow);
            self.state.peer_allows_update = methods.any(|method| method == b"UPDATE");
        }
    }

    /// Whether the peer takes an UPDATE.
    pub(crate) fn allows_update(&self) -> bool {
        self.state.peer_allows_update
    }

    /// The peer refused an UPDATE although it allows them.
    pub(crate) fn forget_update(&mut self) {
        self.state.peer_allows_update = false;
    }

    /// Whether nobody but this machine reads what we send in the dialog: each router on the way and the peer itself stand
    /// there by its address.
    pub(crate) fn stays_at(&self, machine: IpAddr) -> bool {
        let names_it = |uri: &str| Uri::parse(uri).ok().and_then(|uri| uri.address()) == Some(machine);
        let routes = self.state.route_set.iter();
        let mut routes = routes.map(|route| NameAddr::parse(route.as_bytes()));
        names_it(&self.state.remote_target) && routes.all(|route| route.is_some_and(|r| names_it(r.uri_text)))
    }

    pub(crate) fn local_tag(&self) -> &str {
        &self.state.local_tag
    }

    pub(crate) fn remote_tag(&self) -> &str {
        &self.state.remote_tag
    }

    pub(crate) fn contact(&self) -> &str {
        &self.state.local_contact
    }

    /// Whether a request that names our tag is of this dialog. A peer of RFC 2543 has no tag.
    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.state.call_id == call_id && self.state.remote_tag == remote_tag.unwrap_or_default()
    }

    /// The CSeq of our next request.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.state.local_cseq = (self.state.local_cseq + 1).min(CSEQ_MAX);
        self.state.local_cseq
    }

    /// Whether a request of the peer comes in order (§12.2.2): a gap is fine, a lower number is not.
    pub(crate) fn accept_cseq(&mut self, number: u32) -> bool {
        if self.state.remote_cseq.is_some_and(|last| number < last) {
            return false;
        }
        self.state.remote_cseq = Some(number);
        true
    }

    /// A target refresh (§12.2): the peer may have moved.
    pub(crate) fn refresh_target(&mut self, message: &Message<'_>) {
        if let Some(target) = contact_uri(message) {
            self.state.remote_target = target.to_owned();
        }
        self.learn(message);
    }

    /// The CSeq of our last request.
    pub(crate) fn last_cseq(&self) -> u32 {
        self.state.local_cseq
    }

    /// Our URI as it stands in From.
    pub(crate) fn local_uri(&self) -> &str {
        NameAddr::parse(self.state.local.as_bytes()).map_or("", |local| local.uri_text)
    }

    /// Request-URI of our requests.
    pub(crate) fn request_uri(&self) -> &str {
        route::request_uri(&self.state).0
    }

    /// Where our next request goes.
    pub(crate) fn hop(&self) -> Hop {
        let next = self.state.route_set.first().and_then(|route| NameAddr::parse(route.as_bytes()));
        let uri = next.map_or(self.state.remote_target.as_str(), |route| route.uri_text);
        route::hop_of(uri, self.state.peer)
    }

    /// Starts a request within the dialog (§12.2.1.1) in `out`, whatever was in it.
    pub(crate) fn start_request<'b>(
        &self,
        out: &'b mut Vec<u8>,
        method: &str,
        cseq: u32,
        via: &str,
    ) -> Writer<'b> {
        let (target, routes) = route::request_uri(&self.state);
        let mut writer = Writer::request(out, method, target);
        writer.header(HeaderName::Via, via);
        for route in routes {
            writer.header(HeaderName::Route, route);
        }
        writer.header(HeaderName::MaxForwards, 70);
        writer.header(HeaderName::From, &self.state.local);
        writer.header(HeaderName::To, &self.state.remote);
        writer.header(HeaderName::CallId, &self.state.call_id);
        writer.header(HeaderName::CSeq, format_args!("{cseq} {method}"));
        writer
    }
}

/// The URI of the first Contact.
pub(crate) fn contact_uri<'a>(message: &Message<'a>) -> Option<&'a str> {
    message.elements(HeaderName::Contact).next().and_then(NameAddr::parse).map(|contact| contact.uri_text)
}

fn routes(message: &Message<'_>) -> Vec<String> {
    message.elements(HeaderName::RecordRoute).take(ROUTES_MAX).map(scan::unfold).collect()
}
