//! What the operating system says of this process, under Prometheus' own names.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use std::fs;

/// Ticks of `/proc/self/stat` in a second; Linux says 100 to programs whatever the kernel uses.
const TICKS_PER_S: u64 = 100;

/// Reads the figures anew.
pub(crate) fn sample() {
    describe_counter!("process_cpu_seconds_total", "Processor time of the process, whole seconds.");
    describe_gauge!("process_resident_memory_bytes", "Memory that is in use.");
    describe_gauge!("process_open_fds", "Open files and sockets.");
    describe_gauge!("process_max_fds", "Most files and sockets that may be open.");
    describe_gauge!("process_threads", "Threads.");
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields behind the program's name, which may hold anything: state is the first.
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|f| f.parse().unwrap_or(0))
        .collect();
    let field = |index: usize| fields.get(index).copied().unwrap_or_default();
    counter!("process_cpu_seconds_total").absolute((field(11) + field(12)) / TICKS_PER_S);
    gauge!("process_threads").set(field(17) as f64);
    gauge!("process_resident_memory_bytes").set(resident_kib() as f64 * 1024.0);
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    gauge!("process_open_fds").set(open as f64);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    gauge!("process_max_fds").set(limit.map_or(f64::INFINITY, |limit| limit as f64));
}

/// From the line `VmRSS:  1234 kB`.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
