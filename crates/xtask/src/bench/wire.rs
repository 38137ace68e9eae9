//! What the generator needs of the kernel and no safe crate offers: many datagrams in one call, each with the
//! kernel's own time of arrival; a pinned thread; more open files. Knows nothing of what is measured.
#![allow(
    unsafe_code,
    reason = "SO_TIMESTAMPNS and recvmmsg have no safe wrapper; this file alone calls them, with buffers it owns"
)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::ptr;

/// Datagrams read in one call.
const BATCH: usize = 64;
/// Longest datagram kept.
const DATAGRAM_MAX: usize = 256;
/// Receive buffer asked of the kernel, in bytes.
const RECEIVE_BUFFER_BYTES: libc::c_int = 4 * 1024 * 1024;

/// A datagram and when the kernel had it.
pub(crate) struct Arrived<'a> {
    /// The sender's port.
    pub(crate) port: u16,
    /// Nanoseconds since the Unix epoch; 0 if the kernel did not say.
    pub(crate) stamp_ns: u64,
    /// Its bytes.
    pub(crate) datagram: &'a [u8],
}

/// Buffers for one call.
pub(crate) struct Batch {
    buffers: Vec<[u8; DATAGRAM_MAX]>,
    names: Vec<libc::sockaddr_in>,
    /// Room for one control message with a `timespec`, aligned as the kernel wants it.
    controls: Vec<[u64; 8]>,
}

impl Batch {
    /// Empty buffers.
    pub(crate) fn new() -> Self {
        // SAFETY: all zeroes are a valid sockaddr_in.
        let name: libc::sockaddr_in = unsafe { zeroed() };
        Self {
            buffers: vec![[0; DATAGRAM_MAX]; BATCH],
            names: vec![name; BATCH],
            controls: vec![[0; 8]; BATCH],
        }
    }

    /// Reads what has come, without waiting; returns whether there may be more.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, mut take: impl FnMut(&Arrived<'_>)) -> bool {
        let mut slices = self.slices();
        let mut headers = self.headers(&mut slices);
        // SAFETY: every header points to buffers of `self` and `slices`, which outlive the call, with their true lengths.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        for ((header, buffer), name) in headers.iter().zip(&self.buffers).zip(&self.names).take(count) {
            let len = (header.msg_len as usize).min(DATAGRAM_MAX);
            take(&Arrived {
                port: u16::from_be(name.sin_port),
                stamp_ns: stamp(&header.msg_hdr),
                datagram: buffer.get(..len).unwrap_or_default(),
            });
        }
        count == BATCH
    }

    fn slices(&mut self) -> Vec<libc::iovec> {
        let slice = |buffer: &mut [u8; DATAGRAM_MAX]| libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: DATAGRAM_MAX,
        };
        self.buffers.iter_mut().map(slice).collect()
    }

    fn headers(&mut self, slices: &mut [libc::iovec]) -> Vec<libc::mmsghdr> {
        let names = self.names.iter_mut().zip(&mut self.controls);
        let header =
            |(slice, (name, control)): (&mut libc::iovec, (&mut libc::sockaddr_in, &mut [u64; 8]))| {
                // SAFETY: all zeroes are a valid mmsghdr.
                let mut header: libc::mmsghdr = unsafe { zeroed() };
                header.msg_hdr.msg_name = ptr::from_mut(name).cast();
                header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
                header.msg_hdr.msg_iov = slice;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = size_of::<[u64; 8]>();
                header
            };
        slices.iter_mut().zip(names).map(header).collect()
    }
}

/// The kernel's time stamp among the control messages.
fn stamp(header: &libc::msghdr) -> u64 {
    // SAFETY: the header was filled by the kernel; its control buffer is alive.
    let message = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: null or a control message within the buffer.
    let Some(control) = (unsafe { message.as_ref() }) else { return 0 };
    if control.cmsg_level != libc::SOL_SOCKET || control.cmsg_type != libc::SCM_TIMESTAMPNS {
        return 0;
    }
    // SAFETY: a message of this type carries a timespec, perhaps not aligned for one.
    let time = unsafe { ptr::read_unaligned(libc::CMSG_DATA(message).cast::<libc::timespec>()) };
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(nanos.unwrap_or(0))
}

/// Has the kernel stamp what arrives at `socket`, and keep much of it.
pub(crate) fn stamp_arrivals(socket: &UdpSocket) -> io::Result<()> {
    set(socket, libc::SO_TIMESTAMPNS, 1)?;
    set(socket, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        .or_else(|_| set(socket, libc::SO_RCVBUF, RECEIVE_BUFFER_BYTES))
}

fn set(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value and its length belong together.
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, ptr::from_ref(&value).cast(), len)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps this thread on one core, before others where that is allowed; where there is no such core, it runs anywhere.
pub(crate) fn pin_to_core(core: usize) {
    // SAFETY: all zeroes are an empty set; CPU_SET stays within it for any core that exists.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, -10);
        let mut cores: libc::cpu_set_t = zeroed();
        if core < libc::CPU_SETSIZE as usize {
            libc::CPU_SET(core, &mut cores);
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &cores);
        }
    }
}

/// Allows as many open files as the system lets us; children inherit it.
pub(crate) fn raise_open_files() {
    // SAFETY: a plain struct is read and written.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
