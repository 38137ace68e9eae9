//! The actor's loop: one thing that happened goes into the machine, what it orders is carried out in order, and
//! what it announces is written behind it. A costly order waits until everything before it is durable.

use super::ledger::{Ledger, SharedStanding, lock};
use super::listening::Listenings;
use super::mailbox::{Mail, Mailbox};
use super::pacing::Pacing;
use super::prompting::CallPrompts;
use super::road::Road;
use super::supervise::{Beginning, Ends, Launch};
use super::ties::Ties;
use super::{notes, recorder};
use crate::core::Core;
use crate::fault::saying;
use crate::figures;
use call::{Input, Machine, Output, Refused};
use model::call::Call;
use model::event::EventBody;
use model::fault::{Fault, FaultCode};
use model::leg::{LegEnd, LegEndKind, LegEndedBy, LegFact, LegOrder, ReleaseCause};
use model::sound::PromptFact;
use model::timeline::TimelineKind;
use model::{CallId, LegId, Timestamp};
use ports::CarrierError;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A running call.
pub(super) struct Actor {
    pub(super) core: Arc<Core>,
    pub(super) call: CallId,
    pub(super) machine: Machine,
    pub(super) road: Road,
    pub(super) mailbox: Mailbox,
    pub(super) prompts: CallPrompts,
    pub(super) listenings: Listenings,
    /// To other calls.
    pub(super) ties: Ties,
    /// Facts that came of carrying out orders, for the machine.
    pub(super) local: VecDeque<Input>,
    pub(super) standing: SharedStanding,
    /// The dialling that its carrier has not taken yet: it may pace its calls, or look a host up.
    pub(super) dialling: Option<(LegId, Dialling)>,
    /// The leg that is to be dialled next.
    pub(super) pacing: Pacing,
    /// Questions to the app; given up with the call.
    pub(super) fetching: JoinSet<()>,
    inbox: mpsc::Receiver<Mail>,
    /// Outputs, and when they came, behind an order that has to wait.
    held: VecDeque<(Output, Timestamp)>,
    ledger: Ledger,
    beginning: Option<Beginning>,
    /// The call was ended over its machine's head; nothing may ring any more.
    pub(super) abandoned: bool,
}

/// A carrier taking a dialling.
pub(super) type Dialling = Pin<Box<dyn Future<Output = Result<(), CarrierError>> + Send>>;

/// What wakes an actor.
enum Wake {
    Written,
    Paced(LegId, Result<(), CarrierError>),
    Dialled(LegId, Result<(), CarrierError>),
    Lost,
    Mail(Mail),
    Overflow,
    Deadline,
}

impl Actor {
    pub(super) fn new(
        core: Arc<Core>,
        launch: Launch,
        (mailbox, inbox): Ends,
        standing: SharedStanding,
    ) -> Self {
        let Launch { call, setup, fence, road, beginning, .. } = launch;
        let (id, seed) = (call.id, core.with_ids(model::IdSource::next_u64));
        let machine = match &beginning {
            Beginning::Recovered(recordings) => {
                let recordings = recordings.clone();
                Machine::recover(setup, call, recordings, seed, core.now())
            }
            Beginning::Dial | Beginning::Arrived(_) => Machine::new(setup, call, seed),
        };
        Self {
            ledger: Ledger::new(core.clone(), fence, standing.clone()),
            ties: Ties::new(core.clone(), id),
            core,
            call: id,
            machine,
            road,
            mailbox,
            prompts: CallPrompts::new(),
            listenings: Listenings::default(),
            local: VecDeque::new(),
            standing,
            dialling: None,
            pacing: Pacing::default(),
            fetching: JoinSet::new(),
            inbox,
            held: VecDeque::new(),
            beginning: Some(beginning),
            abandoned: false,
        }
    }

    /// Runs the call until everything about it is final and written, or another node has it.
    pub(super) async fn run(mut self) {
        self.begin();
        loop {
            self.settle();
            if self.ledger.is_released() && self.dialling.is_none() {
                return;
            }
            match self.wake().await {
                Wake::Written => {}
                Wake::Paced(leg, result) => self.paced(leg, result),
                Wake::Dialled(leg, result) => self.dialled(leg, result),
                Wake::Lost | Wake::Mail(Mail::Lost) => return self.let_go(),
                Wake::Mail(mail) => self.open(mail),
                Wake::Overflow => self.abandon("The call's mailbox overflowed."),
                Wake::Deadline => self.machine.handle_timeout(self.core.now()),
            }
        }
    }

