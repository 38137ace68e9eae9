//! Requests at an even rate, whatever the answers take: a request that had to wait for its turn waited for the server.

use super::http::Client;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Connections, each with a request at a time.
const CONNECTIONS: usize = 48;

/// A request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Which one, from 0.
    pub(super) number: usize,
    /// When it was to be sent.
    pub(super) due: Instant,
    /// When the whole answer was there.
    pub(super) answered: Instant,
    /// Its status; 0 where no answer came.
    pub(super) status: u16,
    /// Its body.
    pub(super) body: Vec<u8>,
}

/// Sends `count` requests, `rate` a second; `request` says method, path and body of each.
pub(super) fn ask(
    (server, key): (SocketAddr, &str),
    rate: f64,
    count: usize,
    request: impl Fn(usize) -> (&'static str, String, String) + Sync,
) -> Vec<Asked> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::with_capacity(count));
    let begun = Instant::now();
    let work = || {
        let mut client = Client::new(server, key);
        let mut own = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            let due = begun + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let (method, path, body) = request(number);
            let (status, body) = client.send(method, &path, &body).unwrap_or_default();
            own.push(Asked { number, due, answered: Instant::now(), status, body });
        }
        all.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
    };
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(work);
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}
