//! A small HTTP server on loopback: takes webhooks and serves media, answers as a test wants, remembers every
//! request.

use crate::PATIENCE;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::io::ReaderStream;

/// Largest request that is taken.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of an endless body that are sent at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status and no body.
    Status(u16),
    /// With this status and header.
    With(u16, &'static str, &'static str),
    /// With 200 and this body.
    Body(&'static str, Bytes),
    /// With 200 and zeros without an end.
    Endless(&'static str),
    /// Not at all.
    Hang,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its body as JSON; null if it is none.
    pub json: Value,
}

/// The server. It stops when dropped.
pub struct Receiver {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<BTreeMap<String, Vec<Reply>>>,
    hits: Mutex<Vec<Hit>>,
    more: Notify,
}

impl Receiver {
    /// Starts one that answers 200 to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { addr, shared, task }
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Answers requests for `path` so, one after the other; the last answer stays.
    pub fn reply(&self, path: &str, replies: &[Reply]) {
        let mut reversed = replies.to_vec();
        reversed.reverse();
        lock(&self.shared.replies).insert(path.to_owned(), reversed);
    }

    /// All requests so far.
    pub fn hits(&self) -> Vec<Hit> {
        lock(&self.shared.hits).clone()
    }

    /// Waits until `wanted` finds what it looks for in the requests. Panics with them when the patience is over.
    pub async fn wait_for<T>(&self, what: &str, wanted: impl Fn(&[Hit]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let more = self.shared.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(found) = wanted(&lock(&self.shared.hits)) {
                    return found;
                }
                more.await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_| {
            let seen: Vec<_> =
                self.hits().iter().map(|hit| format!("{} {}", hit.path, hit.json["event"])).collect();
            panic!("{what} did not come; {seen:#?}")
        })
    }

    /// Waits for an event, of a call unless that is empty, and gives its body.
    pub async fn wait_for_event(&self, call: &str, name: &str) -> Value {
        let wanted = |hits: &[Hit]| events(hits, call).into_iter().find(|event| event["event"] == name);
        self.wait_for(&format!("{name} of {call:?}"), wanted).await
    }

    /// The events of a call in the order of their first arrival, each once.
    pub fn events(&self, call: &str) -> Vec<Value> {
        events(&lock(&self.shared.hits), call)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn events(hits: &[Hit], call: &str) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    for hit in hits {
        let of_call = call.is_empty() || hit.json["data"]["call"]["id"] == call;
        if hit.json["event"].is_string() && of_call && !seen.contains(&hit.json) {
            seen.push(hit.json.clone());
        }
    }
    seen
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let json = serde_json::from_slice(&body).unwrap_or_default();
    let reply = next_reply(&shared, parts.uri.path());
    lock(&shared.hits).push(Hit { path: parts.uri.to_string(), headers: parts.headers, body, json });
    shared.more.notify_waiters();
    let status = |code| StatusCode::from_u16(code).expect("a status");
    match reply {
        Reply::Status(code) => status(code).into_response(),
        Reply::With(code, name, value) => (status(code), [(name, value)]).into_response(),
        Reply::Body(kind, bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Reply::Endless(kind) => {
            let zeros = ReaderStream::with_capacity(tokio::io::repeat(0), CHUNK_BYTES);
            ([(header::CONTENT_TYPE, kind)], Body::from_stream(zeros)).into_response()
        }
        Reply::Hang => std::future::pending().await,
    }
}

fn next_reply(shared: &Shared, path: &str) -> Reply {
    let mut replies = lock(&shared.replies);
    let Some(list) = replies.get_mut(path) else { return Reply::Status(200) };
    if list.len() > 1 { list.pop() } else { list.last().cloned() }.unwrap_or(Reply::Status(200))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