    fn begin(&mut self) {
        match self.beginning.take() {
            None => {}
            Some(Beginning::Dial) => self.tell(Input::Start),
            Some(Beginning::Arrived(incoming)) => {
                let leg = LegId::new(self.call, 0);
                lock(&self.standing).legs.push(leg);
                let sink = Arc::new(self.mailbox.clone());
                let adopted = self.road.carrier().and_then(|carrier| carrier.adopt(incoming, leg, sink));
                self.tell(Input::Start);
                if let Err(error) = adopted {
                    let cause = ReleaseCause::local(&error.to_string());
                    let end = LegEnd { kind: LegEndKind::Canceled, by: LegEndedBy::Remote, cause };
                    self.local.push_back(Input::Leg(leg, LegFact::Ended(end)));
                }
            }
            Some(Beginning::Recovered(recordings)) => {
                for recording in recordings {
                    recorder::finish_later(&self.core, &self.mailbox, recording.id);
                }
            }
        }
    }

    /// Brings the machine to rest: carries out what may be carried out, brings back what comes of it, and starts
    /// writing.
    fn settle(&mut self) {
        loop {
            self.collect();
            self.carry_out();
            match self.local.pop_front() {
                Some(input) => self.tell(input),
                None => break,
            }
        }
        // What waits to be carried out may still play.
        if self.held.is_empty() {
            self.prompts.retain(|prompt| self.machine.wants(prompt));
        }
        for recording in self.machine.recordings() {
            self.ledger.recording(recording);
        }
        let over = self.machine.is_done() && self.held.is_empty();
        self.ledger.start(over);
        if self.ledger.is_overfull() {
            self.abandon("The server cannot write to its database.");
        }
    }

    /// Takes the machine's outputs. A leg that is to be hung up while its dialling still waits is never dialled.
    fn collect(&mut self) {
        while let Some(output) = self.machine.poll() {
            if let Output::Leg(leg, LegOrder::HangUp) = output
                && self.withdraw_dial(leg)
            {
                self.leg_ended(leg, LegEndKind::Canceled, "Withdrawn before it was dialled.");
                continue;
            }
            self.held.push_back((output, self.core.now()));
        }
    }

    /// Takes a dialling back that was not carried out yet; whether there was one.
    pub(super) fn withdraw_dial(&mut self, leg: LegId) -> bool {
        let waiting = self.held.iter().position(
            |(held, _)| matches!(held, Output::Leg(dialled, LegOrder::Dial { .. }) if *dialled == leg),
        );
        let Some(at) = waiting else { return false };
        self.held.remove(at);
        self.pacing = Pacing::Idle;
        true
    }

    fn carry_out(&mut self) {
        while let Some((output, at)) = self.held.pop_front() {
            if let Output::Leg(leg, LegOrder::Dial { .. }) = output {
                if !self.has_pace(leg) {
                    self.held.push_front((output, at));
                    return;
                }
                self.ledger.started(self.machine.call().started_at.unwrap_or_else(|| self.core.now()));
            }
            if self.is_withdrawal(&output) {
                continue;
            }
            let early = is_costly(&output) && !self.ledger.is_clean();
            // A leg can be ordered only once its carrier has it.
            if early || (self.dialling.is_some() && matches!(output, Output::Leg(..))) {
                self.held.push_front((output, at));
                return;
            }
            match output {
                Output::Event { body, call } => {
                    notes::event(&self.core, &call, &body);
                    count(&call, &body, at);
                    self.ledger.event(body, *call, at);
                }
                Output::Note { kind, summary } => self.core.note(self.call, kind, summary, Value::Null),
                order => self.order(order),
            }
        }
    }

    /// Whether it hangs up a leg whose dialling the carrier has not taken yet, and could withdraw at once.
    fn is_withdrawal(&self, output: &Output) -> bool {
        let Output::Leg(leg, LegOrder::HangUp) = output else { return false };
        self.dialling.is_some() && self.road.order(*leg, LegOrder::HangUp).is_ok()
    }

