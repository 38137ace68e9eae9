//! A bad network between two programs that speak UDP: a relay on loopback with a door for each, which loses, delays,
//! reorders and repeats what passes. Which packets those are is told by a seed. Knows no packet's content.

use model::Timestamp;
use sim::{Dice, Network, NetworkProfile};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Longest packet that is relayed.
const PACKET_BYTES_MAX: usize = 65_536;
/// Packets on their way at once, both ways together; more are lost.
const PACKETS_MAX: usize = 4_096;
/// How long to sleep when nothing is on its way.
const IDLE: Duration = Duration::from_secs(3_600);

/// A running relay. What comes in at one door goes out of the other one, to that one's party: whoever was named, or has
/// spoken there last. It ends when it is dropped.
pub struct Relay {
    doors: [SocketAddr; 2],
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    parties: Mutex<[Option<SocketAddr>; 2]>,
    lost: AtomicUsize,
}

/// A packet that goes out of a door.
struct Packet {
    door: usize,
    bytes: Vec<u8>,
}

impl Relay {
    /// Opens both doors. The same seed has the same fate for the same number of a packet, each way for itself.
    pub async fn start(profile: NetworkProfile, seed: u64) -> Self {
        let sockets = [open().await, open().await];
        let doors = [&sockets[0], &sockets[1]]
            .map(|socket| socket.local_addr().expect("a bound socket has an address"));
        let shared = Arc::new(Shared::default());
        let mut dice = Dice::new(seed);
        let networks =
            [dice.fork(), dice.fork()].map(|dice| Network::new(profile, dice, Timestamp::default()));
        let way = Way {
            sockets,
            networks,
            shared: Arc::clone(&shared),
            began: Instant::now(),
            packets: BTreeMap::new(),
            number: 0,
        };
        Self { doors, shared, task: tokio::spawn(way.run()) }
    }

    /// Where the first party finds the second one.
    pub const fn front(&self) -> SocketAddr {
        self.doors[0]
    }

    /// Where the second party finds the first one.
    pub const fn back(&self) -> SocketAddr {
        self.doors[1]
    }

    /// Who speaks at the front door, before it has spoken there.
    pub fn set_front_party(&self, party: SocketAddr) {
        lock(&self.shared.parties)[0] = Some(party);
    }

    /// Who speaks at the back door, before it has spoken there.
    pub fn set_back_party(&self, party: SocketAddr) {
        lock(&self.shared.parties)[1] = Some(party);
    }

    /// Packets that did not arrive, both ways together.
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the relay's task works with.
struct Way {
    sockets: [UdpSocket; 2],
    networks: [Network; 2],
    shared: Arc<Shared>,
    began: Instant,
    /// By when they arrive, and by their numbers.
    packets: BTreeMap<(Instant, u64), Packet>,
    number: u64,
}

impl Way {
    async fn run(mut self) {
        let mut buffers = [vec![0; PACKET_BYTES_MAX], vec![0; PACKET_BYTES_MAX]];
        loop {
            let next = self.packets.keys().next().map_or_else(|| Instant::now() + IDLE, |(at, _)| *at);
            let [front, back] = &mut buffers;
            tokio::select! {
                Ok((length, source)) = self.sockets[0].recv_from(front) => self.take(0, &front[..length], source),
                Ok((length, source)) = self.sockets[1].recv_from(back) => self.take(1, &back[..length], source),
                () = sleep_until(next) => self.deliver().await,
            }
        }
    }

