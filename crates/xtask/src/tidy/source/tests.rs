//! What a file names, and what its tests, comments and documentation do not name.

use super::*;

fn parsed(text: &str) -> Source {
    let tree = Tree::from_texts(&[("crates/x/src/lib.rs", text)]);
    parse_all(&tree).remove(0)
}

fn check(text: &str, path: &str, line: usize) {
    let source = parsed(text);
    let found = source.mentions.iter().any(|it| it.segments.join("::") == path && it.line == line);
    assert!(found, "{path} on line {line} of {text:?}: {:?}, {:?}", source.mentions, source.error);
}

fn check_silent(text: &str, segment: &str) {
    let source = parsed(text);
    assert_eq!(source.error, None, "{text:?}");
    assert!(!source.mentions.iter().any(|it| it.segments.contains(&segment.to_owned())), "{text:?}");
}

#[test]
fn paths_are_joined_wherever_code_names_them() {
    check("fn f() { std::thread::sleep(d) }", "std::thread::sleep", 1);
    check("fn f(a: b::C) {}", "b::C", 1);
    check("fn f() {\n  x!(a => y::z,\n w::v)\n}", "w::v", 3);
    check("fn f() { <T as a::B>::c() }", "a::B", 1);
    check("fn f() { let x: u8 = y; }", "x", 1);
    check("fn f() { ::a::b() }", "a::b", 1);
}

#[test]
fn a_grouped_use_names_every_leaf_with_its_prefix() {
    let text = "use std::{\n  fs,\n  net::{IpAddr, UdpSocket as Socket},\n  io::*,\n};";
    check(text, "std::fs", 2);
    check(text, "std::net::IpAddr", 3);
    check(text, "std::net::UdpSocket", 3);
    check(text, "std::io", 4);
}

#[test]
fn comments_documentation_and_tests_name_nothing() {
    check_silent("//! word\n// word\n/// word::x\nfn f() {} /* word */", "word");
    check_silent("#![doc = \"word\"]\n#[doc = \"word\"]\nfn f() {}", "word");
    check_silent("#[cfg(test)]\nmod tests { use word::x; }", "word");
    check_silent("#[cfg(all(test, unix))]\nfn word() {}", "word");
    check_silent("#[tokio::test]\nasync fn f() { word() }", "word");
    check_silent("impl A { #[cfg(test)]\nfn f() { word() } }", "word");
    check("#[cfg(not(test))]\nfn word() {}", "word", 2);
}

#[test]
fn files_of_tests_name_nothing() {
    let files = [
        ("crates/x/src/lib.rs", "#[cfg(test)]\nmod scripts;\nmod real;"),
        ("crates/x/src/scripts.rs", "fn word() {}"),
        ("crates/x/src/scripts/deep.rs", "fn word() {}"),
        ("crates/x/src/real.rs", "#[cfg(test)]\nmod inner;"),
        ("crates/x/src/real/inner.rs", "fn word() {}"),
        ("crates/x/src/scripts_not.rs", "fn shipped() {}"),
        ("crates/x/src/tests.rs", "fn word() {}"),
        ("crates/x/tests/peer_sipp.rs", "fn word() {}"),
    ];
    let named: Vec<String> = parse_all(&Tree::from_texts(&files))
        .iter()
        .flat_map(|source| source.mentions.iter().flat_map(|it| it.segments.clone()))
        .filter(|word| word == "word" || word == "shipped")
        .collect();
    assert_eq!(named, ["shipped"]);
}

#[test]
fn strings_are_known_by_value_and_line() {
    let source = parsed(
        "const A: &str =\n  \"a\\x42\";\nconst B: &[u8] = br#\"c\"#;\nconst C: char = 'x';\n/// \"d\"\nfn f() {}",
    );
    let texts: Vec<_> = source.texts.iter().map(|it| (it.line, it.value.as_str())).collect();
    assert_eq!(texts, [(2, "aB"), (3, "c")]);
}

#[test]
fn functions_are_measured_from_fn_to_closing_brace() {
    let text = "/// Doc.\n#[inline]\npub fn a() {\n  \"}\";\n}\nimpl X {\n  fn b() {}\n}\ntrait Y { fn c();\n fn d() {\n } }\n#[cfg(test)]\nmod t { fn e(\n) {\n} }";
    let functions: Vec<_> =
        parsed(text).functions.into_iter().map(|it| (it.name, it.line, it.lines)).collect();
    let expected = [("a", 3, 3), ("b", 7, 1), ("d", 10, 2), ("e", 13, 3)];
    assert_eq!(functions, expected.map(|(name, line, lines)| (name.to_owned(), line, lines)));
}

#[test]
fn a_file_that_is_not_rust_is_a_finding() {
    let source = parsed("fn f() {\n  let = ;\n}");
    let found: Vec<Finding> = unreadable(std::slice::from_ref(&source)).collect();
    assert_eq!(found.iter().map(|it| (it.line, it.rule)).collect::<Vec<_>>(), [(2, "syntax")]);
}
