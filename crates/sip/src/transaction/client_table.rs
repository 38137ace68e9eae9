//! The client transactions that live: their machines, bytes and timers. Found by the number in their branch. Tells what
//! concerns the owner; does the rest itself.

use super::Effects;
use super::client::{ClientKind, ClientMachine, OnResponse};
use super::follow_up;
use super::timer::{Timer, TimerId};
use crate::endpoint::config::TimerLengths;
use crate::endpoint::order::{CallKey, Hop};
use crate::endpoint::output::Subject;
use crate::endpoint::register::RegistrationKey;
use crate::endpoint::tokens::branch_number;
use crate::message::HeaderName;
use crate::message::validate::Response;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names a client transaction. A CANCEL has the number of the INVITE it cancels, as it has its branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId {
    number: u64,
    is_cancel: bool,
}

/// For whom a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The INVITE that sets a call up.
    Invite(CallKey),
    /// An INVITE within the call.
    Reinvite(CallKey),
    /// Any other request within the call but BYE.
    Within(CallKey),
    /// The BYE of a call we hung up.
    Bye(CallKey),
    /// A CANCEL, or the BYE of a further fork: its response changes nothing.
    Farewell(Option<CallKey>),
    /// An OPTIONS the application asked for.
    Ping(u64),
    /// A registration we keep.
    Register(RegistrationKey),
}

impl Owner {
    /// For whom its messages are.
    pub(crate) fn subject(self) -> Subject {
        match self {
            Self::Register(key) => Subject::Registration(key),
            owner => owner.key().into(),
        }
    }

    /// The call it belongs to.
    pub(crate) fn key(self) -> Option<CallKey> {
        match self {
            Self::Invite(key) | Self::Reinvite(key) | Self::Within(key) | Self::Bye(key) => Some(key),
            Self::Farewell(key) => key,
            Self::Ping(_) | Self::Register(_) => None,
        }
    }
}

/// What a response means to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was dealt with.
    Nothing,
    /// The first of its kind.
    Response(Owner),
    /// A further 2xx to an INVITE, of a dialog not acknowledged yet.
    FurtherAnswer(Owner),
}

/// A transaction that ended without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) id: ClientId,
    pub(crate) owner: Owner,
}

struct Client {
    machine: ClientMachine,
    owner: Owner,
    method: &'static str,
    branch: Box<str>,
    hop: Hop,
    /// Empty once nothing can be made of it any more.
    request: Arc<[u8]>,
    /// The ACK to a failure, or those to each 2xx with the tag it acknowledges.
    acks: Vec<(Box<str>, Hop, Arc<[u8]>)>,
    retransmission: Option<TimerId>,
    lifetime: Option<TimerId>,
    /// Nobody waits for its final response.
    abandoned: bool,
}

/// Dialogs one INVITE may open by 2xx.
const ANSWERS_MAX: usize = 16;

/// A request to be sent by a transaction.
pub(crate) struct Outgoing {
    pub(crate) owner: Owner,
    pub(crate) method: &'static str,
    pub(crate) branch: String,
    pub(crate) hop: Hop,
    pub(crate) bytes: Arc<[u8]>,
}

/// The table.
pub(crate) struct ClientTable {
    lengths: TimerLengths,
    clients: BTreeMap<ClientId, Client>,
    last: u64,
}

