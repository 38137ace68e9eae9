//! Every Rust file opens with its head, and neither a file nor a function outgrows a reader.

use super::finding::Finding;
use super::source::Source;
use super::tree::Tree;

/// Lines a file may have.
const FILE_LINES_MAX: usize = 600;
/// Lines a function may have, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Checks heads and sizes of all Rust files.
pub(crate) fn check(tree: &Tree, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let text = tree.text(&source.path).unwrap_or_default();
        findings.extend(head(&source.path, text));
        findings.extend(file(&source.path, text));
        findings.extend(functions(source));
    }
    findings
}

fn head(path: &str, text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    let headed = first.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty());
    let remedy = "begin with `//! …`: what this file is for and what it must not know";
    (!headed).then(|| Finding::new(path, 1, "head", "the file has no head", remedy))
}

fn file(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let what = format!("{lines} lines, at most {FILE_LINES_MAX}");
    (lines > FILE_LINES_MAX)
        .then(|| Finding::new(path, FILE_LINES_MAX + 1, "file-lines", what, "split it by noun or verb"))
}

fn functions(source: &Source) -> impl Iterator<Item = Finding> {
    source.functions.iter().filter(|function| function.lines > FUNCTION_LINES_MAX).map(|function| {
        let what = format!("`{}` has {} lines, at most {FUNCTION_LINES_MAX}", function.name, function.lines);
        Finding::new(&source.path, function.line, "function-lines", what, "give its steps names of their own")
    })
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn check_text(text: &str, expected: &[(usize, &str)]) {
        let tree = Tree::from_texts(&[("crates/x/src/lib.rs", text)]);
        let found = check(&tree, &source::parse_all(&tree));
        assert_eq!(found.iter().map(|it| (it.line, it.rule)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_file_must_begin_with_a_head_that_says_something() {
        check_text("//! Nouns.\n", &[]);
        for text in ["", "// Nouns.\n", "\n//! Nouns.\n", "//!\n", "/// Nouns.\nfn f() {}\n"] {
            check_text(text, &[(1, "head")]);
        }
    }

    #[test]
    fn six_hundred_lines_are_a_file_and_one_more_is_two_files() {
        let lines = |count: usize| format!("//! Head.\n{}", "\n".repeat(count - 1));
        check_text(&lines(600), &[]);
        check_text(&lines(601), &[(601, "file-lines")]);
    }

    #[test]
    fn seventy_lines_are_a_function_and_one_more_is_two_functions() {
        let function = |lines: usize| format!("//! Head.\nfn f() {{{}}}\n", "\n".repeat(lines - 1));
        check_text(&function(70), &[]);
        check_text(&function(71), &[(2, "function-lines")]);
    }
}
