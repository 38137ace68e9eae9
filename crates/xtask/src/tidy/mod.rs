//! `cargo xtask tidy`: the project's rules of shape, as a program.
//! Reads the tree once; every rule is a function from the tree to findings and touches no file.

mod exceptions;
mod finding;
mod layers;
mod links;
mod machine;
mod sizes;
mod source;
mod tree;
mod words;

use std::process::ExitCode;

use finding::Finding;
use tree::Tree;

use crate::{complain, say};

/// Checks the work tree around this crate and prints one line a finding.
pub(crate) fn run() -> ExitCode {
    let tree = match Tree::of_work_tree() {
        Ok(tree) => tree,
        Err(error) => {
            complain(&format!("tidy: {error}"));
            return ExitCode::from(2);
        }
    };
    let findings = check(&tree);
    for finding in &findings {
        say(&format!("{finding}\n"));
    }
    if findings.is_empty() {
        say(&format!("tidy: {} files, nothing to say\n", tree.len()));
        return ExitCode::SUCCESS;
    }
    complain(&format!("tidy: {} findings", findings.len()));
    ExitCode::FAILURE
}

/// Every finding of every rule, less the listed exceptions, in the order of paths and lines.
fn check(tree: &Tree) -> Vec<Finding> {
    let sources = source::parse_all(tree);
    let mut findings = layers::check(tree);
    findings.extend(source::unreadable(&sources));
    findings.extend(words::check(&sources));
    findings.extend(sizes::check(tree, &sources));
    findings.extend(machine::check(tree));
    findings.extend(links::check(tree));
    let mut findings = exceptions::apply(tree, findings);
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_keeps_the_rules_has_no_finding() {
        let tree = Tree::from_texts(&[
            ("crates/model/Cargo.toml", "[package]\nname = \"model\"\n"),
            ("crates/model/src/lib.rs", "//! Nouns.\npub fn id() -> u8 { 1 }\n"),
            ("README.md", "[code](crates/model/src/lib.rs)\n"),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn findings_of_all_rules_come_sorted_by_place() {
        let tree = Tree::from_texts(&[
            (
                "crates/model/Cargo.toml",
                "[package]\nname = \"model\"\n[dependencies]\ncall.workspace = true\n",
            ),
            ("crates/call/Cargo.toml", "[package]\nname = \"call\"\n"),
            ("crates/call/src/lib.rs", "use tokio::time;\n"),
            ("README.md", "[gone](gone.md)\n"),
        ]);
        let rules: Vec<_> = check(&tree).into_iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, ["links", "head", "words", "layers"]);
    }

    #[test]
    fn this_project_is_tidy_in_its_own_chores() {
        let tree = Tree::of_work_tree().expect("the tests run inside the work tree");
        let own: Vec<_> =
            check(&tree).into_iter().filter(|finding| finding.path.starts_with("crates/xtask/")).collect();
        assert_eq!(own, []);
    }
}
