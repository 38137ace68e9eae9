//! The real binary as users run it: `lyrebird serve` on a fresh data directory and free ports, on core 0. Knows
//! nothing of what is measured.

use super::http::Client;
use crate::bench::server::{cpu_ns_of, target_folder};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the server may take to end by itself.
const END_MAX: Duration = Duration::from_secs(15);

/// A running server. It is ended when this is dropped.
pub(super) struct Lyrebird {
    child: Child,
    /// Where its API listens.
    pub(super) http: SocketAddr,
    /// Where trunks reach it.
    pub(super) sip: SocketAddr,
    app: String,
    admin: String,
    /// The key for real calls.
    pub(super) live: String,
}

/// Builds the binary.
pub(super) fn build() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--package", "lyrebird"])
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err("the server does not build".to_owned()) }
}

/// The folder that flows may play files from.
pub(super) fn media_folder() -> PathBuf {
    target_folder().join("bench/control/media")
}

impl Lyrebird {
    /// A server that knows nothing yet.
    pub(super) fn start() -> Result<Self, String> {
        let root = target_folder().join("bench/control");
        let data = root.join("data");
        // The last one's is of no more use; the first time there is none.
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        let keys = command(&root, &["init", "--json"]).output().map_err(|error| error.to_string())?;
        let keys: Value = serde_json::from_slice(&keys.stdout)
            .map_err(|_| format!("lyrebird init: {}", String::from_utf8_lossy(&keys.stderr)))?;
        let mut child = command(&root, &["serve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("the server cannot be run: {error}"))?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let listening = BufReader::new(output).lines().map_while(Result::ok);
        let (http, sip) = listening
            .filter_map(|line| addresses(&line))
            .next()
            .ok_or("the server ended before it listened")?;
        let key = |name: &str| keys.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (app, admin, live) = (key("appId"), key("adminKey"), key("liveKey"));
        Ok(Self { child, http, sip, app, admin, live })
    }

    /// Makes a trunk to `peer` with as many calls as one may have, and a number of the app on it.
    pub(super) fn connect(&self, peer: SocketAddr, number: &str, flow: Option<Value>) -> Result<(), String> {
        let mut admin = Client::new(self.http, &self.admin);
        let trunk = json!({
            "name": "bench", "host": peer.ip().to_string(), "port": peer.port(), "transport": "udp",
            "callsPerSecond": 1_000, "concurrentCalls": 10_000,
        });
        let trunk = admin.created("/v1/trunks", &trunk)?;
        let mut assigned = json!({ "number": number, "appId": self.app, "trunkId": trunk.get("id") });
        if let (Some(flow), Some(fields)) = (flow, assigned.as_object_mut()) {
            fields.insert("flow".to_owned(), flow);
        }
        admin.created("/v1/numbers", &assigned).map(drop)
    }

    /// Nanoseconds its threads have run so far.
    pub(super) fn cpu_ns(&self) -> u64 {
        cpu_ns_of(self.child.id())
    }
}

impl Drop for Lyrebird {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let begun = Instant::now();
        while begun.elapsed() < END_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the binary on core 0, with nothing of the surroundings' configuration.
fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(target_folder().join("release/lyrebird")).args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LYREBIRD_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(root)
        .env("LYREBIRD_DATA_DIR", "data")
        .env("LYREBIRD_HTTP_ADDR", "127.0.0.1:0")
        .env("LYREBIRD_SIP_ADDR", "127.0.0.1:0")
        .env("LYREBIRD_RTP_PORTS", "0")
        .env("LYREBIRD_MEDIA__FOLDER", "media")
        .env("LYREBIRD_SIP__SOURCE_SHARE_PERCENT", "100")
        .env("LYREBIRD_LIMITS__REQUESTS_PER_MINUTE", "1000000")
        .env("LYREBIRD_SHUTDOWN__DRAIN_MS", "100");
    command
}

/// From the line `listening http=… sip=… rtp=…`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.strip_prefix("listening ")?;
    let value = |name: &str| rest.split(' ').find_map(|word| word.strip_prefix(name))?.parse().ok();
    Some((value("http=")?, value("sip=")?))
}