    fn take(&mut self, door: usize, bytes: &[u8], source: SocketAddr) {
        lock(&self.shared.parties)[door] = Some(source);
        let now = Timestamp::default() + self.began.elapsed();
        let arrivals = self.networks[door].send(now);
        if arrivals.first.is_none() || self.packets.len() >= PACKETS_MAX {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        for at in [arrivals.first, arrivals.second].into_iter().flatten() {
            self.number += 1;
            let at = self.began + at.since(Timestamp::default());
            self.packets.insert((at, self.number), Packet { door: 1 - door, bytes: bytes.to_vec() });
        }
    }

    async fn deliver(&mut self) {
        while let Some(entry) = self.packets.first_entry() {
            if entry.key().0 > Instant::now() {
                return;
            }
            let Packet { door, bytes } = entry.remove();
            let party = lock(&self.shared.parties)[door];
            let sent = match party {
                Some(party) => self.sockets[door].send_to(&bytes, party).await.is_ok(),
                None => false,
            };
            if !sent {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn open() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has free ports")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PATIENCE;
    use tokio::time::timeout;

    const PACKETS: usize = 200;
    const LOOK_EVERY: Duration = Duration::from_millis(20);

    /// Sends numbered packets from the back to the front, and gives the numbers in the order of their arrival. All that is
    /// not lost must come.
    async fn through(profile: NetworkProfile, seed: u64, copies: usize) -> Vec<u8> {
        let relay = Relay::start(profile, seed).await;
        let (front, back) = (open().await, open().await);
        relay.set_front_party(front.local_addr().unwrap());
        for number in 0..PACKETS {
            back.send_to(&[u8::try_from(number).unwrap()], relay.back()).await.unwrap();
        }
        let mut came = Vec::new();
        let mut buffer = [0; 8];
        let deadline = Instant::now() + PATIENCE;
        while came.len() + relay.lost() * copies < PACKETS * copies {
            assert!(Instant::now() < deadline, "seed {seed}: {came:?}, {} lost", relay.lost());
            // The last one may be lost, which nobody tells.
            let Ok(received) = timeout(LOOK_EVERY, front.recv_from(&mut buffer)).await else { continue };
            assert_eq!(received.unwrap(), (1, relay.front()));
            came.push(buffer[0]);
        }
        came
    }

    fn in_order() -> Vec<u8> {
        (0..u8::try_from(PACKETS).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_clean_network_changes_nothing() {
        assert_eq!(through(NetworkProfile::CLEAN, 1, 1).await, in_order());
    }

    #[tokio::test]
    async fn a_seed_tells_which_packets_are_lost() {
        let profile = NetworkProfile { loss_permille: 100, ..NetworkProfile::CLEAN };
        let first = through(profile, 7, 1).await;
        assert!((PACKETS * 8 / 10..PACKETS).contains(&first.len()), "{first:?}");
        assert!(first.is_sorted());
        assert_eq!(first, through(profile, 7, 1).await);
        assert_ne!(first, through(profile, 8, 1).await);
    }

    #[tokio::test]
    async fn jitter_lets_packets_overtake_each_other_and_loses_none() {
        let mut came = through(NetworkProfile { jitter_ms: 50, ..NetworkProfile::CLEAN }, 3, 1).await;
        assert_ne!(came, in_order());
        came.sort_unstable();
        assert_eq!(came, in_order());
    }

    #[tokio::test]
    async fn packets_may_come_twice() {
        let profile = NetworkProfile { duplicate_permille: 1_000, ..NetworkProfile::CLEAN };
        let mut came = through(profile, 5, 2).await;
        came.sort_unstable();
        came.dedup();
        assert_eq!(came, in_order());
    }

    #[tokio::test]
    async fn an_answer_finds_back_to_who_spoke_last() {
        let relay = Relay::start(NetworkProfile::CLEAN, 1).await;
        let (asking, asked) = (open().await, open().await);
        relay.set_back_party(asked.local_addr().unwrap());
        let mut buffer = [0; 8];
        asking.send_to(b"ping", relay.front()).await.unwrap();
        let (_, source) = timeout(PATIENCE, asked.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(source, relay.back());
        asked.send_to(b"pong", source).await.unwrap();
        let (length, source) = timeout(PATIENCE, asking.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((&buffer[..length], source), (&b"pong"[..], relay.front()));
    }
}
