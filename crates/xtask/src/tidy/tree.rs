//! The files under the rules, read once: what git tracks, and what it would track after `git add`.
//! The rules see only this; a test builds it from texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths from the root of the repository and their texts; `None` where a file is not UTF-8 text.
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads the work tree this crate lies in. The error is a sentence for a person.
    pub(crate) fn of_work_tree() -> Result<Self, String> {
        let root = root()?;
        let mut files = BTreeMap::new();
        for path in listed_by_git(&root)? {
            let place = root.join(&path);
            // Links point at files that are listed themselves; a listed file may be deleted and not yet committed.
            if !place.is_file() || place.is_symlink() {
                continue;
            }
            let bytes = std::fs::read(&place).map_err(|error| format!("cannot read {path}: {error}"))?;
            files.insert(path, String::from_utf8(bytes).ok());
        }
        Ok(Self { files })
    }

    /// A tree of the given paths and texts.
    #[cfg(test)]
    pub(crate) fn from_texts(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        Self { files }
    }

    /// Number of files.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Text files in the order of their paths.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The text of one file, when it is there and is text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether a file or a folder of this path is in the tree. The empty path is the root.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(next, _)| next.starts_with(&folder))
    }
}

/// The root of the repository. Cargo names this crate's folder to what it runs.
fn root() -> Result<PathBuf, String> {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")
        .ok_or("CARGO_MANIFEST_DIR is not set: start it as `cargo xtask tidy`")?;
    let root = Path::new(&folder).ancestors().nth(2).ok_or("this crate must lie in <root>/crates/")?;
    Ok(root.to_path_buf())
}

fn listed_by_git(root: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot start git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let listing = String::from_utf8(output.stdout).map_err(|_| "a file name is not UTF-8".to_owned())?;
    Ok(listing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_its_files_their_folders_and_its_root() {
        let tree = Tree::from_texts(&[("a/b/c.md", ""), ("a-b.md", "")]);
        for (path, expected) in [
            ("a/b/c.md", true),
            ("a/b", true),
            ("a", true),
            ("", true),
            ("a/b/c", false),
            ("b", false),
            ("a/", false),
        ] {
            assert_eq!(tree.has(path), expected, "{path:?}");
        }
    }

    #[test]
    fn the_work_tree_holds_this_file() {
        let tree = Tree::of_work_tree().expect("git lists the work tree");
        assert!(tree.text("crates/xtask/src/tidy/tree.rs").is_some_and(|text| text.contains("of_work_tree")));
        assert!(!tree.has("target"));
    }
}
