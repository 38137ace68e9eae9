//! What the machine itself costs: an echo of datagrams, and an HTTP answer after a write that is durable. Loops
//! without an engine, on the server's core.

use super::http::Client;
use crate::bench::stats::Histogram;
use crate::bench::wire::pin_to_core;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

/// Bytes of a typical message.
const MESSAGE_BYTES: usize = 600;
/// Echoes that are on their way at one time.
const WINDOW: usize = 32;
/// Datagrams that are echoed.
const ECHOES: usize = 40_000;
/// Requests that are answered.
const REQUESTS: usize = 500;

/// What one piece of work took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bare {
    /// Milliseconds of a core.
    pub(super) cpu_ms: f64,
    /// Median time of it.
    pub(super) p50_ms: f64,
    /// 99th percentile.
    pub(super) p99_ms: f64,
}

impl Bare {
    /// For a person.
    pub(super) fn line(&self) -> String {
        format!("{:.3} ms of a core, p50 {:.2} p99 {:.2} ms", self.cpu_ms, self.p50_ms, self.p99_ms)
    }
}

/// Datagrams that are read and sent back, `per_call` of them a call.
pub(super) fn echo(per_call: usize) -> std::io::Result<Bare> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = socket.local_addr()?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let echoing = std::thread::spawn(move || {
        pin_to_core(0);
        let mut buffer = [0; 2_048];
        for _ in 0..ECHOES {
            let Ok((read, source)) = socket.recv_from(&mut buffer) else { break };
            let _ = socket.send_to(buffer.get(..read).unwrap_or_default(), source);
        }
        own_cpu_ns()
    });
    let ours = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    ours.connect(address)?;
    ours.set_read_timeout(Some(Duration::from_secs(2)))?;
    let (message, mut buffer) = ([b'x'; MESSAGE_BYTES], [0; 2_048]);
    let mut times = Histogram::new();
    for _ in 0..ECHOES / WINDOW {
        let begun = Instant::now();
        for _ in 0..WINDOW {
            ours.send(&message)?;
        }
        for _ in 0..WINDOW {
            ours.recv(&mut buffer)?;
        }
        times.add(nanos(begun.elapsed()));
    }
    Ok(bare(echoing.join().unwrap_or(0), ECHOES / per_call.max(1), &times))
}

/// Requests that are read, written to a file durably, and answered.
pub(super) fn write_and_answer(body: &str, folder: &std::path::Path) -> std::io::Result<Bare> {
    std::fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("bare.log"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let answering = std::thread::spawn(move || {
        pin_to_core(0);
        let Ok((mut connection, _)) = listener.accept() else { return 0 };
        let _ = connection.set_nodelay(true);
        let mut buffer = [0; 8_192];
        while let Ok(read) = connection.read(&mut buffer) {
            let request = buffer.get(..read).unwrap_or_default();
            if request.is_empty() || file.write_all(request).and_then(|()| file.sync_data()).is_err() {
                break;
            }
            let _ = connection.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}");
        }
        own_cpu_ns()
    });
    let mut times = Histogram::new();
    let mut client = Client::new(address, "none");
    for _ in 0..REQUESTS {
        let begun = Instant::now();
        client.send("POST", "/", body)?;
        times.add(nanos(begun.elapsed()));
    }
    drop(client);
    Ok(bare(answering.join().unwrap_or(0), REQUESTS, &times))
}

fn bare(cpu_ns: u64, calls: usize, times: &Histogram) -> Bare {
    Bare {
        cpu_ms: cpu_ns as f64 / 1e6 / calls as f64,
        p50_ms: times.percentile_ms(0.5),
        p99_ms: times.percentile_ms(0.99),
    }
}

/// Nanoseconds this thread has run.
fn own_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// A duration as the histogram takes it.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
