//! Every link of a Markdown page to a file of this repository leads somewhere.
//! Links to the net are not followed; headings inside a page are not looked up.

use super::finding::Finding;
use super::tree::Tree;

/// Checks every Markdown page.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with(".md")) {
        for (line, target) in targets(text) {
            let found = resolve(path, target).is_some_and(|place| tree.has(&place));
            if !found {
                let what = format!("the link to `{target}` leads nowhere");
                findings.push(Finding::new(path, line, "links", what, "mend the path or remove the link"));
            }
        }
    }
    findings
}

/// Targets of links that mean files, with their lines; code is no link.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (at, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => found.extend(targets_of_line(line).into_iter().map(|target| (at + 1, target))),
        }
    }
    found
}

fn targets_of_line(line: &str) -> Vec<&str> {
    let inline = line
        .match_indices("](")
        .filter(|(at, _)| !inside_code(line, *at))
        .filter_map(|(at, mark)| line.get(at + mark.len()..)?.split_once(')').map(|(target, _)| target));
    let defined = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"))
        .filter(|(name, _)| !name.starts_with('^'))
        .map(|(_, target)| target);
    inline.chain(defined).filter_map(file_of_target).collect()
}

/// Whether a place of a line lies between back-ticks.
fn inside_code(line: &str, at: usize) -> bool {
    line.get(..at).is_some_and(|before| before.matches('`').count() % 2 == 1)
}

/// The file of a link target: without title, angle brackets and heading; `None` when it leads to the net or stays on
/// the page.
fn file_of_target(target: &str) -> Option<&str> {
    let target = target.trim();
    let target = match target.strip_prefix('<') {
        Some(rest) => rest.split('>').next()?,
        None => target.split_whitespace().next()?,
    };
    let file = target.split(['#', '?']).next()?;
    let scheme =
        file.split_once(':').is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
    (!file.is_empty() && !scheme && !file.starts_with("//")).then_some(file)
}

/// The path from the root that a link on a page means; `None` when it climbs out of the repository.
fn resolve(page: &str, target: &str) -> Option<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (start, target) = match target.strip_prefix('/') {
        Some(rest) => ("", rest),
        None => (folder, target),
    };
    let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_page(text: &str, expected: &[&str]) {
        let tree =
            Tree::from_texts(&[("docs/page.md", text), ("docs/other.md", ""), ("crates/x/src/lib.rs", "")]);
        let found = super::check(&tree);
        let found: Vec<String> = found.iter().map(|it| format!("{}: {}", it.line, it.what)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn links_to_files_and_folders_of_the_tree_are_good() {
        check_page("[a](other.md) [b](../crates/x) [c](/crates/x/src/lib.rs) [d](../)", &[]);
        check_page(
            "[a](other.md#part) [b](<other.md> \"title\") [c](./other.md 'title') ![d](other.md)",
            &[],
        );
        check_page("[a]: other.md\n[^1]: a note", &[]);
    }

    #[test]
    fn links_to_the_net_and_within_the_page_are_not_followed() {
        check_page("[a](https://x.example/y) [b](mailto:a@b.example) [c](#part) [d](//x.example)", &[]);
    }

    #[test]
    fn code_holds_no_links() {
        check_page("```\n[a](gone.md)\n```\n`[b](gone.md)`\n~~~\n```\n[c](gone.md)\n~~~", &[]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found_with_their_line() {
        check_page("\n[a](gone.md)", &["2: the link to `gone.md` leads nowhere"]);
        check_page("[a](other)", &["1: the link to `other` leads nowhere"]);
        check_page("[a](../../out.md)", &["1: the link to `../../out.md` leads nowhere"]);
        check_page("[a]: gone.md", &["1: the link to `gone.md` leads nowhere"]);
        check_page("`x` [a](gone.md) `y`", &["1: the link to `gone.md` leads nowhere"]);
    }
}
