//! A few threads for work that would stall a worker or an async task: decoding, encoding, finishing files.
//! Bounded; knows nothing of the work.

use crate::config::StartError;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

/// The threads end when the last pool handle is gone and the jobs are done.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    jobs: SyncSender<Job>,
}

/// As many jobs wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolFull;

impl Pool {
    /// Starts `threads` threads with room for `jobs_max` waiting jobs.
    pub(crate) fn start(threads: usize, jobs_max: usize) -> Result<Self, StartError> {
        let (jobs, receiver) = sync_channel(jobs_max.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .name(format!("media-pool-{number}"))
                .spawn(move || work(&receiver))
                .map_err(|error| StartError::System { what: "a pool thread", reason: error.to_string() })?;
        }
        Ok(Self { jobs })
    }

    /// Hands over a job.
    pub(crate) fn submit(&self, job: impl FnOnce() + Send + 'static) -> Result<(), PoolFull> {
        self.jobs.try_send(Box::new(job)).map_err(|_| PoolFull)
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // One bad job must not cost the pool a thread; whoever waits for it sees its channel close.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
            tracing::error!("a media job ended in a panic");
        }
    }
}
