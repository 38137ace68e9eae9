//! What every session speaks through: it writes requests and responses, hands them to the transactions, and keeps
//! timers and names. Knows no session.

use super::config::EndpointConfig;
use super::names::Names;
use super::order::{CallKey, Hop};
use super::output::Event;
use super::sink::Sink;
use super::tokens::Tokens;
use crate::dialog::Dialog;
use crate::message::name::{ALLOW, SUPPORTED};
use crate::message::validate::Refusal;
use crate::message::{HeaderName, Message, Writer};
use crate::transaction::{
    ClientId, ClientTable, Effects, Outgoing, Owner, ReplyHead, ServerId, ServerTable, Timer, TimerId, Timers,
};
use model::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// The common ground of all sessions.
pub(crate) struct Wire {
    pub(crate) config: EndpointConfig,
    pub(crate) names: Names,
    pub(crate) tokens: Tokens,
    pub(crate) clients: ClientTable,
    pub(crate) servers: ServerTable,
    pub(crate) timers: Timers,
    pub(crate) sink: Sink,
    scratch: Vec<u8>,
}

/// A request about to be sent by a transaction: its number and branch are drawn, its Via value is ready.
pub(crate) struct Draft {
    number: u64,
    branch: String,
    /// The Via value.
    pub(crate) via: String,
    hop: Hop,
}

impl Wire {
    pub(crate) fn new(config: EndpointConfig, mut tokens: Tokens) -> Self {
        let servers = ServerTable::new(config.timers, tokens.hasher(), tokens.hasher());
        Self {
            clients: ClientTable::new(config.timers),
            servers,
            timers: Timers::default(),
            sink: Sink::new(config.trace),
            scratch: Vec::with_capacity(2_048),
            tokens,
            names: Names::new(&config.host_port, config.tls_host_port.as_deref()),
            config,
        }
    }

    /// The tables with what they act through.
    pub(crate) fn clients(&mut self, now: Timestamp) -> (&mut ClientTable, Effects<'_>) {
        let Self { clients, timers, sink, scratch, .. } = self;
        (clients, Effects { sink, timers, scratch, now })
    }

    /// The tables with what they act through.
    pub(crate) fn servers(&mut self, now: Timestamp) -> (&mut ServerTable, Effects<'_>) {
        let Self { servers, timers, sink, scratch, .. } = self;
        (servers, Effects { sink, timers, scratch, now })
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.sink.event(event);
    }

    pub(crate) fn set(&mut self, at: Timestamp, timer: Timer) -> TimerId {
        self.timers.set(at, timer)
    }

