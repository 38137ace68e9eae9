//! Local ports: an even one for RTP and the odd one above it for RTCP (RFC 3550 §11) per leg, none used again
//! before it has rested. Knows sockets, and nothing of what they carry.

use crate::config::{MediaConfig, StartError};
use crate::io;
use crate::random::Dice;
use crate::wire::{Channel, Wire};
use ports::MediaError;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a port is asked from the kernel until one and its neighbour are both free.
const EPHEMERAL_TRIES: usize = 64;
/// DSCP "expedited forwarding" (RFC 4594 §4.1) in the upper six bits of the octet.
const TOS_VOICE: u8 = 46 << 2;

/// The sockets of one leg, bound, and their hold on the ports.
#[derive(Debug)]
pub(crate) struct MediaSockets {
    /// RTP.
    pub(crate) rtp: OwnedFd,
    /// RTCP.
    pub(crate) rtcp: OwnedFd,
    /// Address of the RTP socket.
    pub(crate) local: SocketAddr,
    /// Ends with the leg.
    pub(crate) _lease: Option<Lease>,
}

impl Wire for MediaSockets {
    fn send(&self, channel: Channel, datagram: &[u8], to: SocketAddr) -> bool {
        let socket = match channel {
            Channel::Sound => &self.rtp,
            Channel::Reports => &self.rtcp,
        };
        io::send(socket, datagram, to)
    }
}

/// Hands out pairs of ports.
#[derive(Debug)]
pub(crate) struct PortPool {
    /// None where the kernel chooses.
    ports: Option<Mutex<Ports>>,
}

impl PortPool {
    /// A pool of the configured range, beginning at a random place of it.
    pub(crate) fn new(config: &MediaConfig, dice: &mut Dice) -> Result<Arc<Self>, StartError> {
        let (first, last) = (*config.rtp_ports.start(), *config.rtp_ports.end());
        if (first, last) == (0, 0) {
            return Ok(Arc::new(Self { ports: None }));
        }
        let mut free: VecDeque<u16> =
            (first.max(2)..last.max(1)).filter(|port| port.is_multiple_of(2)).collect();
        if free.is_empty() {
            return Err(StartError::NoPortPair { first, last });
        }
        let start = dice.below(free.len() as u64);
        free.rotate_left(usize::try_from(start).unwrap_or(0));
        let ports = Ports { all: free.len(), free, resting: VecDeque::new(), rest: config.port_rest };
        Ok(Arc::new(Self { ports: Some(Mutex::new(ports)) }))
    }

    /// How many pairs are in use and at rest; none where the kernel chooses.
    pub(crate) fn figures(&self) -> Option<PortFigures> {
        let ports = lock(self.ports.as_ref()?);
        let resting = ports.resting.len();
        let in_use = ports.all.saturating_sub(ports.free.len() + resting);
        Some(PortFigures { in_use, resting, all: ports.all })
    }

    /// Binds the next pair that no other process holds.
    pub(crate) fn open(self: &Arc<Self>, bind: IpAddr) -> Result<MediaSockets, MediaError> {
        let Some(ports) = &self.ports else { return open_ephemeral(bind) };
        let mut tries = lock(ports).free.len().saturating_add(1);
        while tries > 0 {
            tries -= 1;
            let port = lock(ports).take(Instant::now()).ok_or(MediaError::NoPort)?;
            let lease = Lease { pool: Arc::clone(self), port };
            match bind_pair(bind, port) {
                Ok(sockets) => return Ok(MediaSockets { _lease: Some(lease), ..sockets }),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(socket_error(bind, &error)),
            }
        }
        Err(MediaError::NoPort)
    }
}

/// A port in use; it begins to rest when this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<PortPool>,
    port: u16,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(ports) = &self.pool.ports {
            lock(ports).give_back(self.port, Instant::now());
        }
    }
}

/// Pairs of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortFigures {
    /// Held by legs.
    pub in_use: usize,
    /// Given back, and not used again yet.
    pub resting: usize,
    /// Of the whole range.
    pub all: usize,
}

#[derive(Debug)]
struct Ports {
    /// Pairs of the whole range.
    all: usize,
    free: VecDeque<u16>,
    /// In the order of their return.
    resting: VecDeque<(Instant, u16)>,
    rest: Duration,
}

impl Ports {
    fn take(&mut self, now: Instant) -> Option<u16> {
        while let Some(&(since, port)) = self.resting.front() {
            if now.saturating_duration_since(since) < self.rest {
                break;
            }
            self.resting.pop_front();
            self.free.push_back(port);
        }
        self.free.pop_front()
    }

    fn give_back(&mut self, port: u16, now: Instant) {
        self.resting.push_back((now, port));
    }
}

