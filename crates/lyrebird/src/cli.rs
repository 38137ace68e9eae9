//! The command line, as `--help` shows it.

use crate::config::Flags;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A self-hosted programmable-voice server: an HTTP request becomes a real phone call.
#[derive(Debug, Parser)]
#[command(
    name = "lyrebird",
    version,
    about,
    max_term_width = 100,
    after_help = "\
First steps:
  lyrebird serve                             start the server; the first start shows three keys
  export LYREBIRD_KEY=sk_test_app_…          the test key calls the sandbox and nothing else
  lyrebird call --to +15005550000 --say Hi   place a call and follow it live

All settings, with what they mean: lyrebird config"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub flags: Flags,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until it is told to stop
    Serve,
    /// Make the data directory, an organization, an app and one key of each class; show the keys, once
    Init(Init),
    /// Place a call on a running server and follow it live
    Call(Call),
    /// List calls, or show one with its timeline
    Calls(Calls),
    /// Make, list and revoke keys (works on the data directory itself)
    Keys(Keys),
    /// Make, list and remove SIP trunks on a running server (needs the admin key)
    Trunks(Trunks),
    /// Assign, list and take back phone numbers on a running server (needs the admin key)
    Numbers(Numbers),
    /// Make, list and remove phones that register at a running server (needs a live key, or the admin key)
    Endpoints(Endpoints),
    /// Run a flow in virtual time, without a server, a network or a phone
    Simulate(Simulate),
    /// Repeat what the far side of a call did, with a changed flow, and compare the two
    Replay(Replay),
    /// Run the sandbox's network of personas as a process of its own, or have a persona call your app
    Sandbox(Sandbox),
    /// Run the server, place a sandbox call through all of it, show it live, keep serving
    Demo,
    /// Print the commented default configuration
    Config,
}

/// Which server, and as whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct Remote {
    /// The server's API [default: as the configuration says]
    #[arg(long, global = true, env = "LYREBIRD_URL", value_name = "URL")]
    pub url: Option<String>,
    /// The key to use
    #[arg(long, global = true, env = "LYREBIRD_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,
}

/// `lyrebird init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Print {organizationId, appId, adminKey, liveKey, testKey} for scripts
    #[arg(long)]
    pub json: bool,
}

/// `lyrebird call`
#[derive(Debug, Args)]
pub(crate) struct Call {
    #[command(flatten)]
    pub remote: Remote,
    /// Whom to call; with a test key a persona of the sandbox, such as +15005550000
    #[arg(long, value_name = "NUMBER")]
    pub to: String,
    /// The calling number; with a live key one of the app's own
    #[arg(long, default_value = "+15005559999", value_name = "NUMBER")]
    pub from: String,
    /// A text to say once answered, then hang up
    #[arg(long, conflicts_with = "flow", value_name = "TEXT")]
    pub say: Option<String>,
    /// A file with the call's flow, a JSON list of commands
    #[arg(long, value_name = "FILE")]
    pub flow: Option<PathBuf>,
    /// Metadata of the call, a JSON object
    #[arg(long, value_name = "JSON")]
    pub metadata: Option<String>,
    /// Print the call's id and return at once
    #[arg(long)]
    pub detach: bool,
}

/// `lyrebird calls`
#[derive(Debug, Args)]
pub(crate) struct Calls {
    #[command(flatten)]
    pub remote: Remote,
    /// Show this call and its timeline
    pub call: Option<String>,
    /// Follow the call live until it is over
    #[arg(long, requires = "call", group = "face")]
    pub follow: bool,
    /// Explain the call in plain words
    #[arg(long, requires = "call", group = "face")]
    pub explain: bool,
    /// Write the call's ladder diagram to this file (SVG)
    #[arg(long, requires = "call", group = "face", value_name = "FILE")]
    pub ladder: Option<PathBuf>,
    /// Write the call's signalling to this file (pcap)
    #[arg(long, requires = "call", group = "face", value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// How many to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
}

/// `lyrebird keys`
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub action: KeysAction,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// List keys (never the keys themselves)
    List,
    /// Make a key and show it, once
    Create {
        /// What it may do
        #[arg(value_enum)]
        class: KeyClassArg,
        /// A name to know it by
        #[arg(long, default_value = "made by lyrebird keys")]
        name: String,
    },
    /// Revoke a key
    Revoke {
        /// Its id, as the list shows it
        id: String,
    },
}

/// A class of keys.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum KeyClassArg {
    /// Administers trunks, numbers and apps
    Admin,
    /// Makes real calls
    Live,
    /// Makes sandbox calls
    Test,
}

/// `lyrebird trunks`
#[derive(Debug, Args)]
pub(crate) struct Trunks {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub action: TrunksAction,
}

