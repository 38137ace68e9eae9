//! Commanding a running call. The call's own actor says whether its state allows the command.

use super::idempotency::{IdempotencyHeader, Outcome};
use super::place::flow_of_call;
use super::scheduled::not_started;
use crate::core::Core;
use crate::engine::Engine;
use crate::fault::{of_store, saying};
use crate::resources::app;
use model::call::{CallStatus, Mode};
use model::fault::{Fault, FaultCode};
use model::flow::CallCommand;
use model::tenant::Principal;
use model::{AppId, CallId, CommandId};
use ports::StoreError;
use ports::store::{Idempotency, Reserved, StoredResponse};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tracing::Instrument;

/// How often the settling of an idempotency key is tried.
const SETTLE_ATTEMPTS: u32 = 5;
/// The wait after its first failure; each further one is twice as long.
const SETTLE_WAIT: Duration = Duration::from_millis(200);

/// Makes the answer from the command's id and the command as it is carried out, its steps' ids included.
pub type RenderCommand<'r> = dyn Fn(CommandId, &CallCommand) -> StoredResponse + Send + Sync + 'r;

impl Engine {
    /// Gives a running call a command. `request_id` goes to the timeline and the logs. `render` makes the answer; the same bytes answer every repetition with the
    /// same idempotency key.
    pub async fn command(
        &self,
        who: Principal,
        call: CallId,
        mut command: CallCommand,
        request_id: Option<String>,
        idempotency: Option<IdempotencyHeader>,
        render: &RenderCommand<'_>,
    ) -> Result<Outcome, Fault> {
        let core = &self.core;
        let (app, mode) = app(who)?;
        let now = core.now();
        let id = core.with_ids(|ids| CommandId::generate(ids, now));
        if let CallCommand::ReplaceFlow(flow) = &mut command {
            *flow = flow_of_call(core, Some(flow), now).unwrap_or_default();
        }
        let response = render(id, &command);
        let span = tracing::info_span!("command", %call, command = %id, request = request_id.as_deref());
        let ask = Ask { app, mode, call, id, command, request_id };
        let key = idempotency.map(|header| header.of(who, core));
        // A client that goes away in the middle must not leave its idempotency key taken and unanswered.
        let work = tokio::spawn(work(core.clone(), ask, key, response).instrument(span));
        work.await.map_err(|_| Fault::new(FaultCode::StoreUnavailable))?
    }
}

struct Ask {
    app: AppId,
    mode: Mode,
    call: CallId,
    id: CommandId,
    command: CallCommand,
    request_id: Option<String>,
}

async fn work(
    core: Arc<Core>,
    ask: Ask,
    key: Option<Idempotency>,
    response: StoredResponse,
) -> Result<Outcome, Fault> {
    let Some(key) = key else {
        return deliver(&core, ask).await.map(|()| Outcome::New(response));
    };
    match core.store.reserve(&key).await.map_err(of_store)? {
        Reserved::Ours => {}
        Reserved::Replayed(first) => return Ok(Outcome::Replayed(first)),
        Reserved::Mismatch => return Err(Fault::new(FaultCode::IdempotencyConflict)),
        Reserved::Pending => {
            let message = "The first request with this Idempotency-Key is still being worked on.";
            return Err(saying(FaultCode::IdempotencyConflict, message));
        }
    }
    if let Err(fault) = deliver(&core, ask).await {
        settle(|| core.store.release(&key)).await;
        return Err(fault);
    }
    // The command is under way and cannot be taken back: a failure here leaves the key taken, never free.
    settle(|| core.store.complete(&key, &response)).await;
    Ok(Outcome::New(response))
}

/// Settles a key, tried again while the store does not take it: a key that stays taken refuses every repetition.
async fn settle<F: Future<Output = Result<(), StoreError>>>(write: impl Fn() -> F) {
    let mut wait = SETTLE_WAIT;
    for _ in 0..SETTLE_ATTEMPTS {
        match write().await {
            // Not found: it has expired meanwhile.
            Ok(()) | Err(StoreError::NotFound) => return,
            Err(error) => tracing::warn!(%error, "an idempotency key could not be settled"),
        }
        sleep(wait).await;
        wait *= 2;
    }
}

async fn deliver(core: &Core, ask: Ask) -> Result<(), Fault> {
    let found = core.store.call(ask.app, ask.call).await.map_err(of_store)?;
    let call =
        found.filter(|call| call.mode == ask.mode).ok_or_else(|| Fault::new(FaultCode::CallNotFound))?;
    if call.status.is_final() {
        return Err(Fault::new(FaultCode::CallNotActive));
    }
    // One that was started this very moment is running, whatever its row said.
    if call.status == CallStatus::Scheduled && core.running.get(ask.call).is_none() {
        return match ask.command {
            CallCommand::Hangup(_) if core.withdraw_scheduled(call).await? => Ok(()),
            CallCommand::Hangup(_) => Err(busy("The call is being started; try again in a moment.")),
            _ => Err(not_started()),
        };
    }
    let flow = match &ask.command {
        CallCommand::ReplaceFlow(flow) => Some(flow.clone()),
        _ => None,
    };
    match core.running.get(ask.call) {
        Some(mailbox) => {
            mailbox.command(ask.id, ask.command, ask.request_id).await?;
            if let Some(flow) = flow {
                // What the call does is decided; what is shown of it must not undo that.
                let kept = core.store.replace_flow(ask.call, &flow).await;
                kept.unwrap_or_else(|error| tracing::warn!(%error, "a call's new flow could not be kept"));
            }
            Ok(())
        }
        // Not final and not here: it is being taken over, or it ended this very moment.
        None => Err(busy("The call is being taken over or has just ended; try again in a moment.")),
    }
}

fn busy(message: &str) -> Fault {
    Fault { retry_after_s: Some(1), ..saying(FaultCode::CallBusy, message) }
}
