//! Tells the service manager how the server is (sd_notify(3)): one datagram a state, to the socket that it names. Without
//! such a socket nothing is told.

use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The socket.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How long the manager waits for a sign of life, in microseconds.
const WATCHDOG: &str = "WATCHDOG_USEC";

/// Calls can be taken.
pub(crate) fn ready() {
    tell("READY=1\nSTATUS=Taking calls.");
}

/// The configuration is being read again; [`ready`] ends it.
pub(crate) fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000);
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
}

/// The server is told to stop.
pub(crate) fn stopping() {
    tell("STOPPING=1\nSTATUS=Running calls may end.");
}

/// A sign of life, twice in the time that the manager waits for one, as long as `well`.
pub(crate) async fn keep_alive(well: impl Fn() -> bool) {
    let wait = std::env::var(WATCHDOG).ok().and_then(|text| text.parse().ok()).map(Duration::from_micros);
    let Some(wait) = wait.filter(|wait| !wait.is_zero()) else { return };
    loop {
        if well() {
            tell("WATCHDOG=1");
        }
        tokio::time::sleep(wait / 2).await;
    }
}

fn tell(state: &str) {
    let Some(place) = std::env::var_os(SOCKET) else { return };
    let sent =
        UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(state.as_bytes(), &address(&place)?));
    if let Err(error) = sent {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// A path, or a name without a file behind an @.
fn address(place: &OsStr) -> std::io::Result<SocketAddr> {
    match place.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(place),
    }
}
