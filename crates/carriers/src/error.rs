//! Why a carrier cannot start. What goes wrong with one leg is a [`ports::CarrierError`] or a fact.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a carrier cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or none of this machine's.
    #[error("cannot bind the SIP socket at {address}: {reason}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        reason: String,
    },
    /// The sandbox lives on loopback alone.
    #[error("{0} is no loopback address; the sandbox works on loopback only")]
    NotLoopback(SocketAddr),
    /// A file of TLS cannot be used.
    #[error("TLS: {}: {reason}", file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder for what test calls heard cannot be used.
    #[error("what test calls heard cannot be kept in {}: {reason}", dir.display())]
    Heard {
        /// The folder.
        dir: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The operating system gave no random seed.
    #[error("no random seed from the operating system: {0}")]
    Seed(String),
}