/// A panic elsewhere leaves lists of ports as usable as before.
fn lock(ports: &Mutex<Ports>) -> std::sync::MutexGuard<'_, Ports> {
    ports.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open_ephemeral(bind: IpAddr) -> Result<MediaSockets, MediaError> {
    for _ in 0..EPHEMERAL_TRIES {
        let probe = UdpSocket::bind((bind, 0)).map_err(|error| socket_error(bind, &error))?;
        let port = probe.local_addr().map_err(|error| socket_error(bind, &error))?.port() & !1;
        drop(probe);
        match bind_pair(bind, port) {
            Ok(sockets) => return Ok(sockets),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(socket_error(bind, &error)),
        }
    }
    Err(MediaError::NoPort)
}

fn bind_pair(bind: IpAddr, port: u16) -> std::io::Result<MediaSockets> {
    let rtp = bind_one(bind, port)?;
    let rtcp = bind_one(bind, port.saturating_add(1))?;
    let local = rtp.local_addr()?;
    Ok(MediaSockets { rtp: rtp.into(), rtcp: rtcp.into(), local, _lease: None })
}

fn bind_one(bind: IpAddr, port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((bind, port))?;
    socket.set_nonblocking(true)?;
    if bind.is_ipv4() {
        // A network that ignores the mark is no reason to refuse the call.
        let _ = rustix::net::sockopt::set_ip_tos(&socket, TOS_VOICE);
    }
    Ok(socket)
}

fn socket_error(bind: IpAddr, error: &std::io::Error) -> MediaError {
    MediaError::Socket(format!("cannot bind {bind}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn pool(first: u16, last: u16, port_rest: Duration) -> Result<Arc<PortPool>, StartError> {
        let config = MediaConfig { rtp_ports: first..=last, port_rest, ..MediaConfig::default() };
        PortPool::new(&config, &mut Dice::new(7))
    }

    #[test]
    fn only_whole_pairs_are_ports() {
        let check = |first, last, expected: &[u16]| {
            let found = pool(first, last, Duration::ZERO).map(|pool| {
                let mut free: Vec<u16> = lock(pool.ports.as_ref().unwrap()).free.iter().copied().collect();
                free.sort_unstable();
                free
            });
            assert_eq!(found.unwrap_or_default(), expected, "{first}-{last}");
        };
        check(4_000, 4_005, &[4_000, 4_002, 4_004]);
        check(4_001, 4_006, &[4_002, 4_004]);
        check(4_000, 4_001, &[4_000]);
        check(4_000, 4_000, &[]);
        check(4_001, 4_002, &[]);
        check(65_530, 65_535, &[65_530, 65_532, 65_534]);
        check(0, 3, &[2]);
    }

    #[test]
    fn a_port_comes_back_only_after_its_rest() {
        let mut ports =
            Ports { all: 2, free: [10, 12].into(), resting: VecDeque::new(), rest: Duration::from_secs(5) };
        let start = Instant::now();
        assert_eq!(ports.take(start), Some(10));
        ports.give_back(10, start);
        assert_eq!(ports.take(start), Some(12));
        assert_eq!(ports.take(start + Duration::from_millis(4_999)), None);
        assert_eq!(ports.take(start + Duration::from_secs(5)), Some(10));
    }

    #[test]
    fn a_pair_held_by_another_process_is_passed_over_and_exhaustion_is_said() {
        // A block of eight ports of this process, below those that the kernel gives to others; the upper half of one
        // pair is then held.
        let base = 10_000 + u16::try_from(std::process::id() % 350).unwrap() * 8;
        let held = UdpSocket::bind((HERE, base + 3)).unwrap();
        let pool = pool(base, base + 5, Duration::from_secs(60)).unwrap();
        let mut opened = Vec::new();
        let error = loop {
            match pool.open(HERE) {
                Ok(sockets) => opened.push(sockets),
                Err(error) => break error,
            }
        };
        assert_eq!(error, MediaError::NoPort);
        let mut found: Vec<u16> = opened.iter().map(|sockets| sockets.local.port()).collect();
        found.sort_unstable();
        assert_eq!(found, [base, base + 4]);
        drop(held);
        drop(opened);
        assert_eq!(pool.open(HERE).unwrap_err(), MediaError::NoPort, "all of them rest");
    }

    #[test]
    fn the_kernel_chooses_even_ports_too() {
        let pool = pool(0, 0, Duration::ZERO).unwrap();
        let all: Vec<MediaSockets> = (0..50).map(|_| pool.open(HERE).unwrap()).collect();
        assert!(all.iter().all(|sockets| sockets.local.port() % 2 == 0));
    }

    #[test]
    fn an_address_that_is_not_ours_is_an_error_with_its_name() {
        let pool = pool(40_000, 40_100, Duration::ZERO).unwrap();
        let error = pool.open("192.0.2.1".parse().unwrap()).unwrap_err();
        assert!(matches!(&error, MediaError::Socket(text) if text.contains("192.0.2.1")), "{error}");
    }
}
