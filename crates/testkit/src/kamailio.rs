//! Debian's kamailio as a proxy between two sides: it stays on the way of their dialogs (Record-Route, RFC 3261 16.6)
//! and routes within them loosely, by UDP, TCP or TLS.

use crate::PATIENCE;
use crate::certificates::Certificates;
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

/// Where new requests for a user go: its name, its address, and the transport.
pub type Way<'a> = (&'a str, SocketAddr, &'a str);

impl Kamailio {
    /// Starts one at `addr`, by UDP and TCP, that passes new requests on in these ways.
    pub async fn start(addr: SocketAddr, ways: &[Way<'_>]) -> Self {
        Self::start_with(addr, ways, None).await
    }

    /// The same by TLS too, at the next port, with this certificate; it believes nobody but this authority.
    pub async fn start_secure(addr: SocketAddr, ways: &[Way<'_>], files: &Certificates) -> Self {
        Self::start_with(addr, ways, Some(files)).await
    }

    async fn start_with(addr: SocketAddr, ways: &[Way<'_>], files: Option<&Certificates>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("kamailio.cfg"), config(addr, ways, files)).expect("it takes files");
        let mut command = Command::new("kamailio");
        command.args(["-f", "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4", "-n", "2", "-N", "4"]);
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

    /// Where it is reached by TLS.
    pub const fn tls_addr(&self) -> SocketAddr {
        let mut addr = self.addr;
        addr.set_port(addr.port() + 1);
        addr
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

fn config(addr: SocketAddr, ways: &[Way<'_>], files: Option<&Certificates>) -> String {
    let modules = MODULES.into_iter().find(|path| Path::new(path).join("rr.so").exists());
    let modules =
        modules.unwrap_or_else(|| panic!("no rr.so in any of {MODULES:?}: install Debian's {PACKAGE}"));
    let tls = files.map_or_else(String::new, |files| secure(addr, files));
    let loads: String = ["tm", "sl", "rr", "pv", "maxfwd", "xlog", "siputils", "textops"]
        .map(|name| format!("loadmodule \"{name}.so\"\n"))
        .concat();
    let ways: String = ways
        .iter()
        .map(|(user, peer, transport)| {
            format!("    if ($rU == \"{user}\") {{ $du = \"sip:{peer};transport={transport}\"; }}\n")
        })
        .collect();
    format!(
        "#!KAMAILIO\ndebug=0\nlog_stderror=yes\nlisten=udp:{addr}\nlisten=tcp:{addr}\nauto_aliases=no\n\
         mpath=\"{modules}/\"\n{tls}{loads}\n{ROUTE}{ways}    record_route();\n    t_relay();\n}}\n"
    )
}

/// TLS at the next port; its module, of Debian's kamailio-tls-modules, has to be the first one.
fn secure(addr: SocketAddr, files: &Certificates) -> String {
    let parameters = [
        ("private_key", format!("\"{}\"", files.key().display())),
        ("certificate", format!("\"{}\"", files.certificate().display())),
        ("ca_list", format!("\"{}\"", files.authority().display())),
        ("verify_certificate", "1".to_owned()),
        ("require_certificate", "0".to_owned()),
        ("tls_method", "\"TLSv1.2+\"".to_owned()),
    ];
    let parameters =
        parameters.map(|(name, value)| format!("modparam(\"tls\", \"{name}\", {value})\n")).concat();
    let (ip, port) = (addr.ip(), addr.port() + 1);
    format!("enable_tls=yes\nlisten=tls:{ip}:{port}\nloadmodule \"tls.so\"\n{parameters}")
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
