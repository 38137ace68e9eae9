//! A Rust file as the rules see it: the paths and string literals that its shipped code names, and its functions.
//! Comments and documentation name nothing; code that only tests compile is left out of the names.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::finding::Finding;
use super::tree::Tree;

/// A path (`std::net::UdpSocket`) or a single identifier, where code names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mention {
    /// Line, counted from 1.
    pub(crate) line: usize,
    /// Segments, at least one; those of a grouped `use` are joined with their prefix.
    pub(crate) segments: Vec<String>,
}

/// A string literal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text {
    /// Line it starts on, counted from 1.
    pub(crate) line: usize,
    /// Its value, escapes resolved.
    pub(crate) value: String,
}

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// Line of `fn`, counted from 1.
    pub(crate) line: usize,
    /// Its name.
    pub(crate) name: String,
    /// From `fn` to the closing brace.
    pub(crate) lines: usize,
}

/// One parsed file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Path from the root of the repository.
    pub(crate) path: String,
    /// What shipped code names, in order of lines.
    pub(crate) mentions: BTreeSet<Mention>,
    /// String literals of shipped code.
    pub(crate) texts: BTreeSet<Text>,
    /// All functions, those of tests too.
    pub(crate) functions: Vec<Function>,
    /// Why the file could not be parsed, and on which line.
    pub(crate) error: Option<(usize, String)>,
    /// Path prefixes of files that `#[cfg(test)] mod name;` declares.
    test_modules: Vec<String>,
}

/// Parses every Rust file of the tree, in the order of paths.
pub(crate) fn parse_all(tree: &Tree) -> Vec<Source> {
    let mut sources: Vec<Source> = tree
        .texts()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| Source::parse(path, text))
        .collect();
    let test_modules: BTreeSet<String> =
        sources.iter_mut().flat_map(|source| std::mem::take(&mut source.test_modules)).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs");
        let declared = test_modules.iter().any(|module| {
            stem.strip_prefix(module.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if declared || is_for_tests(&source.path) {
            source.mentions.clear();
            source.texts.clear();
        }
    }
    sources
}

/// A finding for each file that is not Rust.
pub(crate) fn unreadable(sources: &[Source]) -> impl Iterator<Item = Finding> {
    sources.iter().filter_map(|source| {
        let (line, error) = source.error.as_ref()?;
        Some(Finding::new(&source.path, *line, "syntax", error.as_str(), "let the compiler say more"))
    })
}

/// Whether Cargo's own layout makes a file a test.
fn is_for_tests(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

impl Source {
    fn parse(path: &str, text: &str) -> Self {
        let mut source = Self { path: path.to_owned(), ..Self::default() };
        let file = match syn::parse_file(text) {
            Ok(file) => file,
            Err(error) => {
                source.error = Some((error.span().start().line.max(1), error.to_string()));
                return source;
            }
        };
        let mut walk = Walk { source: &mut source, folder: module_folder(path), tests: Vec::new() };
        walk.visit_file(&file);
        let tests = walk.tests;
        if let Ok(tokens) = text.parse() {
            collect(tokens, &mut source);
        }
        let shipped = |line: usize| !tests.iter().any(|test| test.contains(&line));
        source.mentions.retain(|mention| shipped(mention.line));
        source.texts.retain(|text| shipped(text.line));
        source
    }
}

/// The folder in which the modules a file declares lie.
fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    }
}

/// Finds functions, `use` trees and the line ranges that only tests compile.
struct Walk<'a> {
    source: &'a mut Source,
    folder: String,
    tests: Vec<RangeInclusive<usize>>,
}

