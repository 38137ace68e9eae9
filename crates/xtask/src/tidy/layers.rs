//! Which room may depend on which: an arrow between crates points only to a lower layer.
//! Knows the manifests and the table of layers (ARCHITECTURE.md), and no Rust.

use toml::{Table, Value};

use super::finding::Finding;
use super::tree::Tree;

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No socket, clock, run time or random source.
    Pure,
    /// Traits and plain types.
    Seam,
    /// A concrete implementation of a seam, named only where the program is put together.
    Adapter,
    /// Use cases, doors, the binary.
    Program,
    /// Never shipped: test peers and chores.
    Dev,
}

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Room {
    /// Folder and crate name.
    pub(crate) name: &'static str,
    /// Height: 0 is the ground.
    pub(crate) layer: u8,
    /// What sort of room it is.
    pub(crate) kind: Kind,
}

/// Every room of the project, lowest first.
pub(crate) const ROOMS: &[Room] = &[
    Room { name: "model", layer: 0, kind: Kind::Pure },
    Room { name: "sip", layer: 1, kind: Kind::Pure },
    Room { name: "rtp", layer: 1, kind: Kind::Pure },
    Room { name: "audio", layer: 1, kind: Kind::Pure },
    Room { name: "persona", layer: 1, kind: Kind::Pure },
    Room { name: "call", layer: 2, kind: Kind::Pure },
    Room { name: "story", layer: 2, kind: Kind::Pure },
    Room { name: "ports", layer: 2, kind: Kind::Seam },
    Room { name: "sim", layer: 3, kind: Kind::Pure },
    Room { name: "media", layer: 3, kind: Kind::Adapter },
    Room { name: "carriers", layer: 3, kind: Kind::Adapter },
    Room { name: "speech", layer: 3, kind: Kind::Adapter },
    Room { name: "store", layer: 3, kind: Kind::Adapter },
    Room { name: "engine", layer: 3, kind: Kind::Program },
    Room { name: "api", layer: 4, kind: Kind::Program },
    Room { name: "console", layer: 4, kind: Kind::Program },
    Room { name: "lyrebird", layer: 5, kind: Kind::Program },
    Room { name: "testkit", layer: 6, kind: Kind::Dev },
    Room { name: "xtask", layer: 6, kind: Kind::Dev },
];

/// The room of a crate name.
pub(crate) fn room(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

/// Checks every manifest under `crates/`.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.texts()
        .filter_map(|(path, text)| {
            let folder = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            Some(check_manifest(path, folder, text))
        })
        .flatten()
        .collect()
}

fn check_manifest(path: &str, folder: &str, text: &str) -> Vec<Finding> {
    let finding = |line, what: String, remedy: &str| Finding::new(path, line, "layers", what, remedy);
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(_) => return vec![finding(1, "is no TOML".to_owned(), "let cargo say where")],
    };
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    if name != Some(folder) {
        let what = format!("the folder `{folder}` holds the crate `{}`", name.unwrap_or_default());
        return vec![finding(1, what, "give the crate its folder's name")];
    }
    let Some(from) = room(folder) else {
        let what = format!("`{folder}` stands in no layer");
        return vec![finding(
            1,
            what,
            "add it to ROOMS in crates/xtask/src/tidy/layers.rs and to ARCHITECTURE.md",
        )];
    };
    let mut findings = Vec::new();
    for (dependency, for_tests) in dependencies(&manifest) {
        let Some(to) = room(&dependency) else { continue };
        if let Some(reason) = refusal(from, to, for_tests) {
            let line = text.lines().position(|line| names(line, &dependency)).map_or(1, |at| at + 1);
            let what = format!("`{folder}` depends on `{dependency}`, but {reason}");
            findings.push(finding(
                line,
                what,
                "turn the arrow round through a trait in `ports`, or move the code",
            ));
        }
    }
    findings
}

/// Why `from` may not depend on `to`; `None` when it may.
fn refusal(from: &Room, to: &Room, for_tests: bool) -> Option<String> {
    if from.kind == Kind::Dev {
        return (to.kind == Kind::Dev && from.name == "testkit")
            .then(|| "the chores build on the test kit, not the other way".to_owned());
    }
    if to.kind == Kind::Dev {
        return (!for_tests || to.name != "testkit").then(|| "what is shipped never needs it".to_owned());
    }
    // Use cases are tried over real adapters of their own height; nothing of that is shipped.
    let tried_over = for_tests && from.kind == Kind::Program && to.kind == Kind::Adapter;
    if to.layer > from.layer || (to.layer == from.layer && !tried_over) {
        return Some(format!("layer {} may not name layer {}", from.layer, to.layer));
    }
    (to.kind == Kind::Adapter && from.name != "lyrebird" && !for_tests)
        .then(|| "only the binary names a concrete adapter".to_owned())
}

