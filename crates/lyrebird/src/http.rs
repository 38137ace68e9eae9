//! Serves HTTP connections within limits: how many there are, and how long a client may take to say what it wants.

use api::ClientAddr;
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use metrics::{describe_gauge, gauge};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::util::MapRequest;

/// Most connections at once; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// Longest time from the first byte that could come to the last one of a request's headers; also how long an idle
/// connection is kept.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest block of headers that is read at all; the doors draw the line at 16 KiB and say so.
const READ_BYTES_MAX: usize = 64 * 1024;
/// How long to wait when the system refuses a connection, for want of descriptors for example.
const REFUSED_WAIT: Duration = Duration::from_millis(100);

/// Serves until `stop` is over, and then until the answers that are under way are sent.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    describe_gauge!("lyrebird_http_connections", "Open connections of the API.");
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = http1::Builder::new();
    connections.timer(TokioTimer::new()).header_read_timeout(HEADERS_TIMEOUT).max_buf_size(READ_BYTES_MAX);
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, place) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let client = ClientAddr(peer.ip());
        let service = MapRequest::new(router.clone(), move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(client);
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = graceful.watch(connections.serve_connection(TokioIo::new(stream), service));
        gauge!("lyrebird_http_connections").increment(1);
        tokio::spawn(async move {
            // A client that breaks off or is too slow is no error of ours.
            let _ = connection.await;
            drop(place);
            gauge!("lyrebird_http_connections").decrement(1);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(REFUSED_WAIT).await;
            None
        }
    }
}