/// What to do with trunks.
#[derive(Debug, Subcommand)]
pub(crate) enum TrunksAction {
    /// List trunks
    List,
    /// Make a trunk
    Add {
        /// A name to know it by
        #[arg(long)]
        name: String,
        /// The carrier's host name or address
        #[arg(long)]
        host: String,
        /// Its port; left out: as its domain says
        #[arg(long)]
        port: Option<u16>,
        /// auto, udp, tcp or tls
        #[arg(long, default_value = "auto")]
        transport: String,
        /// Register there
        #[arg(long, requires = "username")]
        register: bool,
        /// User, where the carrier asks for one; the password is read from LYREBIRD_TRUNK_PASSWORD
        #[arg(long)]
        username: Option<String>,
        /// A network from which it calls you; may be given several times
        #[arg(long = "allow", value_name = "NETWORK")]
        allowed_sources: Vec<String>,
    },
    /// Remove a trunk
    Remove {
        /// Its id
        id: String,
    },
}

/// `lyrebird numbers`
#[derive(Debug, Args)]
pub(crate) struct Numbers {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub action: NumbersAction,
}

/// What to do with numbers.
#[derive(Debug, Subcommand)]
pub(crate) enum NumbersAction {
    /// List numbers
    List,
    /// Assign a number to an app
    Add {
        /// The number, as +493012345678
        number: String,
        /// The app, app_…
        #[arg(long)]
        app: String,
        /// The trunk it lives on, trk_…
        #[arg(long)]
        trunk: String,
        /// A file with a flow, a JSON list of commands: calls are answered at once and run it
        #[arg(long, value_name = "FILE")]
        flow: Option<PathBuf>,
    },
    /// Change what a number does with its calls: a flow of its own, or none
    Flow {
        /// Its id
        id: String,
        /// The flow's file, a JSON list of commands; left out: the app decides
        #[arg(value_name = "FILE")]
        flow: Option<PathBuf>,
    },
    /// Take a number back
    Remove {
        /// Its id
        id: String,
    },
}

/// `lyrebird endpoints`
#[derive(Debug, Args)]
pub(crate) struct Endpoints {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub action: EndpointsAction,
}

/// What to do with endpoints.
#[derive(Debug, Subcommand)]
pub(crate) enum EndpointsAction {
    /// List phones and whether they are registered
    List,
    /// Make a phone and show its password, once; LYREBIRD_ENDPOINT_PASSWORD chooses the password
    Add {
        /// Its user name
        username: String,
        /// The app it belongs to, app_…; needed with an admin key
        #[arg(long)]
        app: Option<String>,
    },
    /// Remove a phone
    Remove {
        /// Its id
        id: String,
    },
}

/// `lyrebird sandbox`
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// The loopback UDP address to answer at; the server is told it as sandbox.network
    #[arg(long, default_value = "127.0.0.1:5070", value_name = "ADDR:PORT")]
    pub addr: std::net::SocketAddr,
    #[command(subcommand)]
    pub action: Option<SandboxAction>,
}

/// What else to do with the sandbox.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxAction {
    /// Have a persona call one of your numbers on a running server, and follow the call live
    Call(SandboxCall),
    /// List the personas of a running server
    Personas {
        #[command(flatten)]
        remote: Remote,
    },
}

/// `lyrebird sandbox call`
#[derive(Debug, Args)]
pub(crate) struct SandboxCall {
    #[command(flatten)]
    pub remote: Remote,
    /// Whom the persona calls: one of your app's numbers, or any other
    #[arg(long, value_name = "NUMBER")]
    pub to: String,
    /// The number it calls from; the persona who lives there calls
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<String>,
    /// Which persona calls, by name; `lyrebird sandbox personas` lists them
    #[arg(long, value_name = "NAME")]
    pub persona: Option<String>,
    /// What is set of it, a JSON object as in metadata.sandbox
    #[arg(long, value_name = "JSON")]
    pub settings: Option<String>,
    /// Answer the call at once, as your app would
    #[arg(long)]
    pub answer: bool,
    /// Print the call's id and return at once
    #[arg(long)]
    pub detach: bool,
}

/// `lyrebird simulate`
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The flow, a JSON list of commands; or a whole request as POST /v1/simulations takes it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Who is called: a persona's name or number, such as voicemail or +15005550010
    #[arg(long, value_name = "PERSONA")]
    pub persona: Option<String>,
    /// The same seed is the same call
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// clean, mobile, bad, or figures such as loss=5,jitter=40
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// What goes wrong beside the network, a JSON object
    #[arg(long, value_name = "JSON")]
    pub faults: Option<String>,
    /// What is set of the persona, a JSON object as in metadata.sandbox
    #[arg(long, value_name = "JSON")]
    pub sandbox: Option<String>,
    /// Compare with this file (.json: what it holds must be so; else the timeline's lines); exit with 1 if they differ
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Print the whole answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lyrebird replay`
#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub remote: Remote,
    /// A call's id, or a file with its timeline (or with what lyrebird simulate --json printed)
    #[arg(value_name = "CALL|FILE")]
    pub call: String,
    /// The changed flow, a JSON list of commands
    #[arg(long, value_name = "FILE")]
    pub flow: PathBuf,
    /// The seed of the repetition
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
}
