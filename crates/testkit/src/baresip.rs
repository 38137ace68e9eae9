//! Debian's baresip: answers by itself, or registers and calls; sends back what it hears, and keeps what it heard as a wav.

use crate::PATIENCE;
use crate::certificates::Certificates;
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

/// What a baresip has and does beyond G.711 in the clear over UDP.
#[derive(Clone, Copy, Default)]
pub struct Equipment<'a> {
    /// The module of a codec that it prefers: `g722` or `opus`.
    pub codec: Option<&'a str>,
    /// SIP over TLS with this certificate and authority, and encrypted sound with its keys in the descriptions.
    pub secure: Option<&'a Certificates>,
    /// A wav of [`SOURCE_RATE_HZ`] that it plays, instead of sending back what it hears.
    pub source: Option<&'a Path>,
}

/// Rate of the sound that a baresip plays.
pub const SOURCE_RATE_HZ: u32 = 16_000;

/// A running baresip.
pub struct Baresip {
    child: Child,
    addr: SocketAddr,
    secure: bool,
    dir: TempDir,
}

impl Baresip {
    /// Starts one that answers calls to `user` at once.
    pub async fn answering(user: &str) -> Self {
        Self::answering_with(user, &Equipment::default()).await
    }

    /// The same with this equipment.
    pub async fn answering_with(user: &str, equipment: &Equipment<'_>) -> Self {
        Self::start(&format!("<sip:{user}@127.0.0.1>;regint=0;answermode=auto"), &[], equipment).await
    }

    /// Starts one that registers at a server, and answers calls at once.
    pub async fn registering(user: &str, password: &str, server: SocketAddr) -> Self {
        Self::registering_with(user, password, server, &Equipment::default()).await
    }

    /// The same with this equipment; a secure one takes `server` as the address of TLS.
    pub async fn registering_with(
        user: &str,
        password: &str,
        server: SocketAddr,
        equipment: &Equipment<'_>,
    ) -> Self {
        Self::start(&registration(user, password, server, equipment), &[], equipment).await
    }

    /// Starts one that registers at a server and calls somebody there.
    pub async fn calling(user: &str, password: &str, server: SocketAddr, to: &str) -> Self {
        Self::calling_with(user, password, server, to, &Equipment::default()).await
    }

    /// The same with this equipment, as in [`Self::registering_with`].
    pub async fn calling_with(
        user: &str,
        password: &str,
        server: SocketAddr,
        to: &str,
        equipment: &Equipment<'_>,
    ) -> Self {
        let dial = format!("/dial sip:{to}@{server}");
        Self::start(&registration(user, password, server, equipment), &["-e", &dial], equipment).await
    }

    async fn start(account: &str, options: &[&str], equipment: &Equipment<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()));
        let write =
            |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("it takes files");
        let keys = if equipment.secure.is_some() { ";mediaenc=srtp" } else { "" };
        write("config", &config(addr, dir.path(), equipment));
        write("accounts", &format!("{account}{keys}\n"));
        write("contacts", "");
        let mut command = Command::new("baresip");
        command.args(["-4", "-s", "-f"]).arg(dir.path()).args(options);
        let mut child = Child::start_told(command, PACKAGE);
        listening(&mut child, addr.port()).await;
        Self { child, addr, secure: equipment.secure.is_some(), dir }
    }

    /// Calls somebody at the server where it is registered, as a person would who types it.
    pub async fn dial(&mut self, to: &str, server: SocketAddr) {
        // It adds its account's transport by itself.
        self.child.tell(&format!("/dial sip:{to}@{server}")).await;
    }

    /// Where it is reached: by TLS, if it is secure.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.addr.ip(), self.addr.port() + u16::from(self.secure))
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

impl Drop for Baresip {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}", self.child.story());
        }
    }
}

fn transport(equipment: &Equipment<'_>) -> &'static str {
    if equipment.secure.is_some() { ";transport=tls" } else { "" }
}

fn registration(user: &str, password: &str, server: SocketAddr, equipment: &Equipment<'_>) -> String {
    let transport = transport(equipment);
    format!(
        "<sip:{user}@{server}{transport}>;auth_user={user};auth_pass={password};regint=600;answermode=auto"
    )
}

fn config(addr: SocketAddr, dir: &Path, equipment: &Equipment<'_>) -> String {
    let modules = MODULES.into_iter().find(|path| Path::new(path).join("sndfile.so").exists());
    let modules =
        modules.unwrap_or_else(|| panic!("no sndfile.so in any of {MODULES:?}: install Debian's {PACKAGE}"));
    let sound = free_udp_port();
    let codec = equipment.codec.map(|codec| format!("module {codec}.so\n")).unwrap_or_default();
    let secure = equipment.secure.map_or_else(String::new, |files| {
        format!(
            "module srtp.so\nsip_certificate {}\nsip_cafile {}\n",
            files.both().display(),
            files.authority().display()
        )
    });
    let source = equipment.source.map_or_else(
        || "audio_source aubridge,ear\n".to_owned(),
        |path| {
            let path = path.display();
            format!("audio_source aufile,{path}\nausrc_srate {SOURCE_RATE_HZ}\nausrc_channels 1\nmodule aufile.so\n")
        },
    );
    format!(
        "poll_method epoll\nsip_listen {addr}\nnet_interface {ip}\nrtp_ports {sound}-{last}\ncall_local_timeout 60\n\
         call_max_calls 4\naudio_player aubridge,ear\naudio_alert aubridge,alert\njitter_buffer_delay 5-10\n\
         module_path {modules}\n{codec}module g711.so\nmodule aubridge.so\nmodule sndfile.so\nmodule stdio.so\n{source}{secure}\
         module_tmp account.so\nmodule_app menu.so\nsnd_path {}\n",
        dir.display(),
        ip = addr.ip(),
        last = sound.saturating_add(20),
    )
}