    /// 64·T1: how long anything is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.config.timers.t1 * 64
    }

    /// Whether the limits leave room for a new call's transactions. What belongs to calls that live is let through.
    pub(crate) fn has_room(&self) -> bool {
        self.clients.len() + self.servers.len() < self.config.limits.transactions_max
    }

    /// Writes a message in the scratch buffer.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>, &EndpointConfig)) -> Arc<[u8]> {
        write(&mut self.scratch, &self.config);
        self.scratch.as_slice().into()
    }

    /// Draws the names of a request to this hop.
    pub(crate) fn draft(&mut self, hop: Hop) -> Draft {
        let number = self.clients.next_number();
        let branch = self.tokens.branch(number);
        let (transport, host_port) = (hop.transport.via_word(), self.names.towards(hop));
        let via = format!("SIP/2.0/{transport} {host_port};branch={branch};rport");
        Draft { number, branch, via, hop }
    }

    /// Sends a request by a transaction.
    pub(crate) fn start(
        &mut self,
        draft: Draft,
        method: &'static str,
        owner: Owner,
        bytes: Arc<[u8]>,
        now: Timestamp,
    ) -> ClientId {
        let Draft { number, branch, hop, .. } = draft;
        let (clients, mut effects) = self.clients(now);
        clients.start(number, Outgoing { owner, method, branch, hop, bytes }, &mut effects)
    }

    /// Sends a request within a dialog.
    pub(crate) fn request(
        &mut self,
        dialog: &mut Dialog,
        method: &'static str,
        owner: Owner,
        now: Timestamp,
        finish: impl FnOnce(&mut Writer<'_>),
    ) -> ClientId {
        let cseq = dialog.next_cseq();
        let draft = self.draft(dialog.hop());
        let bytes = self.write(|out, config| {
            let mut writer = dialog.start_request(out, method, cseq, &draft.via);
            writer.header(HeaderName::UserAgent, &config.user_agent);
            finish(&mut writer);
        });
        self.start(draft, method, owner, bytes, now)
    }

    /// Acknowledges the 2xx to our INVITE with this CSeq (RFC 3261 §13.2.2.4), now and whenever it comes again. `lines` are
    /// further header lines, `sdp` the answer if the 2xx made the offer.
    pub(crate) fn acknowledge(
        &mut self,
        invite: ClientId,
        dialog: &Dialog,
        cseq: u32,
        lines: &[u8],
        sdp: &[u8],
        now: Timestamp,
    ) {
        let draft = self.draft(dialog.hop());
        let ack = self.write(|out, config| {
            let mut writer = dialog.start_request(out, "ACK", cseq, &draft.via);
            writer.lines(lines).header(HeaderName::UserAgent, &config.user_agent);
            if sdp.is_empty() {
                writer.end();
            } else {
                writer.body("application/sdp", sdp);
            }
        });
        let (clients, mut effects) = self.clients(now);
        clients.acknowledge_answer(invite, dialog.remote_tag(), draft.hop, &ack, &mut effects);
    }

    /// Responds by a transaction; gives the bytes.
    pub(crate) fn reply(
        &mut self,
        server: ServerId,
        head: &ReplyHead,
        status: Status<'_>,
        now: Timestamp,
        finish: impl FnOnce(&mut Writer<'_>),
    ) -> Arc<[u8]> {
        let bytes = self.write(|out, config| {
            let mut writer = head.start(out, status.code, status.reason, status.tag);
            if status.code != 100 {
                writer.header(HeaderName::Server, &config.user_agent);
            }
            finish(&mut writer);
        });
        let (servers, mut effects) = self.servers(now);
        servers.reply(server, status.code, &bytes, &mut effects);
        bytes
    }

    /// Responds without remembering it: the same request gets the same response again.
    pub(crate) fn reply_stateless(
        &mut self,
        key: Option<CallKey>,
        message: &Message<'_>,
        source: Hop,
        refusal: &Refusal,
        finish: impl FnOnce(&mut Writer<'_>),
    ) {
        let head = ReplyHead::new(message, source);
        let call_id = message.value(HeaderName::CallId).unwrap_or_default();
        let via = message.value(HeaderName::Via).unwrap_or_default();
        let tag = self.tokens.stateless_tag(call_id, via);
        let bytes = self.write(|out, config| {
            let mut writer = head.start(out, refusal.code, refusal.reason, Some(&tag));
            writer.header(HeaderName::Server, &config.user_agent);
            if let Some((name, value)) = &refusal.header {
                writer.named(name, value);
            }
            finish(&mut writer);
        });
        self.sink.send(key, head.hop, &bytes, false);
    }

    /// Refuses a request without remembering it.
    pub(crate) fn refuse(
        &mut self,
        key: Option<CallKey>,
        message: &Message<'_>,
        source: Hop,
        refusal: &Refusal,
    ) {
        self.reply_stateless(key, message, source, refusal, |writer| writer.end());
    }
}

/// The first line of a response, and our tag.
#[derive(Clone, Copy)]
pub(crate) struct Status<'a> {
    pub(crate) code: u16,
    pub(crate) reason: Option<&'a str>,
    /// Ours, where the request brings none.
    pub(crate) tag: Option<&'a str>,
}

impl<'a> Status<'a> {
    pub(crate) fn new(code: u16, tag: &'a str) -> Self {
        Self { code, reason: None, tag: Some(tag) }
    }
}

/// Ends the response to an OPTIONS: what we can do (RFC 3261 §11.2).
pub(crate) fn finish_capabilities(writer: &mut Writer<'_>) {
    writer
        .header(HeaderName::Allow, ALLOW)
        .named("Accept", "application/sdp")
        .named("Accept-Encoding", "identity")
        .named("Accept-Language", "en")
        .named("Allow-Events", "refer")
        .header(HeaderName::Supported, SUPPORTED);
    writer.end();
}
