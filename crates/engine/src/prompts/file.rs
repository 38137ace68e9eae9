//! Files of the media folder, found by name and never outside of it.

use super::{is_url, too_large};
use bytes::Bytes;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;
use tokio::fs;

/// Longest name, bytes.
const NAME_BYTES_MAX: usize = 512;

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Found {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
}

/// Finds a file by its name within the folder; symbolic links may not lead out of it.
pub(super) async fn find(folder: Option<&Path>, name: &str, bytes_max: usize) -> Result<Found, String> {
    let folder = folder.ok_or("this server has no media folder; play an https URL, or configure one")?;
    if !is_plain(name) {
        return Err(format!("{} is no file name within the media folder", shown(name)));
    }
    let missing = || format!("there is no file {} in the media folder", shown(name));
    let folder = fs::canonicalize(folder).await.map_err(|_| "the media folder cannot be read".to_owned())?;
    let path = fs::canonicalize(folder.join(name)).await.map_err(|_| missing())?;
    if !path.starts_with(&folder) {
        return Err(missing());
    }
    let metadata = fs::metadata(&path).await.map_err(|_| missing())?;
    if !metadata.is_file() {
        return Err(missing());
    }
    if metadata.len() > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(too_large(bytes_max));
    }
    Ok(Found { path, bytes: metadata.len(), modified: metadata.modified().ok() })
}

impl Found {
    /// The file's bytes.
    pub(super) async fn read(&self, bytes_max: usize) -> Result<Bytes, String> {
        let content =
            fs::read(&self.path).await.map_err(|error| format!("the file cannot be read: {error}"))?;
        if content.len() > bytes_max { Err(too_large(bytes_max)) } else { Ok(content.into()) }
    }
}

/// Only names and folders, no way up and none to the root.
fn is_plain(name: &str) -> bool {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    plain && !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(['\0', '\\'])
}

/// A location for the timeline: a URL's query may hold a secret and is left out.
pub(super) fn shown(location: &str) -> String {
    let shown =
        if is_url(location) { location.split(['?', '#']).next().unwrap_or_default() } else { location };
    format!("{:?}", shown.chars().take(120).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(folder: &Path, name: &str, expected: Result<(), &str>) {
        let got = find(Some(folder), name, 10).await.map(|_| ());
        match (got, expected) {
            (Ok(()), Ok(())) => {}
            (Err(got), Err(expected)) if got.contains(expected) => {}
            (got, expected) => panic!("{name}: {got:?} instead of {expected:?}"),
        }
    }

    #[tokio::test]
    async fn only_what_lies_in_the_folder_is_found() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("media");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(root.path().join("secret.wav"), b"x").unwrap();
        std::fs::write(folder.join("a.wav"), b"0123456789").unwrap();
        std::fs::write(folder.join("sub/b.wav"), b"x").unwrap();
        std::fs::write(folder.join("big.wav"), b"0123456789a").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret.wav"), folder.join("link.wav")).unwrap();
        check(&folder, "a.wav", Ok(())).await;
        check(&folder, "sub/b.wav", Ok(())).await;
        check(&folder, "big.wav", Err("larger than 10 bytes")).await;
        check(&folder, "none.wav", Err("there is no file")).await;
        check(&folder, "sub", Err("there is no file")).await;
        check(&folder, "link.wav", Err("there is no file")).await;
        check(&folder, "../secret.wav", Err("no file name")).await;
        check(&folder, "sub/../../secret.wav", Err("no file name")).await;
        check(&folder, "/etc/passwd", Err("no file name")).await;
        check(&folder, "a\0b", Err("no file name")).await;
        check(&folder, "", Err("no file name")).await;
        check(&folder, &"a".repeat(600), Err("no file name")).await;
    }

    #[tokio::test]
    async fn without_a_folder_only_urls_can_be_played() {
        let error = find(None, "a.wav", 10).await.unwrap_err();
        assert!(error.contains("no media folder"), "{error}");
    }

    #[test]
    fn queries_are_not_shown() {
        assert_eq!(shown("https://host/a.wav?token=secret"), "\"https://host/a.wav\"");
    }
}
