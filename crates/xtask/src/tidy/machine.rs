//! No tracked file names one person's machine: home folders, work folders, private registries.

use super::finding::Finding;
use super::tree::Tree;

/// Places of a machine. Written in two pieces, so that this file does not hold what it looks for.
const PLACES: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
/// How Cargo spells a registry of its own protocol in a lock file or a configuration.
const REGISTRY_PROTOCOL: &str = concat!("spar", "se+");
/// The one registry a lock file may name.
const CRATES_IO: &str = "https://github.com/rust-lang/crates.io-index";

/// Checks every line of every text file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        for (at, line) in text.lines().enumerate() {
            for (what, remedy) in breaches(line) {
                findings.push(Finding::new(path, at + 1, "machine", what, remedy));
            }
        }
    }
    findings
}

fn breaches(line: &str) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for place in PLACES.iter().filter(|place| names_place(line, place)) {
        let what = format!("names `{place}…`, a place of one machine");
        found.push((what, "use a path from the repository's root or from the configuration"));
    }
    if line.contains(REGISTRY_PROTOCOL) {
        found.push((
            format!("names a registry by `{REGISTRY_PROTOCOL}`"),
            "keep registries in your own Cargo home",
        ));
    }
    if line.split("registry+").skip(1).any(|rest| rest.starts_with("http") && !rest.starts_with(CRATES_IO)) {
        let remedy = "lock against crates.io: `cargo update` without a registry of your own";
        found.push(("names a registry that is not crates.io".to_owned(), remedy));
    }
    found
}

/// Whether a line holds an absolute path into the place: what stands before it cannot belong to a longer path or an
/// address, and a name follows it.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + place.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| c.is_alphanumeric() || "_-./~}*".contains(c))
            && after.is_some_and(|c| c.is_alphanumeric() || "_.-".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_line(line: &str, expected: usize) {
        let found = super::check(&Tree::from_texts(&[("docs/a.md", line)]));
        assert_eq!(found.len(), expected, "{line}: {found:?}");
    }

    #[test]
    fn places_of_one_machine_are_found() {
        for place in PLACES {
            check_line(&format!("see {place}x"), 1);
            check_line(&format!("FOO={place}x"), 1);
            check_line(&format!("(\"{place}.cargo\")"), 1);
        }
    }

    #[test]
    fn addresses_and_relative_paths_are_no_places() {
        for place in PLACES {
            check_line(&format!("https://example.com{place}x"), 0);
            check_line(&format!("docs{place}x"), 0);
            check_line(&format!("$DIR}}{place}x"), 0);
            check_line(&format!("`{place}<you>`"), 0);
        }
        check_line("/tmp/x /var/lib/lyrebird", 0);
    }

    #[test]
    fn only_crates_io_is_a_registry() {
        check_line("source = \"registry+https://github.com/rust-lang/crates.io-index\"", 0);
        check_line(&format!("source = \"{}https://mirror.example/index\"", "registry+"), 1);
        check_line(&format!("registry = \"{REGISTRY_PROTOCOL}https://mirror.example/\""), 1);
    }
}
