//! The least that the same work can cost: one loop that only calls the kernel, without an engine. The yardstick of
//! `cargo xtask bench`, driven by the same lines as `bench_server`.

use std::io::{BufRead, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

type Legs = Arc<Mutex<Vec<(UdpSocket, SocketAddr)>>>;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "{problem}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), String> {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(0);
    rustix::thread::sched_setaffinity(None, &cores).map_err(|error| error.to_string())?;
    // As the engine's workers do.
    let _ = rustix::process::setpriority_process(None, -10);
    let legs: Legs = Arc::default();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["quit"] => break,
            ["leg", peer, _law] => open(&legs, peer)?,
            ["play"] => begin(&legs, send_all),
            ["bridge"] => begin(&legs, relay_all),
            _ => return Err(format!("{line}: unknown")),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn open(legs: &Legs, peer: &str) -> Result<String, String> {
    let peer: SocketAddr = peer.parse().map_err(|_| "no address".to_owned())?;
    let socket = UdpSocket::bind((peer.ip(), 0)).map_err(|error| error.to_string())?;
    socket.set_nonblocking(true).map_err(|error| error.to_string())?;
    let port = socket.local_addr().map_err(|error| error.to_string())?.port();
    legs.lock().unwrap_or_else(PoisonError::into_inner).push((socket, peer));
    Ok(port.to_string())
}

fn begin(legs: &Legs, work: fn(&[(UdpSocket, SocketAddr)])) -> String {
    let legs = std::mem::take(&mut *legs.lock().unwrap_or_else(PoisonError::into_inner));
    std::thread::spawn(move || work(&legs));
    "ok".to_owned()
}

/// Sends a packet of each leg each 20 ms, a twentieth of the legs each millisecond.
fn send_all(legs: &[(UdpSocket, SocketAddr)]) {
    let mut packet = [0x55; 172];
    let start = Instant::now();
    for ms in 0_u32.. {
        let due = start + Duration::from_millis(1) * ms;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let sequence = (ms / 20) as u16;
        packet[..4].copy_from_slice(&[0x80, 0, (sequence >> 8) as u8, sequence as u8]);
        for (socket, peer) in legs.iter().skip((ms % 20) as usize).step_by(20) {
            let _ = socket.send_to(&packet, peer);
        }
    }
}

/// Looks for packets each millisecond, and sends each from the other leg of its pair.
fn relay_all(legs: &[(UdpSocket, SocketAddr)]) {
    use rustix::event::epoll;
    let Ok(poller) = epoll::create(epoll::CreateFlags::CLOEXEC) else { return };
    for (number, (socket, _)) in legs.iter().enumerate() {
        let data = epoll::EventData::new_u64(number as u64);
        let _ = epoll::add(&poller, socket, data, epoll::EventFlags::IN);
    }
    let mut events = Vec::with_capacity(4_096);
    let mut packet = [0; 2_048];
    let start = Instant::now();
    for ms in 0_u32.. {
        let due = start + Duration::from_millis(1) * ms;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        events.clear();
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let _ = epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), Some(&now));
        for event in &events {
            let number = event.data.u64() as usize;
            let (Some((from, _)), Some((other, peer))) = (legs.get(number), legs.get(number ^ 1)) else {
                continue;
            };
            while let Ok((len, _)) = from.recv_from(&mut packet) {
                let _ = other.send_to(packet.get(..len).unwrap_or_default(), peer);
            }
        }
    }
}
