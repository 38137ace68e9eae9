//! The listed exceptions (`crates/xtask/tidy.toml`): each silences one rule in one file, with its reason.
//! One that silences nothing any more is a finding itself, so the list only shrinks.

use serde::Deserialize;

use super::finding::Finding;
use super::tree::Tree;

const LIST: &str = "crates/xtask/tidy.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    path: String,
    rule: String,
    reason: String,
}

/// Removes the findings that an exception covers and adds one for each exception without use or reason.
pub(crate) fn apply(tree: &Tree, findings: Vec<Finding>) -> Vec<Finding> {
    let Some(text) = tree.text(LIST) else { return findings };
    let list: List = match toml::from_str(text) {
        Ok(list) => list,
        Err(error) => {
            let remedy = "write [[exception]] tables of path, rule and reason";
            let what = format!("cannot be read: {}", error.message());
            return findings
                .into_iter()
                .chain([Finding::new(LIST, line_at(text, error.span()), "exceptions", what, remedy)])
                .collect();
        }
    };
    let mut kept = findings;
    let mut own = Vec::new();
    for exception in &list.exception {
        let line = text.lines().position(|line| line.contains(&exception.path)).map_or(1, |at| at + 1);
        let before = kept.len();
        kept.retain(|finding| finding.path != exception.path || finding.rule != exception.rule);
        if kept.len() == before {
            let what = format!("`{}` needs no exception from `{}`", exception.path, exception.rule);
            own.push(Finding::new(LIST, line, "exceptions", what, "remove it from the list"));
        }
        if exception.reason.trim().is_empty() {
            let what = format!("the exception for `{}` gives no reason", exception.path);
            own.push(Finding::new(LIST, line, "exceptions", what, "say why the rule cannot hold there"));
        }
    }
    kept.extend(own);
    kept
}

fn line_at(text: &str, span: Option<std::ops::Range<usize>>) -> usize {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or("");
    before.matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, expected: &[&str]) {
        let tree = Tree::from_texts(&[(LIST, list)]);
        let found = vec![
            Finding::new("a.rs", 7, "file-lines", "long", "split"),
            Finding::new("a.rs", 1, "head", "no head", "write one"),
        ];
        let left: Vec<String> = apply(&tree, found).iter().map(ToString::to_string).collect();
        assert_eq!(left, expected, "{list}");
    }

    #[test]
    fn an_exception_silences_its_rule_in_its_file_and_must_be_needed_and_reasoned() {
        let long = "a.rs:7: file-lines: long: split";
        let head = "a.rs:1: head: no head: write one";
        check("", &[long, head]);
        check("[[exception]]\npath = 'a.rs'\nrule = 'file-lines'\nreason = 'one table'\n", &[head]);
        check(
            "[[exception]]\nrule = 'file-lines'\npath = 'b.rs'\nreason = 'one table'\n",
            &[
                long,
                head,
                "crates/xtask/tidy.toml:3: exceptions: `b.rs` needs no exception from `file-lines`: remove it from the list",
            ],
        );
        check(
            "[[exception]]\npath = 'a.rs'\nrule = 'head'\nreason = ' '\n",
            &[
                long,
                "crates/xtask/tidy.toml:2: exceptions: the exception for `a.rs` gives no reason: say why the rule cannot hold there",
            ],
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_is_a_finding_and_silences_nothing() {
        let tree = Tree::from_texts(&[(LIST, "\n[[exception]]\npath = 1\n")]);
        let found = apply(&tree, vec![Finding::new("a.rs", 1, "head", "no head", "write one")]);
        assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["head", "exceptions"]);
        assert_eq!(found.get(1).map(|finding| finding.line), Some(3));
    }
}
