//! Where what was expected and what happened differ, in words that name the place.

use serde_json::Value;

/// Most differences that are told.
const TOLD_MAX: usize = 20;

/// Where `got` is not as `expected`: an object may hold more than is expected of it; all else must be equal.
pub(crate) fn of_values(expected: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", expected, got, &mut found);
    found.truncate(TOLD_MAX);
    found
}

fn compare(path: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (name, expected) in expected {
                let path = format!("{path}/{name}");
                compare(&path, expected, got.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            if expected.len() != got.len() {
                found.push(format!("{path}: {} entries expected, {} there", expected.len(), got.len()));
            }
            for (at, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{path}/{at}"), expected, got, found);
            }
        }
        (expected, got) if expected == got => {}
        (expected, got) => found.push(format!("{path}: {expected} expected, {got} there")),
    }
}

/// A line that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What has to be the same.
    pub same: String,
    /// How it is shown.
    pub shown: String,
}

impl Line {
    /// A line that is compared as it is shown.
    pub(crate) fn plain(text: &str) -> Self {
        Self { same: text.to_owned(), shown: text.to_owned() }
    }
}

/// Two lists of lines as one; lines that only one of them has are marked `-` (expected) and `+` (there). None if there
/// are none.
pub(crate) fn of_lines(expected: &[Line], got: &[Line]) -> Option<Vec<String>> {
    let common = common_lengths(expected, got);
    let length = |a: usize, b: usize| common.get(a).and_then(|row| row.get(b)).copied().unwrap_or(0);
    let (mut a, mut b) = (0, 0);
    let mut lines = Vec::new();
    let mut differs = false;
    loop {
        match (expected.get(a), got.get(b)) {
            (None, None) => break,
            (Some(left), Some(right)) if left.same == right.same => {
                lines.push(format!("  {}", left.shown));
                (a, b) = (a + 1, b + 1);
                continue;
            }
            (Some(left), right) if right.is_none() || length(a + 1, b) >= length(a, b + 1) => {
                lines.push(format!("- {}", left.shown));
                a += 1;
            }
            (_, Some(right)) => {
                lines.push(format!("+ {}", right.shown));
                b += 1;
            }
            (Some(_), None) => break,
        }
        differs = true;
    }
    differs.then_some(lines)
}

/// For each pair of places how many lines the rests have in common, in order.
fn common_lengths(expected: &[Line], got: &[Line]) -> Vec<Vec<usize>> {
    let mut below = vec![0; got.len() + 1];
    let mut rows = vec![below.clone()];
    for left in expected.iter().rev() {
        let mut row = vec![0; got.len() + 1];
        for (at, right) in got.iter().enumerate().rev() {
            let next = if left.same == right.same {
                below.get(at + 1).copied().unwrap_or(0) + 1
            } else {
                below.get(at).copied().unwrap_or(0).max(row.get(at + 1).copied().unwrap_or(0))
            };
            if let Some(place) = row.get_mut(at) {
                *place = next;
            }
        }
        below.clone_from(&row);
        rows.push(row);
    }
    rows.reverse();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_may_hold_more_than_is_expected() {
        let got = json!({"outcome": {"status": "completed", "duration": 3}, "events": [1, 2]});
        assert!(of_values(&json!({"outcome": {"status": "completed"}}), &got).is_empty());
        assert_eq!(
            of_values(&json!({"outcome": {"status": "failed"}, "events": [1, 3, 4]}), &got),
            [
                "/events: 3 entries expected, 2 there",
                "/events/1: 3 expected, 2 there",
                "/outcome/status: \"failed\" expected, \"completed\" there",
            ]
        );
    }

    fn check(expected: &str, got: &str, shown: Option<&str>) {
        let lines = |text: &str| text.split_whitespace().map(Line::plain).collect::<Vec<_>>();
        let told = of_lines(&lines(expected), &lines(got)).map(|lines| lines.join("|"));
        assert_eq!(told.as_deref(), shown, "{expected} / {got}");
    }

    #[test]
    fn lines_that_differ_are_marked() {
        check("a b c", "a b c", None);
        check("a b c", "a x c", Some("  a|- b|+ x|  c"));
        check("a b", "a b c", Some("  a|  b|+ c"));
        check("a b c", "c", Some("- a|- b|  c"));
        check("", "a", Some("+ a"));
        check("a", "", Some("- a"));
    }
}
