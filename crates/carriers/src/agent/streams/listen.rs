//! Takes connections and hands them over, no faster than they are taken. Reads nothing of them.

use crate::StartError;
use sip::Transport;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Connections the kernel holds while we are busy.
const BACKLOG: i32 = 1_024;
/// How long to wait when the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that a peer opened.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) transport: Transport,
}

/// Binds a listener; port 0 picks a free one.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    open(address).map_err(|error| StartError::Bind { address, reason: error.to_string() })
}

fn open(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that starts again finds connections of its former life.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Takes connections until nobody wants them any more.
pub(crate) async fn listen(listener: TcpListener, transport: Transport, taker: mpsc::Sender<Accepted>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = taker.closed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if taker.send(Accepted { stream, peer, transport }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
