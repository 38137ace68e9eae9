//! A bad network around single personas: their sound goes through a relay on loopback that loses, delays and reorders
//! packets both ways. To everybody else this is a media plane like any other; reports share the sound's port there.

use super::spoiler::Spoiler;
use model::sound::Impairment;
use model::{LegId, Timestamp};
use ports::media::{Clip, FinishedRecording, MediaAbilities, OpenLeg, PlaneOrder};
use ports::{Clock, MediaError, MediaPlane};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Longest packet that is relayed.
const PACKET_BYTES_MAX: usize = 2_048;
/// Packets on their way at once, each direction; more are lost.
const PACKETS_MAX: usize = 256;
/// How long to sleep when nothing is on its way.
const IDLE: Duration = Duration::from_secs(3_600);

/// A media plane, some of whose legs live behind a bad network.
pub(super) struct BadNetwork {
    plane: Arc<dyn MediaPlane>,
    clock: Arc<dyn Clock>,
    legs: Mutex<HashMap<LegId, Spoiled>>,
}

/// A leg behind a bad network.
enum Spoiled {
    /// It will be opened.
    Planned(Impairment),
    /// Its packets go through a relay.
    Relayed {
        /// Where the leg itself sends its packets.
        inside: SocketAddr,
        /// Where the far side is.
        outside: watch::Sender<Option<SocketAddr>>,
        relay: AbortHandle,
    },
}

impl Drop for Spoiled {
    fn drop(&mut self) {
        if let Self::Relayed { relay, .. } = self {
            relay.abort();
        }
    }
}

impl BadNetwork {
    pub(super) fn new(plane: Arc<dyn MediaPlane>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { plane, clock, legs: Mutex::default() })
    }

    /// Spoils the packets of a leg that is about to be opened.
    pub(super) fn plan(&self, leg: LegId, impairment: Impairment) {
        self.lock().insert(leg, Spoiled::Planned(impairment));
    }

    /// Puts a relay before a leg that is open at `leg_addr`; where the far side shall send its packets.
    fn relay(
        &self,
        leg: LegId,
        leg_addr: SocketAddr,
        impairment: Impairment,
    ) -> Result<SocketAddr, MediaError> {
        let bind = |ip: IpAddr| -> std::io::Result<(UdpSocket, SocketAddr)> {
            let socket = std::net::UdpSocket::bind((ip, 0))?;
            socket.set_nonblocking(true)?;
            let local = socket.local_addr()?;
            Ok((UdpSocket::from_std(socket)?, local))
        };
        let failed = |error: std::io::Error| MediaError::Socket(error.to_string());
        let (front, front_addr) = bind(leg_addr.ip()).map_err(failed)?;
        let (back, inside) = bind(leg_addr.ip()).map_err(failed)?;
        let (outside, far_side) = watch::channel(None);
        let relay = Relay { front, back, leg: leg_addr, far_side, clock: Arc::clone(&self.clock) };
        let relay = tokio::spawn(relay.run(impairment)).abort_handle();
        self.lock().insert(leg, Spoiled::Relayed { inside, outside, relay });
        Ok(front_addr)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LegId, Spoiled>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl MediaPlane for BadNetwork {
    fn abilities(&self) -> MediaAbilities {
        self.plane.abilities()
    }

    fn open(&self, open: OpenLeg) -> Result<SocketAddr, MediaError> {
        let leg = open.leg;
        let local = self.plane.open(open)?;
        let planned = match self.lock().get(&leg) {
            Some(Spoiled::Planned(impairment)) => Some(*impairment),
            _ => None,
        };
        match planned {
            Some(impairment) => self.relay(leg, local, impairment).inspect_err(|_| self.close(leg)),
            None => Ok(local),
        }
    }

    fn order(&self, leg: LegId, mut order: PlaneOrder) -> Result<(), MediaError> {
        if let PlaneOrder::Connect(connection) = &mut order
            && let Some(Spoiled::Relayed { inside, outside, .. }) = self.lock().get(&leg)
        {
            outside.send_replace(Some(connection.remote));
            connection.remote = *inside;
            connection.remote_rtcp = None;
        }
        self.plane.order(leg, order)
    }

    fn close(&self, leg: LegId) {
        let gone = self.lock().remove(&leg);
        drop(gone);
        self.plane.close(leg);
    }

    async fn prepare(&self, content: bytes::Bytes) -> Result<Arc<Clip>, MediaError> {
        self.plane.prepare(content).await
    }

    async fn finish_recording(&self, spool: PathBuf, file: PathBuf) -> Result<FinishedRecording, MediaError> {
        self.plane.finish_recording(spool, file).await
    }
}

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Out,
    In,
}

/// Stands between a leg and its far side.
struct Relay {
    /// What the far side sees.
    front: UdpSocket,
    /// What the leg sees.
    back: UdpSocket,
    leg: SocketAddr,
    far_side: watch::Receiver<Option<SocketAddr>>,
    clock: Arc<dyn Clock>,
}

/// Packets on their way, by when they arrive and in which order they came.
type Travelling = BTreeMap<(Timestamp, u64), (Way, Vec<u8>)>;

impl Relay {
    async fn run(self, impairment: Impairment) {
        let (mut out, mut inward) = (Spoiler::new(impairment, 1), Spoiler::new(impairment, 2));
        let mut travelling = Travelling::new();
        let mut number = 0;
        let (mut from_leg, mut from_far) = ([0; PACKET_BYTES_MAX], [0; PACKET_BYTES_MAX]);
        loop {
            let next = travelling.first_key_value().map(|((due, _), _)| due.since(self.clock.now()));
            let (way, packet) = tokio::select! {
                read = self.back.recv_from(&mut from_leg) => (Way::Out, taken(read, &from_leg)),
                read = self.front.recv_from(&mut from_far) => (Way::In, taken(read, &from_far)),
                () = tokio::time::sleep(next.unwrap_or(IDLE)) => {
                    self.deliver(&mut travelling).await;
                    continue;
                }
            };
            let spoiler = if way == Way::Out { &mut out } else { &mut inward };
            let due = packet.as_ref().and_then(|_| spoiler.arrival(self.clock.now()));
            if let (Some(due), Some(packet)) = (due, packet)
                && travelling.len() < 2 * PACKETS_MAX
            {
                number += 1;
                travelling.insert((due, number), (way, packet));
            }
        }
    }

    /// Delivers what has arrived.
    async fn deliver(&self, travelling: &mut Travelling) {
        while let Some(first) = travelling.first_entry().filter(|first| first.key().0 <= self.clock.now()) {
            let (way, packet) = first.remove();
            let far_side = *self.far_side.borrow();
            // A packet that the kernel does not take is one more that is lost.
            let _ = match (way, far_side) {
                (Way::Out, Some(far_side)) => self.front.send_to(&packet, far_side).await,
                (Way::Out, None) => Ok(0),
                (Way::In, _) => self.back.send_to(&packet, self.leg).await,
            };
        }
    }
}

/// The packet that was read, if one was.
fn taken(read: std::io::Result<(usize, SocketAddr)>, buffer: &[u8]) -> Option<Vec<u8>> {
    let (length, _) = read.ok()?;
    buffer.get(..length).map(<[u8]>::to_vec)
}
