//! A far side that does exactly what a test says: a SIP endpoint on loopback, driven event by event.

use crate::support::WallClock;
use ports::Clock;
use sip::sdp::{self, Codec, LocalAudio, MediaDirection, Origin};
use sip::{CallKey, Endpoint, EndpointConfig, Event, IncomingCall, Order, Output};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;

/// The far side.
pub(crate) struct Peer {
    socket: UdpSocket,
    endpoint: Endpoint,
    clock: WallClock,
    events: VecDeque<Event>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        Self::start_as(7).await
    }

    /// One whose calls and registrations are named by this seed.
    pub(crate) async fn start_as(seed: u8) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut config = EndpointConfig::new(socket.local_addr().unwrap().to_string(), "peer");
        config.registrar = true;
        let endpoint = Endpoint::new(config, [seed; 32]);
        Self { socket, endpoint, clock: WallClock::default(), events: VecDeque::new() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Orders the endpoint.
    pub(crate) async fn order(&mut self, order: Order) {
        self.endpoint.handle_order(order, self.clock.now()).unwrap();
        self.settle().await;
    }

    /// Serves until an event comes that `pick` wants; others are passed over.
    pub(crate) async fn until<R>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<R>) -> R {
        let serving = async {
            loop {
                while let Some(event) = self.events.pop_front() {
                    if let Some(found) = pick(&event) {
                        return found;
                    }
                }
                self.turn().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), serving).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not reach the peer"),
        }
    }

    /// Serves until a call comes.
    pub(crate) async fn incoming(&mut self) -> (CallKey, IncomingCall) {
        let incoming = |event: &Event| match event {
            Event::Incoming { key, call } => Some((*key, (**call).clone())),
            _ => None,
        };
        self.until("a call", incoming).await
    }

    /// Serves until the call is over.
    pub(crate) async fn ended(&mut self) {
        let over =
            |event: &Event| matches!(event, Event::Ended { .. } | Event::Canceled { .. }).then_some(());
        self.until("the end", over).await;
    }

    /// Serves until something else is done.
    pub(crate) async fn serve_until<R>(&mut self, done: impl Future<Output = R>) -> R {
        tokio::pin!(done);
        loop {
            tokio::select! {
                result = &mut done => return result,
                () = self.turn() => {}
            }
        }
    }

    async fn turn(&mut self) {
        let mut buffer = vec![0; 65_535];
        let now = self.clock.now();
        let deadline =
            self.endpoint.deadline().map_or(Duration::from_secs(60), |deadline| deadline.since(now));
        match tokio::time::timeout(deadline, self.socket.recv_from(&mut buffer)).await {
            Ok(received) => {
                let (length, source) = received.unwrap();
                self.endpoint.handle_datagram(source, &buffer[..length], self.clock.now());
            }
            Err(_) => self.endpoint.handle_timeout(self.clock.now()),
        }
        self.settle().await;
    }

    async fn settle(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { hop, bytes, .. } => {
                    self.socket.send_to(&bytes, hop.address).await.unwrap();
                }
                Output::Event(event) => self.events.push_back(event),
                Output::Trace { .. } => {}
            }
        }
    }
}

/// A description of the peer's sound at this port of loopback.
pub(crate) fn local(port: u16, codec: Codec, direction: MediaDirection, version: u64) -> LocalAudio {
    let origin = Origin { session_id: 42, version };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    LocalAudio { direction, rtcp_mux: false, ..LocalAudio::new(address, vec![codec], origin) }
}

/// An offer.
pub(crate) fn offer(local: &LocalAudio) -> Vec<u8> {
    sdp::offer(local).to_bytes()
}

/// The answer to an offer.
pub(crate) fn answer(offer: &[u8], local: &LocalAudio) -> Vec<u8> {
    let offer = sdp::SessionDescription::parse(offer).unwrap();
    sdp::answer(&offer, local).unwrap().0.to_bytes()
}
