//! Debian's kamailio as a proxy between two sides: it stays on the way of their dialogs (Record-Route, RFC 3261 16.6)
//! and routes within them loosely, by UDP or TCP.

use crate::PATIENCE;
use crate::child::Child;
use crate::place::{free_udp_port, listening};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Command;

const PACKAGE: &str = "kamailio";
/// Where Debian keeps its modules.
const MODULES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules"];
/// How often its end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A running kamailio.
pub struct Kamailio {
    child: Child,
    addr: SocketAddr,
    _dir: TempDir,
}

impl Kamailio {
    /// Starts one at `addr` that passes new requests for a user with this name to its address, with this transport.
    pub async fn start(addr: SocketAddr, routes: &[(&str, SocketAddr)], transport: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("kamailio.cfg"), config(addr, routes, transport))
            .expect("it takes files");
        let mut command = Command::new("kamailio");
        command.args(["-f", "kamailio.cfg", "-DD", "-E", "-m", "16", "-M", "4", "-n", "2", "-N", "4"]);
        command.arg("-w").arg(dir.path()).arg("-Y").arg(dir.path()).current_dir(dir.path());
        let mut child = Child::start(command, PACKAGE);
        listening(&mut child, addr.port()).await;
        Self { child, addr, _dir: dir }
    }

    /// An address that is free for one.
    pub fn place() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], free_udp_port()))
    }

    /// Where it is reached.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it said so far: a line for each request that it passed on.
    pub fn story(&self) -> String {
        self.child.story()
    }
}

impl Drop for Kamailio {
    /// Its processes end with the first of them only where that one is asked to stop.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}", self.child.story());
        }
        let Some(id) = self.child.id() else { return };
        let _ = std::process::Command::new("/bin/sh").args(["-c", &format!("kill -TERM {id}")]).status();
        let deadline = Instant::now() + PATIENCE;
        while self.child.is_running() && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn config(addr: SocketAddr, routes: &[(&str, SocketAddr)], transport: &str) -> String {
    let modules = MODULES.into_iter().find(|path| Path::new(path).join("rr.so").exists());
    let modules =
        modules.unwrap_or_else(|| panic!("no rr.so in any of {MODULES:?}: install Debian's {PACKAGE}"));
    let loads: String = ["tm", "sl", "rr", "pv", "maxfwd", "xlog", "siputils", "textops"]
        .map(|name| format!("loadmodule \"{name}.so\"\n"))
        .concat();
    let routes: String = routes
        .iter()
        .map(|(user, peer)| {
            format!("    if ($rU == \"{user}\") {{ $du = \"sip:{peer};transport={transport}\"; }}\n")
        })
        .collect();
    format!(
        "#!KAMAILIO\ndebug=0\nlog_stderror=yes\nlisten=udp:{addr}\nlisten=tcp:{addr}\nauto_aliases=no\n\
         mpath=\"{modules}/\"\n{loads}\n{ROUTE}{routes}    record_route();\n    t_relay();\n}}\n"
    )
}

/// What is done with every request; new ones then go where their user is.
const ROUTE: &str = r#"request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (has_totag()) {
        if (loose_route()) { xlog("L_ERR", "within a dialog: $rm\n"); t_relay(); exit; }
        if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
        sl_send_reply("404", "No Route");
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
    $du = $null;
"#;
