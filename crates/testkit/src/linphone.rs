//! Debian's linphonec: registers, answers calls at once, and calls; it plays and keeps wav files instead of using a
//! sound card. It is told what to do by the lines that a person would type.

use crate::PATIENCE;
use crate::certificates::Certificates;
use crate::child::Child;
use crate::place::{free_udp_port, listening};
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

const PACKAGE: &str = "linphone-cli";

/// Where it keeps its database, within its home.
const DATA: &str = ".local/share/linphone";

/// A running linphonec.
pub struct Linphone {
    child: Child,
    dir: TempDir,
}

impl Linphone {
    /// Starts one that registers at a server, answers calls at once, and plays `source` to them.
    pub async fn registering(user: &str, password: &str, server: SocketAddr, source: &Path) -> Self {
        Self::start(user, password, server, source, None).await
    }

    /// The same over TLS, where the server has to show a certificate of this authority; its sound is encrypted.
    pub async fn registering_securely(
        user: &str,
        password: &str,
        server: SocketAddr,
        source: &Path,
        files: &Certificates,
    ) -> Self {
        Self::start(user, password, server, source, Some(files)).await
    }

    async fn start(
        user: &str,
        password: &str,
        server: SocketAddr,
        source: &Path,
        files: Option<&Certificates>,
    ) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (port, sound) = (free_udp_port(), free_udp_port());
        let account = account(user, password, server, files.is_some());
        std::fs::write(dir.path().join("linphonerc"), config(port, sound, files) + &account)
            .expect("it takes files");
        // Without a place for its database it comes up by half: it calls, and refuses calls with 503.
        std::fs::create_dir_all(dir.path().join(DATA)).expect("it takes folders");
        let mut command = Command::new("linphonec");
        command.args(["-a", "-S", "-c", "linphonerc"]).current_dir(dir.path());
        for folder in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            command.env(folder, dir.path());
        }
        let mut child = Child::start_told(command, PACKAGE);
        let recording = dir.path().join("heard.wav");
        child.tell("soundcard use files").await;
        child.tell(&format!("play {}", source.display())).await;
        child.tell(&format!("record {}", recording.display())).await;
        listening(&mut child, port).await;
        Self { child, dir }
    }

    /// Calls somebody.
    pub async fn call(&mut self, uri: &str) {
        self.child.tell(&format!("call {uri}")).await;
    }

    /// Puts the call on hold, and waits until that is agreed.
    pub async fn pause(&mut self) {
        self.child.tell("pause").await;
        self.child.wait_for_line(PATIENCE, |line| line.contains("is now paused").then_some(())).await;
    }

    /// Takes the call up again.
    pub async fn resume(&mut self) {
        self.child.tell("resume").await;
    }

    /// Hangs up.
    pub async fn hang_up(&mut self) {
        self.child.tell("terminate").await;
    }

    /// Stops it, and gives the wav file of what it heard.
    pub async fn heard(mut self) -> Vec<u8> {
        self.child.tell("quit").await;
        self.child.wait(PATIENCE).await;
        let file = std::fs::read(self.dir.path().join("heard.wav"));
        file.unwrap_or_else(|error| panic!("linphonec heard nothing ({error}); {}", self.child.story()))
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}", self.child.story());
        }
    }
}

fn config(port: u16, sound: u16, files: Option<&Certificates>) -> String {
    let secure = files.map_or_else(
        || "sip_tls_port=0\n".to_owned(),
        |files| {
            let authority = files.authority();
            format!(
                "sip_tls_port=-1\nroot_ca={}\nverify_server_certs=1\nmedia_encryption=srtp\n",
                authority.display()
            )
        },
    );
    format!(
        "[sip]\nsip_port={port}\nsip_tcp_port=0\n{secure}bind_address=127.0.0.1\nipv6_migration_done=1\n\
         use_ipv6=0\nguess_hostname=0\nauto_net_state_mon=0\nregister_only_when_network_is_up=0\n\
         default_proxy=0\n[rtp]\naudio_rtp_port={sound}\n[video]\nenabled=0\n"
    )
}

fn account(user: &str, password: &str, server: SocketAddr, secure: bool) -> String {
    let transport = if secure { ";transport=tls" } else { "" };
    format!(
        "[proxy_0]\nreg_proxy=<sip:{server}{transport}>\nreg_identity=sip:{user}@{server}\nreg_expires=600\n\
         reg_sendregister=1\n[auth_info_0]\nusername={user}\npasswd={password}\nrealm=lyrebird\n"
    )
}
