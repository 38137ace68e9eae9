//! What a loop stands on and what outlives it: sockets, queues, and the task that begins a loop anew when it broke.

use super::super::counters::Counters;
use super::super::farewells::Farewells;
use super::super::streams::listen::Accepted;
use super::super::tls::Tls;
use super::super::{AgentConfig, AgentOrder, Door};
use super::Run;
use crate::StartError;
use ports::Clock;
use sip::EndpointConfig;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::Poll;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// How long a loop that broke waits before it begins anew.
const PAUSE: Duration = Duration::from_secs(1);

/// What outlives a loop that broke.
pub(crate) struct Ground {
    pub(crate) socket: UdpSocket,
    pub(crate) orders: mpsc::Receiver<AgentOrder>,
    pub(crate) farewells: Arc<Farewells>,
    pub(crate) accepted: mpsc::Receiver<Accepted>,
    pub(crate) door: Arc<dyn Door>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) next_key: Arc<AtomicU64>,
    pub(crate) endpoint: EndpointConfig,
    pub(crate) config: AgentConfig,
}

/// A seed of the operating system.
pub(crate) fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError::Seed(error.to_string()))?;
    Ok(seed)
}

/// Serves until the last handle is gone. Panics within the loop's work are caught there; should the loop itself break,
/// its legs are told their end, and it begins anew.
pub(crate) async fn serve(mut ground: Ground) {
    loop {
        match seed() {
            Ok(seed) => {
                if caught(Run::new(&mut ground, seed).run()).await.is_some() {
                    return;
                }
                ground.counters.restarts.add();
                ground.door.restarted();
                tracing::error!("the SIP user agent broke; its calls are lost, and it begins anew");
            }
            Err(error) => tracing::error!(%error, "the SIP user agent cannot begin anew"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Runs the future; none if it panicked. Then it is dropped and never polled again.
async fn caught<T>(run: impl Future<Output = T>) -> Option<T> {
    let mut run = std::pin::pin!(run);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
        Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}