/// Names of all dependencies and whether only tests use them, with `target.*` tables and renamed packages resolved.
fn dependencies(manifest: &Table) -> Vec<(String, bool)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values().filter_map(Value::as_table));
    let mut found = Vec::new();
    for tables in std::iter::once(manifest).chain(targets) {
        for (key, for_tests) in
            [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
        {
            for (name, value) in tables.get(key).and_then(Value::as_table).into_iter().flatten() {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(name);
                found.push((package.to_owned(), for_tests));
            }
        }
    }
    found
}

/// Whether a line of a manifest names the dependency: `sip = …`, `sip.workspace = …`, `[dependencies.sip]`, a rename.
fn names(line: &str, dependency: &str) -> bool {
    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').collect();
    words.first() == Some(&dependency)
        || ((line.starts_with('[') || line.contains("package")) && words.contains(&dependency))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(folder: &str, body: &str, expected: &[&str]) {
        let path = format!("crates/{folder}/Cargo.toml");
        let text = format!("[package]\nname = \"{folder}\"\n{body}\n");
        let found = super::check(&Tree::from_texts(&[(&path, &text)]));
        let found: Vec<String> = found.iter().map(|it| format!("{}: {}", it.line, it.what)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_arrow_to_a_lower_layer_is_allowed() {
        check_one("call", "[dependencies]\nmodel.workspace = true\nserde.workspace = true", &[]);
        check_one("media", "[dependencies]\nrtp.workspace = true\naudio = { path = '../audio' }", &[]);
        check_one("api", "[dependencies]\nengine.workspace = true", &[]);
        check_one("lyrebird", "[dependencies]\nstore.workspace = true\napi.workspace = true", &[]);
        check_one("testkit", "[dependencies]\nlyrebird.workspace = true", &[]);
        check_one("xtask", "[dependencies]\ntestkit.workspace = true", &[]);
    }

    #[test]
    fn an_arrow_up_or_sideways_is_refused_wherever_it_is_written() {
        let what = "4: `sip` depends on `call`, but layer 1 may not name layer 2";
        check_one("sip", "[dependencies]\ncall.workspace = true", &[what]);
        check_one(
            "sip",
            "[dependencies.call]\nworkspace = true",
            &["3: `sip` depends on `call`, but layer 1 may not name layer 2"],
        );
        check_one("sip", "[build-dependencies]\ncall = { path = '../call' }", &[what]);
        check_one("sip", "[target.'cfg(unix)'.dependencies]\ncall.workspace = true", &[what]);
        check_one("sip", "[dependencies]\nx = { package = 'call', path = '../call' }", &[what]);
        check_one("sip", "[dev-dependencies]\ncall.workspace = true", &[what]);
        check_one(
            "engine",
            "[dependencies]\nstore.workspace = true",
            &["4: `engine` depends on `store`, but layer 3 may not name layer 3"],
        );
    }

    #[test]
    fn only_the_binary_and_tests_name_adapters() {
        check_one(
            "api",
            "[dependencies]\nstore.workspace = true",
            &["4: `api` depends on `store`, but only the binary names a concrete adapter"],
        );
        check_one("api", "[dev-dependencies]\nstore.workspace = true", &[]);
        check_one("engine", "[dev-dependencies]\nstore.workspace = true", &[]);
        check_one(
            "carriers",
            "[dev-dependencies]\nstore.workspace = true",
            &["4: `carriers` depends on `store`, but layer 3 may not name layer 3"],
        );
    }

    #[test]
    fn test_peers_serve_tests_alone() {
        check_one("engine", "[dev-dependencies]\ntestkit.workspace = true", &[]);
        check_one(
            "engine",
            "[dependencies]\ntestkit.workspace = true",
            &["4: `engine` depends on `testkit`, but what is shipped never needs it"],
        );
        check_one(
            "engine",
            "[dev-dependencies]\nxtask.workspace = true",
            &["4: `engine` depends on `xtask`, but what is shipped never needs it"],
        );
        check_one(
            "testkit",
            "[dependencies]\nxtask.workspace = true",
            &["4: `testkit` depends on `xtask`, but the chores build on the test kit, not the other way"],
        );
    }

    #[test]
    fn a_crate_outside_the_table_is_refused() {
        check_one("util", "", &["1: `util` stands in no layer"]);
        let tree = Tree::from_texts(&[("crates/sip/Cargo.toml", "[package]\nname = \"sipp\"\n")]);
        let found = super::check(&tree);
        assert!(found.iter().any(|it| it.what == "the folder `sip` holds the crate `sipp`"), "{found:?}");
    }
}
