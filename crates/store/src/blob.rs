//! Finished files on the local disk: moved into their place whole, or not at all.

use ports::{Blob, BlobError};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

/// Longest key in bytes.
const KEY_BYTES_MAX: usize = 512;

/// Files under one directory.
#[derive(Debug, Clone)]
pub struct LocalBlob {
    dir: PathBuf,
}

impl LocalBlob {
    /// Uses `dir`; makes it (mode 0700) where it is missing.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, BlobError> {
        let dir = dir.as_ref();
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| failed(dir, &error))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Where a key's file lies; none for a key that could lead elsewhere.
    fn place(&self, key: &str) -> Option<PathBuf> {
        let well = !key.is_empty()
            && key.len() <= KEY_BYTES_MAX
            && key.split('/').all(is_plain_name)
            && Path::new(key).components().all(|part| matches!(part, Component::Normal(_)));
        well.then(|| self.dir.join(key))
    }
}

/// Letters, digits, `.`, `_`, `-`; no leading dot.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn failed(path: &Path, error: &io::Error) -> BlobError {
    BlobError::Unavailable(format!("{}: {error}", path.display()))
}

#[async_trait::async_trait]
impl Blob for LocalBlob {
    async fn keep(&self, key: &str, file: &Path) -> Result<(), BlobError> {
        let place =
            self.place(key).ok_or_else(|| BlobError::Unavailable(format!("{key:?} is not a valid key")))?;
        let (root, file) = (self.dir.clone(), file.to_owned());
        blocking(move || match keep(&root, &place, &file) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !file.exists() => {
                Err(BlobError::NotFound)
            }
            Err(error) => Err(failed(&place, &error)),
        })
        .await
    }

    async fn path(&self, key: &str) -> Result<PathBuf, BlobError> {
        let place = self.place(key).ok_or(BlobError::NotFound)?;
        blocking(move || match std::fs::metadata(&place) {
            Ok(found) if found.is_file() => Ok(place),
            Ok(_) => Err(BlobError::NotFound),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::NotFound),
            Err(error) => Err(failed(&place, &error)),
        })
        .await
    }

    async fn remove(&self, key: &str) -> Result<(), BlobError> {
        // What has no valid key was never kept.
        let Some(place) = self.place(key) else { return Ok(()) };
        blocking(move || {
            let done = std::fs::remove_file(&place).and_then(|()| sync_parent(&place));
            match done {
                Ok(()) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(failed(&place, &error)),
            }
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(BlobError::Unavailable(error.to_string())),
    }
}

/// The file's bytes, then its name, then the names of new directories reach the disk.
fn keep(root: &Path, place: &Path, file: &Path) -> io::Result<()> {
    let parent = place.parent().unwrap_or(root);
    make_directories(root, parent)?;
    File::open(file)?.sync_all()?;
    match std::fs::rename(file, place) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(file, place)?,
        other => other?,
    }
    sync_parent(place)
}

/// From another file system: a copy beside the place, then its name, and only then the end of the original.
fn copy(file: &Path, place: &Path) -> io::Result<()> {
    // A leading dot is in no key, so the unfinished copy can never be taken for a file.
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = place.with_file_name(format!(".{name}.part"));
    let copied = std::fs::copy(file, &unfinished)
        .and_then(|_| File::open(&unfinished)?.sync_all())
        .and_then(|()| std::fs::rename(&unfinished, place));
    if copied.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    copied?;
    sync_parent(place)?;
    std::fs::remove_file(file)
}

fn make_directories(root: &Path, parent: &Path) -> io::Result<()> {
    if parent.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let mut made = Some(parent);
    while let Some(dir) = made.filter(|dir| *dir != root) {
        sync_parent(dir)?;
        made = dir.parent();
    }
    Ok(())
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
