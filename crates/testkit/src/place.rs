//! UDP ports for programs that must be told one.

use crate::PATIENCE;
use crate::child::Child;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, interval};

/// How often the kernel is asked whether a program listens; sipp and baresip have no other way to tell.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Below the ports that the system hands out by itself, so that nobody is given one between asking and using.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// An even UDP port on loopback that is free, as is the next one. Of TCP ports it is as good a guess as any.
pub fn free_udp_port() -> u16 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    let span = u32::from(PORTS.end - PORTS.start);
    let mut seed = nanos ^ std::process::id().rotate_left(16);
    for _ in 0..1_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let offset = u16::try_from((seed >> 8) % span).unwrap_or_default() & !1;
        let port = PORTS.start + offset;
        let free = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if free(port) && free(port + 1) {
            return port;
        }
    }
    panic!("no free UDP port between {} and {}", PORTS.start, PORTS.end);
}

/// Waits until the program holds its port. Panics with what it said when the patience is over.
pub(crate) async fn listening(program: &mut Child, port: u16) {
    let mut looks = interval(LOOK_EVERY);
    let deadline = Instant::now() + PATIENCE;
    while !is_taken(port) {
        assert!(
            Instant::now() < deadline && program.is_running(),
            "nobody listens at port {port}; {}",
            program.story()
        );
        looks.tick().await;
    }
}

/// Whether some program holds the port, of UDP or TCP. Read from the kernel's table: trying to bind it could take it away from
/// the very program that is waited for.
fn is_taken(port: u16) -> bool {
    let tables =
        ["/proc/net/udp", "/proc/net/tcp"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let needle = format!(":{port:04X} ");
    tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(|line| line.split_once(": "))
        .any(|(_, rest)| rest.get(..14).is_some_and(|local| local.ends_with(&needle)))
}