impl Walk<'_> {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let lines = block.span().end().line + 1 - line;
        self.source.functions.push(Function { line, name: signature.ident.to_string(), lines });
    }

    fn names_of_use(&mut self, tree: &syn::UseTree, prefix: &[String]) {
        let joined = |ident: &syn::Ident| [prefix, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.names_of_use(&path.tree, &joined(&path.ident)),
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.names_of_use(item, prefix);
                }
            }
            syn::UseTree::Name(name) => self.mention(&name.ident, joined(&name.ident)),
            syn::UseTree::Rename(rename) => self.mention(&rename.ident, joined(&rename.ident)),
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans.first().map_or(1, |span| span.start().line);
                self.source.mentions.insert(Mention { line, segments: prefix.to_vec() });
            }
        }
    }

    fn mention(&mut self, ident: &syn::Ident, segments: Vec<String>) {
        self.source.mentions.insert(Mention { line: ident.span().start().line, segments });
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item(&mut self, item: &'ast syn::Item) {
        if attributes(item).iter().any(only_in_tests) {
            let span = item.span();
            self.tests.push(span.start().line..=span.end().line);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes: &[syn::Attribute] = match item {
            syn::ImplItem::Fn(function) => &function.attrs,
            syn::ImplItem::Const(constant) => &constant.attrs,
            _ => &[],
        };
        if attributes.iter().any(only_in_tests) {
            let span = item.span();
            self.tests.push(span.start().line..=span.end().line);
        }
        visit::visit_impl_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.content.is_none() && module.attrs.iter().any(only_in_tests) {
            self.source.test_modules.push(format!("{}/{}", self.folder, module.ident));
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.names_of_use(&item.tree, &[]);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.function(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(it) => &it.attrs,
        syn::Item::Enum(it) => &it.attrs,
        syn::Item::Fn(it) => &it.attrs,
        syn::Item::Impl(it) => &it.attrs,
        syn::Item::Macro(it) => &it.attrs,
        syn::Item::Mod(it) => &it.attrs,
        syn::Item::Static(it) => &it.attrs,
        syn::Item::Struct(it) => &it.attrs,
        syn::Item::Trait(it) => &it.attrs,
        syn::Item::Type(it) => &it.attrs,
        syn::Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

/// Whether an attribute keeps code out of what is shipped: `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(any(test, …))]`.
fn only_in_tests(attribute: &syn::Attribute) -> bool {
    if attribute.path().segments.last().is_some_and(|segment| segment.ident == "test") {
        return true;
    }
    let syn::Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && names_test(list.tokens.clone())
}

/// Whether a `cfg` condition names `test` outside of `not(…)`.
fn names_test(condition: TokenStream) -> bool {
    let mut negated = false;
    condition.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            negated = ident == "not";
            ident == "test"
        }
        TokenTree::Group(group) => !std::mem::take(&mut negated) && names_test(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Gathers paths and string literals from tokens, inside macros too; attributes that are documentation name nothing.
fn collect(tokens: TokenStream, source: &mut Source) {
    let mut path: Vec<String> = Vec::new();
    let mut path_line = 1;
    let mut colons = 0;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    flush(&mut path, path_line, source);
                }
                path_line = ident.span().start().line;
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => {
                let continues = colons == 1 || punct.spacing() == Spacing::Joint;
                colons = if continues { colons + 1 } else { 0 };
            }
            other => {
                flush(&mut path, path_line, source);
                colons = 0;
                match other {
                    TokenTree::Punct(punct) if punct.as_char() == '#' => {
                        tokens.next_if(
                            |next| matches!(next, TokenTree::Punct(punct) if punct.as_char() == '!'),
                        );
                        tokens.next_if(is_documentation);
                    }
                    TokenTree::Group(group) => collect(group.stream(), source),
                    TokenTree::Literal(literal) => string(&literal, source),
                    TokenTree::Punct(_) | TokenTree::Ident(_) => {}
                }
            }
        }
    }
    flush(&mut path, path_line, source);
}

fn flush(path: &mut Vec<String>, line: usize, source: &mut Source) {
    if !path.is_empty() {
        source.mentions.insert(Mention { line, segments: std::mem::take(path) });
    }
}

/// Whether a token tree is the `[doc = …]` of an attribute.
fn is_documentation(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    group.delimiter() == Delimiter::Bracket
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc")
}

fn string(literal: &proc_macro2::Literal, source: &mut Source) {
    let line = literal.span().start().line;
    let value = match syn::Lit::new(literal.clone()) {
        syn::Lit::Str(text) => text.value(),
        syn::Lit::ByteStr(bytes) => String::from_utf8_lossy(&bytes.value()).into_owned(),
        _ => return,
    };
    source.texts.insert(Text { line, value });
}

#[cfg(test)]
mod tests;
