//! What the operating system tells the server: to stop (once, in order; twice, at once and in order; three times, whatever
//! it costs), and to read its configuration again.

use crate::terminal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How often the process was told to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<u8>);

impl Stop {
    /// Listens to SIGTERM and SIGINT from now on.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (told, times) = watch::channel(0_u8);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                told.send_modify(|times: &mut u8| *times = times.saturating_add(1));
                if *told.borrow() > 2 {
                    terminal::complain("stopped as asked a third time; the next start ends the calls");
                    std::process::exit(1);
                }
            }
        });
        Ok(Self(times))
    }

    /// Over when it was told so often.
    pub(crate) async fn told(mut self, times: u8) {
        // The sender lives as long as the process.
        let _ = self.0.wait_for(|so_far| *so_far >= times).await;
    }
}

/// SIGHUP.
pub(crate) fn hang_ups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}
