//! The one seam to the kernel on the packet path: readiness, a datagram in, a datagram out, a bell that wakes a
//! worker. Level-triggered, so that one read per report drains a socket without a last read that only says
//! "empty". Knows no RTP.

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::net::{RecvFlags, SendFlags};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Most sockets one report names.
const EVENTS_MAX: usize = 512;

/// Tells which sockets have something to read.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

/// The sockets of one report. Belongs to the thread that asks.
pub(crate) struct Ready {
    events: Vec<Event>,
}

impl Ready {
    /// An empty report with room for any.
    pub(crate) fn new() -> Self {
        Self { events: Vec::with_capacity(EVENTS_MAX) }
    }

    /// The token at a place of the report.
    pub(crate) fn token(&self, index: usize) -> Option<u64> {
        self.events.get(index).map(|event| event.data.u64())
    }
}

impl Poller {
    /// A poller that watches nothing.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Reports `socket` as `token` whenever it can be read.
    pub(crate) fn watch(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token), EventFlags::IN)?)
    }

    /// Reports it no longer.
    pub(crate) fn forget(&self, socket: impl AsFd) {
        // A socket that was never watched needs no forgetting.
        let _ = epoll::delete(&self.epoll, socket);
    }

    /// Waits until something can be read or the time is over (none: without end); returns how many tokens
    /// `ready` holds. An interrupted wait is an empty one.
    pub(crate) fn wait(&self, ready: &mut Ready, at_most: Option<Duration>) -> usize {
        let timeout = at_most.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        ready.events.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut ready.events), timeout.as_ref()).unwrap_or_default()
    }
}

/// Wakes a thread out of [`Poller::wait`].
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    /// A silent bell.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Rings; a bell that rings already goes on ringing.
    pub(crate) fn ring(&self) {
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Silences it.
    pub(crate) fn silence(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sends a datagram; false when the kernel did not take it.
pub(crate) fn send(socket: &OwnedFd, datagram: &[u8], to: SocketAddr) -> bool {
    rustix::net::sendto(socket, datagram, SendFlags::DONTWAIT | SendFlags::NOSIGNAL, &to).is_ok()
}

/// Reads a datagram into `buffer`; none when there is none, or it does not fit.
pub(crate) fn receive<'a>(socket: &OwnedFd, buffer: &'a mut [u8]) -> Option<(&'a mut [u8], SocketAddr)> {
    let room = buffer.len();
    let (_, len, source) =
        rustix::net::recvfrom(socket, &mut *buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC).ok()?;
    if len > room {
        return None;
    }
    let source = SocketAddr::try_from(source?).ok()?;
    Some((buffer.get_mut(..len)?, source))
}
