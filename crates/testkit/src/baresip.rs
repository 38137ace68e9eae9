//! Debian's baresip: answers by itself, or registers and calls; sends back what it hears, and keeps what it heard as a wav.

use crate::PATIENCE;
use crate::child::Child;
use crate::place::{free_udp_port, listening};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

const PACKAGE: &str = "baresip";
/// Where Debian keeps its modules: under the library folder, with or without the architecture.
const MODULES: [&str; 3] = [
    "/usr/lib/baresip/modules",
    "/usr/lib/x86_64-linux-gnu/baresip/modules",
    "/usr/lib/aarch64-linux-gnu/baresip/modules",
];

/// A running baresip.
pub struct Baresip {
    child: Child,
    addr: SocketAddr,
    dir: TempDir,
}

impl Baresip {
    /// Starts one that answers calls to `user` at once.
    pub async fn answering(user: &str) -> Self {
        Self::start(&format!("<sip:{user}@127.0.0.1>;regint=0;answermode=auto\n"), &[]).await
    }

    /// Starts one that registers at a server, and answers calls at once.
    pub async fn registering(user: &str, password: &str, server: SocketAddr) -> Self {
        Self::start(&registration(user, password, server), &[]).await
    }

    /// Starts one that registers at a server and calls somebody there.
    pub async fn calling(user: &str, password: &str, server: SocketAddr, to: &str) -> Self {
        let dial = format!("/dial sip:{to}@{server}");
        Self::start(&registration(user, password, server), &["-e", &dial]).await
    }

    async fn start(accounts: &str, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()));
        let write =
            |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("it takes files");
        write("config", &config(addr, dir.path()));
        write("accounts", accounts);
        write("contacts", "");
        let mut command = Command::new("baresip");
        command.arg("-4").arg("-f").arg(dir.path()).args(options);
        let mut child = Child::start(command, PACKAGE);
        listening(&mut child, addr.port()).await;
        Self { child, addr, dir }
    }

    /// Where it is reached.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it, and gives the wav files of what it heard, one for each call.
    pub async fn heard(mut self) -> Vec<Vec<u8>> {
        self.child.ask_to_stop().await;
        self.child.wait(PATIENCE).await;
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.dir.path())
            .expect("its directory is there")
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "baresip heard nothing; {}", self.child.story());
        files.iter().map(|path| std::fs::read(path).expect("its recording can be read")).collect()
    }
}

fn registration(user: &str, password: &str, server: SocketAddr) -> String {
    format!("<sip:{user}@{server}>;auth_user={user};auth_pass={password};regint=600;answermode=auto\n")
}

fn config(addr: SocketAddr, dir: &Path) -> String {
    let modules = MODULES.into_iter().find(|path| Path::new(path).join("sndfile.so").exists());
    let modules =
        modules.unwrap_or_else(|| panic!("no sndfile.so in any of {MODULES:?}: install Debian's {PACKAGE}"));
    let sound = free_udp_port();
    format!(
        "poll_method epoll\nsip_listen {addr}\nnet_interface {ip}\nrtp_ports {sound}-{last}\ncall_local_timeout 60\n\
         call_max_calls 4\naudio_player aubridge,ear\naudio_source aubridge,ear\naudio_alert aubridge,alert\n\
         jitter_buffer_delay 5-10\nmodule_path {modules}\nmodule g711.so\nmodule aubridge.so\nmodule sndfile.so\n\
         module_tmp account.so\nmodule_app menu.so\nsnd_path {}\n",
        dir.display(),
        ip = addr.ip(),
        last = sound.saturating_add(20),
    )
}
