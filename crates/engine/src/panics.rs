//! What a panic may end: the one thing that panicked, and nothing else.

use crate::core::Core;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::sleep;

/// How long a task that panicked waits before it begins anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs the future; none if it panicked. Then it is dropped and never polled again.
pub(crate) async fn caught<T>(run: impl Future<Output = T>) -> Option<T> {
    let mut run = pin!(run);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
        Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Runs a task of the whole server in the background, and anew after each panic, until it ends or the engine stops.
pub(crate) fn keep_running<F>(
    core: &Arc<Core>,
    task: &'static str,
    run: impl Fn(Arc<Core>) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let core = core.clone();
    tokio::spawn(async move {
        let mut stopping = core.stopping();
        while caught(run(core.clone())).await.is_none() {
            tracing::error!(task, "a background task panicked; it begins anew");
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                () = sleep(PAUSE) => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_panic_is_caught_and_a_result_is_handed_on() {
        assert_eq!(caught(async { 7 }).await, Some(7));
        let runs = AtomicUsize::new(0);
        let run = async || {
            tokio::task::yield_now().await;
            assert!(runs.fetch_add(1, Ordering::SeqCst) > 0, "told to panic");
        };
        assert_eq!(caught(run()).await, None);
        assert_eq!(caught(run()).await, Some(()));
    }
}
