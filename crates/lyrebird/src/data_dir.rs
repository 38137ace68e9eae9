//! The data directory: what lies where, who may read it, and the server's own secret.

use model::Secret;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A data directory that exists and is its owner's alone.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the data directory {dir} cannot be used: {reason}\nName another one with --data-dir.")]
pub(crate) struct DataDirError {
    dir: PathBuf,
    reason: io::Error,
}

impl DataDir {
    /// Makes the directory where it is missing.
    pub(crate) fn open(root: &Path) -> Result<Self, DataDirError> {
        let this = Self { root: root.to_owned() };
        for dir in [&this.root, &this.spool(), &this.blobs(), &this.heard()] {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(|reason| DataDirError { dir: dir.clone(), reason })?;
        }
        Ok(this)
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Recordings that are not finished.
    pub(crate) fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Finished files.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// What test calls heard.
    pub(crate) fn heard(&self) -> PathBuf {
        self.root.join("heard")
    }

    /// A place for files of the moment; emptied at every start.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// Empties the place for files of the moment: what a killed process left there is of no use.
    pub(crate) fn empty_scratch(&self) -> Result<(), DataDirError> {
        let dir = self.scratch();
        let failed = |reason| DataDirError { dir: dir.clone(), reason };
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => fs::DirBuilder::new().mode(0o700).create(&dir).map_err(failed),
        }
    }

    /// Whether the secret is there.
    pub(crate) fn has_secret(&self) -> bool {
        self.root.join("secret").exists()
    }

    /// The secret under which keys are hashed; made on the first start. A copy of the database is worth nothing to
    /// somebody who tries keys without it.
    pub(crate) fn pepper(&self) -> Result<Secret<[u8; 32]>, DataDirError> {
        let path = self.root.join("secret");
        let failed = |reason| DataDirError { dir: path.clone(), reason };
        let mut secret = [0_u8; 32];
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                getrandom::fill(&mut secret).map_err(|error| failed(io::Error::other(error)))?;
                file.write_all(&secret).and_then(|()| file.sync_all()).map_err(failed)?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::File::open(&path).and_then(|mut file| file.read_exact(&mut secret)).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(Secret::new(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_secret_is_made_once_and_is_its_owners_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&temporary.path().join("a/b")).unwrap();
        let first = dir.pepper().unwrap();
        assert!(first == dir.pepper().unwrap());
        assert!(*first.expose() != [0; 32]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir.root().join("secret")), 0o600);
        assert_eq!(mode(dir.root()), 0o700);
    }

    #[test]
    fn scratch_files_do_not_outlive_a_start() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temporary.path()).unwrap();
        dir.empty_scratch().unwrap();
        fs::write(dir.scratch().join("left"), "x").unwrap();
        dir.empty_scratch().unwrap();
        assert_eq!(fs::read_dir(dir.scratch()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataDir::open(file.path()).unwrap_err().to_string();
        assert!(error.contains("--data-dir"), "{error}");
    }
}