impl ClientTable {
    pub(crate) fn new(lengths: TimerLengths) -> Self {
        Self { lengths, clients: BTreeMap::new(), last: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// The number the next transaction's branch is to hold.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Sends a request whose branch holds `number`.
    pub(crate) fn start(&mut self, number: u64, outgoing: Outgoing, effects: &mut Effects<'_>) -> ClientId {
        let id = ClientId { number, is_cancel: outgoing.method == "CANCEL" };
        let kind = if outgoing.method == "INVITE" { ClientKind::Invite } else { ClientKind::NonInvite };
        let machine = ClientMachine::new(kind, outgoing.hop.transport.is_reliable(), self.lengths);
        let (again, give_up) = match kind {
            ClientKind::Invite => (Timer::A(id), Timer::B(id)),
            ClientKind::NonInvite => (Timer::E(id), Timer::F(id)),
        };
        effects.sink.send(outgoing.owner.subject(), outgoing.hop, &outgoing.bytes, false);
        let client = Client {
            retransmission: machine.first_retransmission().map(|after| effects.set(after, again)),
            lifetime: Some(effects.set(machine.give_up_after(), give_up)),
            machine,
            owner: outgoing.owner,
            method: outgoing.method,
            branch: outgoing.branch.into(),
            hop: outgoing.hop,
            request: outgoing.bytes,
            acks: Vec::new(),
            abandoned: false,
        };
        self.clients.insert(id, client);
        id
    }

    /// Cancels an INVITE that got a provisional response and no final one.
    /// `reason` is the value of its Reason.
    pub(crate) fn cancel(&mut self, id: ClientId, reason: Option<&str>, effects: &mut Effects<'_>) {
        let Some(client) = self.clients.get(&id) else { return };
        let Some(bytes) = follow_up::cancel(&client.request, reason, effects.scratch) else { return };
        let outgoing = Outgoing {
            owner: Owner::Farewell(client.owner.key()),
            method: "CANCEL",
            branch: client.branch.to_string(),
            hop: client.hop,
            bytes,
        };
        self.start(id.number, outgoing, effects);
    }

    /// The transaction a response belongs to (§17.1.3), and its owner.
    pub(crate) fn find(&self, response: &Response<'_, '_>) -> Option<(ClientId, Owner)> {
        let branch = response.via.branch()?;
        let id = ClientId { number: branch_number(branch)?, is_cancel: response.cseq.method == "CANCEL" };
        let client = self.clients.get(&id)?;
        (*client.branch == *branch && client.method == response.cseq.method).then_some((id, client.owner))
    }

    /// A response came for a transaction found before.
    pub(crate) fn on_response(
        &mut self,
        id: ClientId,
        response: &Response<'_, '_>,
        effects: &mut Effects<'_>,
    ) -> Heard {
        let Some(client) = self.clients.get_mut(&id) else { return Heard::Nothing };
        let owner = client.owner;
        match client.machine.on_response(response.code) {
            OnResponse::Provisional { stop_timers } => {
                if stop_timers {
                    client.stop(effects);
                }
                if stop_timers && client.abandoned {
                    client.lifetime = Some(effects.set(client.machine.give_up_after(), Timer::M(id)));
                }
                Heard::Response(owner)
            }
            OnResponse::Accepted(further) => {
                client.stop(effects);
                client.lifetime = Some(effects.set(further, Timer::M(id)));
                client.request = Arc::from([]);
                Heard::Response(owner)
            }
            OnResponse::AcceptedAgain => client.on_further_answer(response, effects),
            OnResponse::Final(linger) => {
                client.stop(effects);
                client.acknowledge_failure(response, effects);
                let timer = match client.machine.kind() {
                    ClientKind::Invite => Timer::D(id),
                    ClientKind::NonInvite => Timer::K(id),
                };
                client.lifetime = Some(effects.set(linger, timer));
                client.request = Arc::from([]);
                Heard::Response(owner)
            }
            OnResponse::AcknowledgeAgain => {
                client.acknowledge_again("", effects);
                Heard::Nothing
            }
            OnResponse::Absorb => Heard::Nothing,
        }
    }

    /// Sends the ACK to a 2xx, and again whenever that 2xx comes again.
    pub(crate) fn acknowledge_answer(
        &mut self,
        id: ClientId,
        tag: &str,
        hop: Hop,
        ack: &Arc<[u8]>,
        effects: &mut Effects<'_>,
    ) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        effects.sink.send(client.owner.subject(), hop, ack, false);
        if client.acks.len() < ANSWERS_MAX {
            client.acks.push((tag.into(), hop, Arc::clone(ack)));
        }
    }

    /// Timer A or E.
    pub(crate) fn on_retransmit(&mut self, id: ClientId, timer: Timer, effects: &mut Effects<'_>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.retransmission = client.machine.on_retransmit().map(|after| {
            effects.sink.send(client.owner.subject(), client.hop, &client.request, true);
            effects.set(after, timer)
        });
    }

    /// Timer B, D, F, K or M, or a transport failure, or an INVITE given up: the transaction is no more.
    pub(crate) fn remove(&mut self, id: ClientId, effects: &mut Effects<'_>) -> Option<Expiry> {
        let mut client = self.clients.remove(&id)?;
        client.stop(effects);
        Some(Expiry { id, owner: client.owner })
    }

    /// Nobody waits for the final response of an INVITE any more: it is waited for 64·T1 at most, to be acknowledged.
    pub(crate) fn abandon(&mut self, id: ClientId, effects: &mut Effects<'_>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.abandoned = true;
        if client.lifetime.is_none() {
            client.lifetime = Some(effects.set(client.machine.give_up_after(), Timer::M(id)));
        }
    }

    /// The transactions to a hop that got no response yet, in order.
    pub(crate) fn waiting_for(&self, hop: Hop) -> Vec<ClientId> {
        let waiting = self.clients.iter().filter(|(_, c)| c.hop == hop && c.machine.is_waiting());
        waiting.map(|(id, _)| *id).collect()
    }
}

impl Client {
    fn stop(&mut self, effects: &mut Effects<'_>) {
        effects.timers.cancel(self.retransmission.take());
        effects.timers.cancel(self.lifetime.take());
    }

    fn acknowledge_failure(&mut self, response: &Response<'_, '_>, effects: &mut Effects<'_>) {
        if self.machine.kind() != ClientKind::Invite {
            return;
        }
        let to = response.message.value(HeaderName::To).unwrap_or_default();
        let Some(ack) = follow_up::ack(&self.request, to, effects.scratch) else { return };
        effects.sink.send(self.owner.subject(), self.hop, &ack, false);
        self.acks.push(("".into(), self.hop, ack));
    }

    fn on_further_answer(&mut self, response: &Response<'_, '_>, effects: &mut Effects<'_>) -> Heard {
        let tag = response.to.tag().unwrap_or_default();
        if self.acknowledge_again(tag, effects) || self.acks.len() >= ANSWERS_MAX {
            return Heard::Nothing;
        }
        Heard::FurtherAnswer(self.owner)
    }

    fn acknowledge_again(&mut self, tag: &str, effects: &mut Effects<'_>) -> bool {
        let Some((_, hop, ack)) = self.acks.iter().find(|(acknowledged, ..)| **acknowledged == *tag) else {
            return false;
        };
        effects.sink.send(self.owner.subject(), *hop, ack, true);
        true
    }
}
