//! One server process a data directory: a lock on a file, which the operating system drops with the process.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Held for as long as the server runs; dropping it gives the directory free.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// Why the directory is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server process has it.
    #[error("another server (process {}) uses the data directory {dir}: stop it, or give this one its own directory", pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string()))]
    Held {
        /// The directory.
        dir: PathBuf,
        /// The other's process id, where it could be read.
        pid: Option<u32>,
    },
    /// The lock's file cannot be made or locked.
    #[error("the data directory {dir}: {error}")]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
}

impl DataDirLock {
    /// Takes the lock `<dir>/lock`, which then holds our process id; never waits. Makes the directory (mode 0700)
    /// where it is missing.
    pub(crate) fn take(dir: &Path) -> Result<Self, LockError> {
        let io = |error| LockError::Io { dir: dir.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        // Never truncated on opening: the text belongs to whoever holds the lock.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join("lock"))
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { dir: dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirLock::take(dir.path()).unwrap();
        let refused = DataDirLock::take(dir.path()).unwrap_err();
        let LockError::Held { pid, .. } = &refused else { panic!("{refused}") };
        assert_eq!(*pid, Some(std::process::id()));
        assert!(refused.to_string().contains(&std::process::id().to_string()));
        drop(first);
        assert!(DataDirLock::take(dir.path()).is_ok());
    }

    #[test]
    fn a_missing_directory_is_made_and_an_impossible_one_refused() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DataDirLock::take(&dir.path().join("new/data"));
        assert!(lock.is_ok());
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(DataDirLock::take(&file), Err(LockError::Io { .. })));
    }
}
