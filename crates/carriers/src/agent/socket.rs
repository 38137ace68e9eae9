//! UDP sockets for SIP, and the local addresses that packets to a peer leave from.

use crate::StartError;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// What the kernel may hold for us while the task is busy.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Most refusals taken at once.
const REFUSALS_MAX: usize = 64;

/// Binds a socket; port 0 picks a free one.
pub(crate) fn bind(address: SocketAddr) -> Result<UdpSocket, StartError> {
    open(address).map_err(|error| StartError::Bind { address, reason: error.to_string() })
}

fn open(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // As much as the system's limit allows.
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // The kernel then says which peer it was that an ICMP message tells of. Without it peers fail by silence.
    let _ = if address.is_ipv4() {
        setsockopt(&socket, Ipv4RecvErr, &true)
    } else {
        setsockopt(&socket, Ipv6RecvErr, &true)
    };
    UdpSocket::from_std(socket.into())
}

/// The peers that an ICMP message has told of since the last time: nobody listens there, or no way leads there.
pub(crate) fn refusals(socket: &UdpSocket) -> Vec<SocketAddr> {
    let mut refused = Vec::new();
    let one = || {
        let mut start = [0; 64];
        let mut parts = [IoSliceMut::new(&mut start)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        // The name of a message in the error queue is where it was to go.
        let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, None, flags)?;
        Ok(message.address.as_ref().and_then(address))
    };
    while refused.len() < REFUSALS_MAX
        && let Ok(peer) = socket.try_io(Interest::ERROR, one)
    {
        refused.extend(peer);
    }
    refused
}

fn address(name: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = name.as_sockaddr_in().map(|name| SocketAddr::from((name.ip(), name.port())));
    v4.or_else(|| name.as_sockaddr_in6().map(|name| SocketAddr::from((name.ip(), name.port()))))
}

/// The local address of the route to `peer`. Nothing is sent.
pub(crate) fn address_towards(peer: SocketAddr) -> std::io::Result<IpAddr> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let probe = std::net::UdpSocket::bind((any, 0))?;
    probe.connect(peer)?;
    Ok(probe.local_addr()?.ip())
}

/// The local address of the default route in the family of `any`; loopback if there is none.
pub(crate) fn default_address(any: IpAddr) -> IpAddr {
    // Addresses for documentation (RFC 5737, RFC 3849): routed as any other, and nothing is sent.
    let (peer, fallback): (SocketAddr, IpAddr) = match any {
        IpAddr::V4(_) => ((Ipv4Addr::new(192, 0, 2, 1), 5060).into(), Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => {
            ((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 5060).into(), Ipv6Addr::LOCALHOST.into())
        }
    };
    address_towards(peer).unwrap_or(fallback)
}
