//! The one mailbox of a call: facts and commands in the order they came. Facts never wait; when one that must not
//! be lost finds the mailbox full, the call is told to end.

use crate::fault::saying;
use model::fault::{Fault, FaultCode};
use model::flow::CallCommand;
use model::leg::LegFact;
use model::sound::{MediaFact, PromptId, RecordFact};
use model::{CommandId, LegId};
use ports::LegSink;
use ports::media::Clip;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Notify, mpsc, oneshot};

/// One thing in a mailbox.
pub(super) enum Mail {
    /// A leg changed.
    Leg(LegId, LegFact),
    /// Something about a leg's sound.
    Media(LegId, MediaFact),
    /// A prompt's sound, or why there is none.
    Prompt(PromptId, Result<Arc<Clip>, String>),
    /// What became of a recording.
    Record(RecordFact),
    /// The app's command; `reply` hears whether the call's state allows it.
    Command {
        /// Its id.
        id: CommandId,
        /// What to do.
        command: CallCommand,
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

#[derive(Default)]
struct Shared {
    overflow: Notify,
    dropped: AtomicU64,
}

impl Mailbox {
    /// A mailbox for at most `limit` things, and its other end.
    pub(super) fn new(limit: usize) -> (Self, mpsc::Receiver<Mail>) {
        let (sender, receiver) = mpsc::channel(limit.max(1));
        (Self { sender, shared: Arc::default() }, receiver)
    }

    /// Gives the call a command and waits for its verdict.
    pub(crate) async fn command(&self, id: CommandId, command: CallCommand) -> Result<(), Fault> {
        let (reply, verdict) = oneshot::channel();
        self.sender.try_send(Mail::Command { id, command, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Fault::new(FaultCode::CallBusy),
            mpsc::error::TrySendError::Closed(_) => Fault::new(FaultCode::CallNotActive),
        })?;
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

    /// Brings what became of a recording; waits for room.
    pub(super) async fn record(&self, fact: RecordFact) {
        // An error says that the call is gone.
        let _ = self.sender.send(Mail::Record(fact)).await;
    }

    /// Returns when something was lost that the call cannot do without.
    pub(super) async fn overflowed(&self) {
        self.shared.overflow.notified().await;
    }

    fn post(&self, mail: Mail, needed: bool) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(mail) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
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

    fn media(&self, leg: LegId, fact: MediaFact) {
        let needed = !matches!(fact, MediaFact::Figures(_) | MediaFact::FirstSound);
        self.post(Mail::Media(leg, fact), needed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::sound::MediaFigures;
    use model::{CallId, IdSource, Timestamp};
    use std::time::Duration;
    use tokio::time::timeout;

    async fn check(second: MediaFact, overflows: bool) {
        let leg = LegId::new(CallId::generate(&mut IdSource::new(1), Timestamp::default()), 0);
        let (mailbox, _receiver) = Mailbox::new(1);
        mailbox.leg(leg, LegFact::Trying);
        mailbox.media(leg, second);
        let told = timeout(Duration::from_millis(1), mailbox.overflowed()).await.is_ok();
        assert_eq!(told, overflows);
        assert_eq!(mailbox.shared.dropped.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_needed_fact_that_is_lost_ends_the_call() {
        check(MediaFact::Figures(MediaFigures::default()), false).await;
        check(MediaFact::FirstSound, false).await;
        check(MediaFact::Digit { digit: '1', duration_ms: 100 }, true).await;
    }
}