    async fn wake(&mut self) -> Wake {
        let deadline = self.machine.deadline().map(|at| at.since(self.core.now()));
        let alarm = async {
            match deadline {
                Some(wait) => sleep(wait).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            written = self.ledger.written() => if written.is_ok() { Wake::Written } else { Wake::Lost },
            (leg, result) = self.pacing.over() => Wake::Paced(leg, result),
            (leg, result) = dialled(&mut self.dialling) => Wake::Dialled(leg, result),
            () = self.mailbox.overflowed() => Wake::Overflow,
            Some(mail) = self.inbox.recv() => Wake::Mail(mail),
            () = alarm => Wake::Deadline,
        }
    }

    fn open(&mut self, mail: Mail) {
        match mail {
            Mail::Leg(leg, fact) => self.tell(Input::Leg(leg, fact)),
            Mail::HandOver(handover) => self.ledger.hand_over(handover),
            Mail::Media(leg, fact) => {
                notes::media(&self.core, leg, &fact);
                self.tell(Input::Media(leg, fact));
            }
            Mail::Prompt(prompt, result) => {
                let kept = result.and_then(|clip| self.prompts.keep(prompt, clip));
                self.tell(Input::Prompt(match kept {
                    Ok(duration_ms) => PromptFact::Ready { prompt, duration_ms },
                    Err(reason) => PromptFact::Failed { prompt, reason },
                }));
            }
            Mail::Record(fact) => self.tell(Input::Record(fact)),
            Mail::Heard(speech) => self.heard(speech),
            Mail::Speech(fact) => self.tell(Input::Speech(fact)),
            Mail::Child(child, fact) => {
                self.ties.heard(child, &fact);
                self.tell(Input::Child(child, fact));
            }
            Mail::Parent(fact) => self.tell(Input::Parent(fact)),
            Mail::Conference(attendance, fact) => self.tell(Input::Conference(attendance, fact)),
            Mail::Queue(attendance, fact) => self.tell(Input::Queue(attendance, fact)),
            Mail::Fetched(id, result) => self.tell(Input::Fetched(id, result)),
            Mail::Shutdown => self.tell(Input::Shutdown),
            // Ends the loop itself.
            Mail::Lost => {}
            Mail::Command { id, command, request_id, reply } => {
                let verdict = self.machine.admits(&command).map_err(fault);
                figures::command(command.name(), verdict.is_ok());
                let summary = match &verdict {
                    Ok(()) => format!("request accepted: {}", command.name()),
                    Err(fault) => format!("request refused: {}: {}", command.name(), fault.message),
                };
                let detail = json!({ "commandId": id.to_string(), "requestId": request_id });
                self.core.note(self.call, TimelineKind::Api, summary, detail);
                if verdict.is_ok() {
                    self.tell(Input::Command { id, command });
                }
                // Whoever asked may be gone.
                let _ = reply.send(verdict);
            }
        }
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle(input, self.core.now());
    }

    /// The leg is over without its carrier ever saying so.
    pub(super) fn leg_ended(&mut self, leg: LegId, kind: LegEndKind, phrase: &str) {
        let end = LegEnd { kind, by: LegEndedBy::Local, cause: ReleaseCause::local(phrase) };
        self.local.push_back(Input::Leg(leg, LegFact::Ended(end)));
    }

    /// Ends the call for a reason of this server's own: its legs are hung up, and the machine hears of their end.
    fn abandon(&mut self, reason: &'static str) {
        if std::mem::replace(&mut self.abandoned, true) {
            return;
        }
        tracing::error!(call = %self.call, reason, "a call is ended");
        self.core.note(self.call, TimelineKind::Call, reason, Value::Null);
        self.held.retain(|(output, _)| !is_costly(output));
        self.pacing = Pacing::Idle;
        self.hang_up_all();
        self.leg_ended(LegId::new(self.call, 0), LegEndKind::Failed, reason);
    }

    fn hang_up_all(&self) {
        let legs = lock(&self.standing).legs.clone();
        for leg in legs {
            // A leg that its carrier no longer knows is over already.
            let _ = self.road.order(leg, LegOrder::HangUp);
        }
    }

    /// Another node has the call: its legs here end, and nothing more is written.
    fn let_go(self) {
        metrics::counter!("lyrebird_leases_lost_total").increment(1);
        self.hang_up_all();
        let legs = lock(&self.standing).legs.clone();
        for leg in legs {
            self.core.media.close(leg);
        }
        if let Some((leg, taking)) = self.dialling {
            let road = self.road.clone();
            tokio::spawn(async move {
                // Whether or not it was taken: there is nothing to hang up, or it is hung up.
                let _ = taking.await;
                let _ = road.order(leg, LegOrder::HangUp);
            });
        }
        self.core.note(self.call, TimelineKind::Call, "another node has the call", Value::Null);
    }
}

/// The outcome of the dialling under way; waits for ever if there is none. May be dropped and called again.
async fn dialled(dialling: &mut Option<(LegId, Dialling)>) -> (LegId, Result<(), CarrierError>) {
    let Some((leg, taking)) = dialling else { return pending().await };
    let outcome = (*leg, taking.as_mut().await);
    *dialling = None;
    outcome
}

/// Counts what an event says, and marks it in traces.
fn count(call: &Call, body: &EventBody, at: Timestamp) {
    match body {
        EventBody::Ringing { .. } => {
            tracing::debug!(target: "milestone", "ringing");
            figures::ringing(call, at);
        }
        EventBody::Answered => {
            tracing::debug!(target: "milestone", "answered");
            figures::answered(call, at);
        }
        EventBody::Ended(end) => {
            tracing::debug!(target: "milestone", "ended");
            tracing::Span::current().record("end", tracing::field::debug(end.reason));
            figures::ended(call, end);
        }
        _ => {}
    }
}

/// Rings a phone or costs money: nothing announced before it may be lost.
const fn is_costly(output: &Output) -> bool {
    matches!(output, Output::Leg(_, LegOrder::Dial { .. } | LegOrder::Answer))
}

fn fault(refused: Refused) -> Fault {
    match refused {
        Refused::NotActive => Fault::new(FaultCode::CallNotActive),
        Refused::InvalidState(sentence) => saying(FaultCode::InvalidCallState, sentence),
    }
}
