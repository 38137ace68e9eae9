//! One connection's task: it opens it where need be, cuts what comes into messages, and writes what waits in its
//! queue. Decides nothing; what it cannot do ends it, and its end is told.

use super::StreamLimits;
use super::reader::Reader;
use rustls::pki_types::ServerName;
use sip::stream::{PING, StreamFault};
use socket2::{SockRef, TcpKeepalive};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// When the kernel asks a peer that says nothing whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// One connection among all there ever were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64);

/// What a connection tells.
#[derive(Debug)]
pub(crate) enum News {
    /// It stands: connected, and its handshake done.
    Opened,
    /// A whole message.
    Message(Vec<u8>),
    /// It cannot be followed any further.
    Fault(StreamFault, Vec<u8>),
    /// It is over, or never came about.
    Closed(String),
}

/// A connection's ends towards the agent.
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) limits: StreamLimits,
    /// What is to be written; when its last sender is gone, what waits is written and the connection closed.
    pub(crate) queue: mpsc::Receiver<Arc<[u8]>>,
    /// The queue's other end, for pongs.
    pub(crate) queue_end: mpsc::WeakSender<Arc<[u8]>>,
    pub(crate) news: mpsc::Sender<(LinkId, News)>,
    /// Whether the peer is one we know, at this moment.
    pub(crate) known: Arc<AtomicBool>,
    /// We opened it: we keep it alive.
    pub(crate) ours: bool,
}

/// How a connection that we open proves whom it leads to.
pub(crate) struct Verify {
    pub(crate) client: Arc<rustls::ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Link {
    /// Serves a connection that a peer opened.
    pub(crate) async fn serve(self, stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) {
        prepare(&stream);
        let Some(config) = tls else { return self.carry(stream).await };
        match timeout(self.limits.handshake, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => self.carry(stream).await,
            Ok(Err(error)) => self.end(format!("no TLS handshake: {error}")).await,
            Err(_) => self.end("the TLS handshake took too long".to_owned()).await,
        }
    }

    /// Opens a connection and serves it.
    pub(crate) async fn open(self, peer: SocketAddr, verify: Option<Verify>) {
        let stream = match timeout(self.limits.connect, TcpStream::connect(peer)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.end(error.to_string()).await,
            Err(_) => return self.end("nobody answered the attempt to connect".to_owned()).await,
        };
        prepare(&stream);
        let Some(Verify { client, name }) = verify else { return self.carry(stream).await };
        match timeout(self.limits.handshake, TlsConnector::from(client).connect(name, stream)).await {
            Ok(Ok(stream)) => self.carry(stream).await,
            Ok(Err(error)) => self.end(format!("no TLS handshake: {error}")).await,
            Err(_) => self.end("the TLS handshake took too long".to_owned()).await,
        }
    }

    async fn end(self, why: String) {
        // Whoever is not there any more does not need to know.
        let _ = self.news.send((self.id, News::Closed(why))).await;
    }

    async fn carry<S: AsyncRead + AsyncWrite>(self, stream: S) {
        let Self { id, limits, queue, queue_end, news, known, ours } = self;
        if news.send((id, News::Opened)).await.is_err() {
            return;
        }
        let (from, to) = tokio::io::split(stream);
        let reading = async {
            let why = Reader { id, limits, queue_end, news: &news, known: &known }.run(from, ours).await;
            let _ = news.send((id, News::Closed(why))).await;
            // The agent lets go of the queue now, and with it the writer ends.
            std::future::pending::<()>().await;
        };
        let written = tokio::select! {
            written = write(to, queue, limits.write, ours.then_some(limits.ping_each)) => written,
            () = reading => return,
        };
        if let Err(error) = written {
            let _ = news.send((id, News::Closed(error.to_string()))).await;
        }
    }
}

fn prepare(stream: &TcpStream) {
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 4);
    // Both only make it better.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keep_alive);
}

/// Writes what waits until the queue is closed and empty. `ping_each`: the peer is asked for a sign of life after so
/// long without a message.
async fn write<S: AsyncWrite>(
    mut to: tokio::io::WriteHalf<S>,
    mut queue: mpsc::Receiver<Arc<[u8]>>,
    patience: Duration,
    ping_each: Option<Duration>,
) -> std::io::Result<()> {
    let slow = || std::io::Error::new(std::io::ErrorKind::TimedOut, "the peer does not read");
    loop {
        let next = match ping_each {
            None => queue.recv().await,
            Some(wait) => match timeout(wait, queue.recv()).await {
                Ok(next) => next,
                Err(_) => Some(Arc::from(PING)),
            },
        };
        let Some(message) = next else { break };
        timeout(patience, to.write_all(&message)).await.map_err(|_| slow())??;
        timeout(patience, to.flush()).await.map_err(|_| slow())??;
    }
    // A peer that is gone already needs no farewell.
    let _ = timeout(patience, to.shutdown()).await;
    Ok(())
}
