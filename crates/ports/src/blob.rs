//! Where finished recordings are kept.

use std::path::{Path, PathBuf};

/// Why a file cannot be kept or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// The place cannot be written or read.
    #[error("storage: {0}")]
    Unavailable(String),
}

/// Keeps files under keys such as `recordings/<id>.wav`.
#[async_trait::async_trait]
pub trait Blob: Send + Sync {
    /// Takes a local file over; it is durable when this returns.
    async fn keep(&self, key: &str, file: &Path) -> Result<(), BlobError>;

    /// A local path from which the file can be read.
    async fn path(&self, key: &str) -> Result<PathBuf, BlobError>;

    /// Removes it; removing what is not there is well.
    async fn remove(&self, key: &str) -> Result<(), BlobError>;
}
