//! The server transactions that live: their machines, last responses and timers. Found by what the request's topmost Via
//! says (RFC 3261 §17.2.3), for peers of RFC 2543 by what stands in for it.

use super::Effects;
use super::server::{OnReply, ServerMachine};
use super::timer::{Timer, TimerId};
use crate::endpoint::config::TimerLengths;
use crate::endpoint::order::{CallKey, Hop};
use crate::endpoint::tokens::KeyedHasher;
use crate::message::validate::Request;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Names a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerId(u64);

struct Server {
    machine: ServerMachine,
    key: Box<[u8]>,
    merge_key: Option<Box<[u8]>>,
    owner: Option<CallKey>,
    hop: Hop,
    reply: Option<Arc<[u8]>>,
    retransmission: Option<TimerId>,
    lifetime: Option<TimerId>,
}

/// The table.
pub(crate) struct ServerTable {
    lengths: TimerLengths,
    servers: BTreeMap<ServerId, Server>,
    by_key: HashMap<Box<[u8]>, ServerId, KeyedHasher>,
    by_merge_key: HashMap<Box<[u8]>, ServerId, KeyedHasher>,
    last: u64,
}

/// What identifies the transaction of a request; `method` is INVITE for the ACK and CANCEL of one.
pub(crate) fn request_key(request: &Request<'_, '_>, method: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(96);
    let mut push = |part: &[u8]| {
        key.extend_from_slice(part);
        key.push(0);
    };
    push(method.as_bytes());
    push(request.via.host.as_bytes());
    push(&request.via.port.unwrap_or(5060).to_be_bytes());
    match request.via.branch() {
        Some(branch) => push(branch.as_bytes()),
        None => {
            // §17.2.3 for RFC 2543: Request-URI and To tag are left out, as the ACK changes them.
            push(request.call_id.as_bytes());
            push(request.from.tag().unwrap_or_default().as_bytes());
            push(&request.cseq.number.to_be_bytes());
            push(request.via.params.text("branch").unwrap_or_default().as_bytes());
        }
    }
    key
}

/// What identifies an INVITE whatever way it took (§8.2.2.2).
fn merge_key(request: &Request<'_, '_>) -> Vec<u8> {
    let mut key = request.call_id.as_bytes().to_vec();
    key.push(0);
    key.extend_from_slice(request.from.tag().unwrap_or_default().as_bytes());
    key.push(0);
    key.extend_from_slice(&request.cseq.number.to_be_bytes());
    key
}

impl ServerTable {
    pub(crate) fn new(lengths: TimerLengths, keys: KeyedHasher, merge_keys: KeyedHasher) -> Self {
        Self {
            lengths,
            servers: BTreeMap::new(),
            by_key: HashMap::with_hasher(keys),
            by_merge_key: HashMap::with_hasher(merge_keys),
            last: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// Entries in the tables it is found by.
    pub(crate) fn names(&self) -> usize {
        self.by_key.len() + self.by_merge_key.len()
    }

    /// The transaction with this key, and the call it belongs to.
    pub(crate) fn find(&self, key: &[u8]) -> Option<(ServerId, Option<CallKey>)> {
        let id = *self.by_key.get(key)?;
        self.servers.get(&id).map(|server| (id, server.owner))
    }

    /// Whether the same INVITE came another way and is being served.
    pub(crate) fn is_merged(&self, request: &Request<'_, '_>) -> bool {
        self.by_merge_key.contains_key(merge_key(request).as_slice())
    }

    /// A new request; it is to be answered by [`Self::reply`]. `hop` is where all its responses go (§18.2.2), which
    /// need not be where it came from.
    pub(crate) fn open(&mut self, request: &Request<'_, '_>, owner: Option<CallKey>, hop: Hop) -> ServerId {
        self.last += 1;
        let id = ServerId(self.last);
        let is_invite = request.cseq.method == "INVITE";
        let key: Box<[u8]> = request_key(request, request.cseq.method).into();
        let merge_key: Option<Box<[u8]>> =
            (is_invite && request.to.tag().is_none()).then(|| merge_key(request).into());
        self.by_key.insert(key.clone(), id);
        if let Some(merge_key) = &merge_key {
            self.by_merge_key.insert(merge_key.clone(), id);
        }
        let machine = ServerMachine::new(is_invite, hop.transport.is_reliable(), self.lengths);
        let server =
            Server { machine, key, merge_key, owner, hop, reply: None, retransmission: None, lifetime: None };
        self.servers.insert(id, server);
        id
    }

    /// Responds; a final response after a final one goes nowhere.
    pub(crate) fn reply(&mut self, id: ServerId, code: u16, bytes: &Arc<[u8]>, effects: &mut Effects<'_>) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        match server.machine.on_reply(code) {
            OnReply::Refused => return,
            OnReply::Provisional => server.reply = Some(Arc::clone(bytes)),
            OnReply::Accepted(further) => {
                server.reply = None;
                server.lifetime = Some(effects.set(further, Timer::L(id)));
            }
            OnReply::Failed(again, give_up) => {
                server.reply = Some(Arc::clone(bytes));
                server.retransmission = again.map(|after| effects.set(after, Timer::G(id)));
                server.lifetime = Some(effects.set(give_up, Timer::H(id)));
            }
            OnReply::Completed(linger) => {
                server.reply = Some(Arc::clone(bytes));
                server.lifetime = Some(effects.set(linger, Timer::J(id)));
            }
        }
        effects.sink.send(server.owner, server.hop, bytes, false);
    }

    /// The request came again.
    pub(crate) fn on_retransmission(&mut self, id: ServerId, effects: &mut Effects<'_>) {
        let Some(server) = self.servers.get(&id) else { return };
        if let Some(reply) = server.reply.as_ref().filter(|_| server.machine.repeats_reply()) {
            effects.sink.send(server.owner, server.hop, reply, true);
        }
    }

    /// The ACK to a failure came.
    pub(crate) fn on_ack(&mut self, id: ServerId, effects: &mut Effects<'_>) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        if let Some(linger) = server.machine.on_ack() {
            server.stop(effects);
            server.reply = None;
            server.lifetime = Some(effects.set(linger, Timer::I(id)));
        }
    }

    /// Timer G.
    pub(crate) fn on_retransmit(&mut self, id: ServerId, effects: &mut Effects<'_>) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let (Some(after), Some(reply)) = (server.machine.on_retransmit(), &server.reply) else { return };
        effects.sink.send(server.owner, server.hop, reply, true);
        server.retransmission = Some(effects.set(after, Timer::G(id)));
    }

    /// Timer H, I, J or L: the transaction is no more.
    pub(crate) fn remove(&mut self, id: ServerId, effects: &mut Effects<'_>) {
        let Some(mut server) = self.servers.remove(&id) else { return };
        server.stop(effects);
        self.by_key.remove(&server.key);
        if let Some(merge_key) = &server.merge_key {
            self.by_merge_key.remove(merge_key);
        }
    }
}

impl Server {
    fn stop(&mut self, effects: &mut Effects<'_>) {
        effects.timers.cancel(self.retransmission.take());
        effects.timers.cancel(self.lifetime.take());
    }
}
