//! The real binary on a data directory of its own, with keys, on free ports of loopback.

use crate::PATIENCE;
use crate::api::{Api, SharedDescription};
use crate::child::{Child, Output, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use tempfile::TempDir;
use tokio::process::Command;

/// What `lyrebird init --json` prints.
#[derive(Debug, Clone)]
pub struct Keys {
    /// `org_…`
    pub organization_id: String,
    /// `app_…`
    pub app_id: String,
    /// The app's id as a UUID.
    pub workspace_id: String,
    /// The default test channel's id as a UUID.
    pub channel_id: String,
    /// `sk_admin_…`
    pub admin: String,
    /// `sk_live_app_…`
    pub live: String,
    /// `sk_test_app_…`
    pub test: String,
}

/// Environment settings of a server.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    allowed: Vec<String>,
    ignore_file_size_signal: bool,
}

impl Settings {
    /// Sets an environment variable.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Lets the server reach a receiver on loopback.
    #[must_use]
    pub fn allow(mut self, host: SocketAddr) -> Self {
        self.allowed.push(host.to_string());
        self
    }

    /// Makes writing beyond a file size limit an error to handle, as a full disk is, instead of a deadly signal.
    #[must_use]
    pub const fn surviving_file_size_limits(mut self) -> Self {
        self.ignore_file_size_signal = true;
        self
    }
}

/// A running server. Its process ends with it.
pub struct Server {
    /// Where the API listens.
    pub http: SocketAddr,
    /// Where trunks are served.
    pub sip: SocketAddr,
    /// Its keys.
    pub keys: Keys,
    binary: String,
    settings: Settings,
    dir: TempDir,
    child: Child,
    description: SharedDescription,
}

impl Server {
    /// Starts `binary` on a new data directory.
    pub async fn start(binary: &str) -> Self {
        Self::start_with(binary, Settings::default()).await
    }

    /// The same with settings.
    pub async fn start_with(binary: &str, settings: Settings) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let init =
            run(command(binary, &settings, dir.path(), &["init", "--json"]), "no package: build it first")
                .await;
        assert_eq!(init.code, Some(0), "lyrebird init failed: {}{}", init.stdout, init.stderr);
        let keys = read_keys(&init.stdout);
        let (child, http, sip) = serve(binary, &settings, dir.path()).await;
        Self {
            http,
            sip,
            keys,
            binary: binary.to_owned(),
            settings,
            dir,
            child,
            description: SharedDescription::default(),
        }
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the server is running")
    }

    /// What it has said on standard error.
    pub fn log(&self) -> String {
        self.child.stderr().join("\n")
    }

    /// The API with the test key.
    pub fn test(&self) -> Api {
        self.api(&self.keys.test)
    }

    /// The API with the live key.
    pub fn live(&self) -> Api {
        self.api(&self.keys.live)
    }

    /// The API with the admin key.
    pub fn admin(&self) -> Api {
        self.api(&self.keys.admin)
    }

    /// The API with any key.
    pub fn api(&self, key: &str) -> Api {
        Api::new(self.http, key).described_by(&self.description)
    }

    /// Runs another command of the binary on the same directory, told where the server is and with `key`.
    pub async fn command(&self, key: &str, args: &[&str]) -> Output {
        let mut command = command(&self.binary, &self.settings, self.dir.path(), args);
        command.env("LYREBIRD_URL", format!("http://{}", self.http)).env("LYREBIRD_KEY", key);
        run(command, "no package: build it first").await
    }

    /// Ends the server as a power cut would.
    pub async fn kill9(&mut self) {
        self.child.kill().await;
    }

    /// Tells the server to read its configuration again, and does not wait.
    pub async fn hang_up(&self) {
        self.child.signal("HUP").await;
    }

    /// The configuration file that the server reads where there is one.
    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("lyrebird.toml")
    }

    /// Asks the server to stop and does not wait.
    pub async fn ask_to_stop(&self) {
        self.child.ask_to_stop().await;
    }

    /// Waits until the server's process has ended.
    pub async fn wait_for_end(&mut self, limit: std::time::Duration) -> ExitStatus {
        self.child.wait(limit).await
    }

    /// Asks the server to stop and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.child.ask_to_stop().await;
        self.child.wait(PATIENCE).await
    }

    /// Starts it again on the same directory, after its end; the ports are new ones.
    pub async fn restart(&mut self) {
        (self.child, self.http, self.sip) = serve(&self.binary, &self.settings, self.dir.path()).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        }
    }
}

/// A command of the binary with nothing of the surroundings' configuration.
fn command(binary: &str, settings: &Settings, dir: &Path, args: &[&str]) -> Command {
    let mut command = if settings.ignore_file_size_signal {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", binary]);
        shell
    } else {
        Command::new(binary)
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LYREBIRD_") {
            command.env_remove(name);
        }
    }
    let allowed = serde_json::to_string(&settings.allowed).expect("texts are JSON");
    command
        .args(args)
        .current_dir(dir)
        .env("LYREBIRD_DATA_DIR", dir.join("data"))
        .env("LYREBIRD_HTTP_ADDR", "127.0.0.1:0")
        .env("LYREBIRD_SIP_ADDR", "127.0.0.1:0")
        .env("LYREBIRD_RTP_PORTS", "0")
        .env("LYREBIRD_EGRESS__ALLOWED_HOSTS", allowed)
        .env("LYREBIRD_MEDIA__FOLDER", dir.join("media"))
        .envs(&settings.variables);
    command
}

async fn serve(binary: &str, settings: &Settings, dir: &Path) -> (Child, SocketAddr, SocketAddr) {
    let mut child = Child::start(command(binary, settings, dir, &["serve"]), "no package: build it first");
    let (http, sip) = child.wait_for_line(PATIENCE, addresses).await;
    (child, http, sip)
}

/// From the line `listening http=… sip=… rtp=…`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.strip_prefix("listening ")?;
    let value = |name: &str| rest.split(' ').find_map(|word| word.strip_prefix(name))?.parse().ok();
    Some((value("http=")?, value("sip=")?))
}

fn read_keys(json: &str) -> Keys {
    let keys: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("init --json printed {json:?}"));
    let text = |name: &str| keys[name].as_str().unwrap_or_else(|| panic!("no {name} in {keys}")).to_owned();
    Keys {
        organization_id: text("organizationId"),
        app_id: text("appId"),
        workspace_id: text("workspaceId"),
        channel_id: text("channelId"),
        admin: text("adminKey"),
        live: text("liveKey"),
        test: text("testKey"),
    }
}

impl Server {
    /// The folder whose files flows may play, made on first use.
    pub fn media_folder(&self) -> PathBuf {
        let folder = self.dir.path().join("media");
        std::fs::create_dir_all(&folder).expect("a folder can be made in a temporary directory");
        folder
    }

    /// Makes a trunk to a peer on loopback, with fields of its own over the usual ones, and a number of the app on it.
    pub async fn connect(&self, peer: SocketAddr, particulars: &Value, number: &str) -> String {
        let trunk = self.admin().make_trunk(peer, particulars).await;
        self.admin().assign(number, &self.keys.app_id, &trunk).await;
        trunk
    }

    /// Refuses the server any write beyond `bytes` of a file, or lifts that again; a stand-in for a full disk.
    pub async fn limit_file_size(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let mut command = Command::new("prlimit");
        command.arg(format!("--fsize={limit}:unlimited")).arg("--pid").arg(self.id().to_string());
        let output = run(command, "util-linux").await;
        assert_eq!(output.code, Some(0), "prlimit: {}", output.stderr);
    }
}
