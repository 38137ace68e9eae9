//! The one mailbox of a call: facts and commands in the order they came. Facts never wait; when one that must not
//! be lost finds the mailbox full, the call is told to end. Figures go to the timeline straight away: nobody decides by
//! them, and those of the whole call come after its end.

use super::notes;
use crate::core::Core;
use crate::fault::saying;
use call::FetchId;
use model::child::{ChildFact, ParentFact};
use model::fault::{Fault, FaultCode};
use model::flow::{CallCommand, Flow};
use model::leg::LegFact;
use model::meeting::{Attendance, ConferenceFact, QueueFact};
use model::sound::{MediaFact, PromptId, RecordFact};
use model::speech::SpeechFact;
use model::{CallId, CommandId, LegId};
use ports::LegSink;
use ports::carrier::Handover;
use ports::media::Clip;
use ports::speech::HeardSpeech;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{Notify, mpsc, oneshot};

/// One thing in a mailbox.
pub(super) enum Mail {
    /// A leg changed.
    Leg(LegId, LegFact),
    /// Something about a leg's sound.
    Media(LegId, MediaFact),
    /// What lets go of a leg's far side, should this process die.
    HandOver(Handover),
    /// A prompt's sound, or why there is none.
    Prompt(PromptId, Result<Arc<Clip>, String>),
    /// What the app answered to a question.
    Fetched(FetchId, Result<Option<Flow>, String>),
    /// What became of a recording.
    Record(RecordFact),
    /// Something that was listened for was said.
    Heard(HeardSpeech),
    /// What it was understood as.
    Speech(SpeechFact),
    /// Something about a call that this one made.
    Child(CallId, ChildFact),
    /// Something about the call that made this one.
    Parent(ParentFact),
    /// Something about its conference.
    Conference(Attendance, ConferenceFact),
    /// Something about its queue.
    Queue(Attendance, QueueFact),
    /// The app's command; `reply` hears whether the call's state allows it.
    Command {
        /// Its id.
        id: CommandId,
        /// What to do.
        command: CallCommand,
        /// The id of the request that brought it.
        request_id: Option<String>,
        /// Takes the verdict.
        reply: oneshot::Sender<Result<(), Fault>>,
    },
    /// The server stops.
    Shutdown,
    /// The call was claimed anew: this actor no longer has it.
    Lost,
}

/// A mailbox's address.
#[derive(Clone)]
pub(crate) struct Mailbox {
    sender: mpsc::Sender<Mail>,
    shared: Arc<Shared>,
}

struct Shared {
    core: Arc<Core>,
    overflow: Notify,
}

impl Mailbox {
    /// A mailbox, and its other end.
    pub(super) fn new(core: &Arc<Core>) -> (Self, mpsc::Receiver<Mail>) {
        let (sender, receiver) = mpsc::channel(core.config.mailbox_max.max(1));
        let shared = Shared { core: core.clone(), overflow: Notify::new() };
        (Self { sender, shared: Arc::new(shared) }, receiver)
    }

    /// Gives the call a command and waits for its verdict.
    pub(crate) async fn command(
        &self,
        id: CommandId,
        command: CallCommand,
        request_id: Option<String>,
    ) -> Result<(), Fault> {
        let (reply, verdict) = oneshot::channel();
        self.sender.try_send(Mail::Command { id, command, request_id, reply }).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => Fault::new(FaultCode::CallBusy),
                mpsc::error::TrySendError::Closed(_) => Fault::new(FaultCode::CallNotActive),
            },
        )?;
        verdict.await.unwrap_or_else(|_| Err(saying(FaultCode::CallNotActive, "The call has just ended.")))
    }

    /// Tells the call to end in order.
    pub(crate) fn shut_down(&self) {
        self.post(Mail::Shutdown, true);
    }

    /// Tells the actor that it no longer has the call; waits for room.
    pub(super) async fn lose(&self) {
        // An error says that it is gone already.
        let _ = self.sender.send(Mail::Lost).await;
    }

    /// Brings a prompt; waits for room.
    pub(super) async fn prompt(&self, prompt: PromptId, result: Result<Arc<Clip>, String>) {
        // An error says that the call is gone.
        let _ = self.sender.send(Mail::Prompt(prompt, result)).await;
    }

    /// Brings the app's answer; waits for room.
    pub(super) async fn fetched(&self, id: FetchId, result: Result<Option<Flow>, String>) {
        // An error says that the call is gone.
        let _ = self.sender.send(Mail::Fetched(id, result)).await;
    }

    /// Brings what became of a recording; waits for room.
    pub(super) async fn record(&self, fact: RecordFact) {
        // An error says that the call is gone.
        let _ = self.sender.send(Mail::Record(fact)).await;
    }

    /// Brings what was understood; waits for room.
    pub(super) async fn speech(&self, fact: SpeechFact) {
        // An error says that the call is gone.
        let _ = self.sender.send(Mail::Speech(fact)).await;
    }

    /// Tells of a call that this one made.
    pub(super) fn child(&self, child: CallId, fact: ChildFact) {
        self.post(Mail::Child(child, fact), true);
    }

    /// Tells of the call that made this one.
    pub(super) fn parent(&self, fact: ParentFact) {
        self.post(Mail::Parent(fact), true);
    }

    /// Tells of the call's conference.
    pub(crate) fn conference(&self, attendance: Attendance, fact: ConferenceFact) {
        let needed = fact != ConferenceFact::Beep;
        self.post(Mail::Conference(attendance, fact), needed);
    }

    /// Tells of the call's queue.
    pub(crate) fn queue(&self, attendance: Attendance, fact: QueueFact) {
        self.post(Mail::Queue(attendance, fact), true);
    }

    /// Returns when something was lost that the call cannot do without.
    pub(super) async fn overflowed(&self) {
        self.shared.overflow.notified().await;
    }

    fn post(&self, mail: Mail, needed: bool) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(mail) {
            self.shared.core.mail_dropped.fetch_add(1, Ordering::Relaxed);
            if needed {
                self.shared.overflow.notify_one();
            }
        }
    }
}

impl LegSink for Mailbox {
    fn leg(&self, leg: LegId, fact: LegFact) {
        self.post(Mail::Leg(leg, fact), true);
    }

    fn hand_over(&self, _leg: LegId, handover: Handover) {
        self.post(Mail::HandOver(handover), false);
    }

    fn heard(&self, _leg: LegId, speech: HeardSpeech) {
        self.post(Mail::Heard(speech), true);
    }

    fn media(&self, leg: LegId, fact: MediaFact) {
        if matches!(fact, MediaFact::Figures(_)) {
            return notes::media(&self.shared.core, leg, &fact);
        }
        let told_only = matches!(
            fact,
            MediaFact::FirstSound
                | MediaFact::OneWay { .. }
                | MediaFact::BothWays
                | MediaFact::Silent { .. }
                | MediaFact::SilenceEnded
        );
        self.post(Mail::Media(leg, fact), !told_only);
    }
}
