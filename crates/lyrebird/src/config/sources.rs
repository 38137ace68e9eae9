//! Where settings come from: the commented defaults, a file, the environment, flags; the later over the earlier. What
//! cannot be read is named by its place and shows none of its text.

use super::{Config, DEFAULT_TOML};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Dict;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file that is read where no other is named.
const FILE: &str = "lyrebird.toml";

/// Settings given as flags.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Flags {
    /// Configuration file [default: lyrebird.toml, if there is one]
    #[arg(long, global = true, env = "LYREBIRD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the database, recordings and secrets live
    #[arg(long, global = true, env = "LYREBIRD_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where the API listens; port 0 takes a free one
    #[arg(long, global = true, env = "LYREBIRD_HTTP_ADDR", value_name = "ADDR:PORT")]
    pub http_addr: Option<SocketAddr>,
    /// UDP address for trunks; port 0 takes a free one
    #[arg(long, global = true, env = "LYREBIRD_SIP_ADDR", value_name = "ADDR:PORT")]
    pub sip_addr: Option<SocketAddr>,
    /// UDP ports for sound, as 20000-29999; 0 takes free ones
    #[arg(long, global = true, env = "LYREBIRD_RTP_PORTS", value_name = "FIRST-LAST")]
    pub rtp_ports: Option<String>,
}

/// The short names, and those of the command line's own.
const VARIABLES: [&str; 8] = [
    "LYREBIRD_CONFIG",
    "LYREBIRD_DATA_DIR",
    "LYREBIRD_HTTP_ADDR",
    "LYREBIRD_SIP_ADDR",
    "LYREBIRD_RTP_PORTS",
    "LYREBIRD_URL",
    "LYREBIRD_KEY",
    "LYREBIRD_TRUNK_PASSWORD",
];

/// A variable of the environment that looks like a setting and is none.
fn unknown_variable(names: impl Iterator<Item = String>) -> Option<String> {
    let mut names = names.filter(|name| name.starts_with("LYREBIRD_") && !name.contains("__"));
    names.find(|name| !VARIABLES.contains(&name.as_str()))
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The named file is not there.
    #[error("the configuration file {0} does not exist")]
    NoFile(PathBuf),
    /// A variable of the environment is no setting.
    #[error(
        "the environment variable {0} is no setting; between the parts of a path stand two underscores, as in LYREBIRD_LOG__LEVEL"
    )]
    UnknownVariable(String),
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is no TOML. Its lines are not shown: they may hold secrets.
    #[error("the configuration file {path} is no TOML in line {line}, column {column}: {reason}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A setting is wrong.
    #[error("configuration: {}\nThe manual with all settings: lyrebird config", settings(.0))]
    Wrong(Box<figment::Error>),
}

/// What is wrong with which settings, without the places in our own code that the library names.
fn settings(error: &figment::Error) -> String {
    let one = |error: figment::Error| match error.path.join(".") {
        path if path.is_empty() => error.kind.to_string(),
        path => format!("{path}: {}", error.kind),
    };
    error.clone().into_iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The settings of a file.
fn file(path: &Path) -> Result<figment::providers::Data<Toml>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    if let Err(error) = text.parse::<toml::Table>() {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let reason = error.message().to_owned();
        return Err(ConfigError::Syntax { path: path.to_owned(), line, column, reason });
    }
    Ok(Toml::string(&text))
}

impl Config {
    /// Reads all sources, the later over the earlier.
    pub(crate) fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::sources(flags)?.extract().map_err(|error| ConfigError::Wrong(Box::new(error)))
    }

    /// All settings by name, as their sources have them.
    pub(crate) fn values(flags: &Flags) -> Result<Dict, ConfigError> {
        Self::sources(flags)?.extract().map_err(|error| ConfigError::Wrong(Box::new(error)))
    }

    fn sources(flags: &Flags) -> Result<Figment, ConfigError> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        if let Some(name) = unknown_variable(names) {
            return Err(ConfigError::UnknownVariable(name));
        }
        let mut figment = Figment::from(Toml::string(DEFAULT_TOML));
        match &flags.config {
            Some(path) if !path.is_file() => return Err(ConfigError::NoFile(path.clone())),
            Some(path) => figment = figment.merge(file(path)?),
            None if Path::new(FILE).is_file() => figment = figment.merge(file(Path::new(FILE))?),
            None => {}
        }
        // The short names have no double underscore and come as flags.
        let nested = Env::prefixed("LYREBIRD_").filter(|key| key.as_str().contains("__")).split("__");
        figment = figment.merge(nested);
        let mut merge = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                figment = std::mem::take(&mut figment).merge(Serialized::default(key, value));
            }
        };
        merge("data_dir", flags.data_dir.as_ref().map(|dir| dir.display().to_string()));
        merge("http.addr", flags.http_addr.map(|addr| addr.to_string()));
        merge("sip.addr", flags.sip_addr.map(|addr| addr.to_string()));
        merge("rtp.ports", flags.rtp_ports.clone());
        Ok(figment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_is_named_by_its_place_and_shows_none_of_its_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.toml");
        std::fs::write(&path, "[http]\n[metrics]\ntoken = hunter2-unquoted\n").unwrap();
        let flags = Flags { config: Some(path), ..Flags::default() };
        let error = Config::load(&flags).unwrap_err().to_string();
        assert!(error.contains("line 3, column 9") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_misspelt_variable_is_named() {
        let unknown = |name: &str| unknown_variable([name.to_owned()].into_iter());
        assert_eq!(unknown("LYREBIRD_LOG_LEVEL").as_deref(), Some("LYREBIRD_LOG_LEVEL"));
        assert_eq!(unknown("LYREBIRD_LOG__LEVEL"), None);
        assert_eq!(unknown("LYREBIRD_SIP_ADDR"), None);
        assert_eq!(unknown("PATH"), None);
    }

    #[test]
    fn flags_win() {
        let flags = Flags {
            data_dir: Some("elsewhere".into()),
            rtp_ports: Some("0".into()),
            http_addr: Some("127.0.0.1:0".parse().unwrap()),
            ..Flags::default()
        };
        let config = Config::load(&flags).unwrap();
        assert_eq!(config.data_dir, Path::new("elsewhere"));
        assert_eq!(config.rtp.ports.to_string(), "any");
        assert_eq!(config.http.addr.port(), 0);
    }
}
