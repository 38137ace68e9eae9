//! Words that a room must not name: the invariants of the design that are said as absences.
//! One table of rules; what counts as naming is `source`'s business.

use super::finding::Finding;
use super::layers::{self, Kind, Room};
use super::source::{Mention, Source, Text};

/// One word that some rooms must not name.
struct Rule {
    /// What is forbidden.
    word: Word,
    /// Whether a room is under the rule.
    applies: fn(&Room) -> bool,
    /// Places under the rule that may name it all the same, as path prefixes.
    except: &'static [&'static str],
    /// How to do without.
    remedy: &'static str,
}

/// How a forbidden word is recognised.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// These segments, one after the other, anywhere in a path.
    Path(&'static str),
    /// A path of several segments that begins with this one: a crate.
    Crate(&'static str),
    /// A whole word inside an identifier or a string, whatever its case: `BirdDoor`, `bird_id`, `"bird"`, not `lyrebird`.
    Part(&'static str),
    /// A word inside a string, in exactly this spelling.
    Quoted(&'static str),
}

const fn rule(word: Word, applies: fn(&Room) -> bool, remedy: &'static str) -> Rule {
    Rule { word, applies, except: &[], remedy }
}

fn pure(room: &Room) -> bool {
    room.kind == Kind::Pure
}

fn signalling_free(room: &Room) -> bool {
    matches!(room.name, "call" | "engine")
}

fn not_store(room: &Room) -> bool {
    room.name != "store" && room.kind != Kind::Dev
}

fn below_doors(room: &Room) -> bool {
    room.layer < 4
}

fn not_speech_nor_binary(room: &Room) -> bool {
    !matches!(room.name, "speech" | "lyrebird") && room.kind != Kind::Dev
}

const TIME: &str = "take `model::Timestamp` as an argument";
const CHANCE: &str = "take random bytes or a seed as an argument";
const OUTSIDE: &str = "a pure room does no I/O: move it to a room of layer 3";
const SIGNALLING: &str = "say it in the words of `ports`; signalling belongs to `sip` and `carriers`";
const SQL: &str = "SQL belongs to `store`, behind a trait of `ports`";
const VENDOR: &str = "vendors' words belong to the doors in `api`";

const RULES: &[Rule] = &[
    rule(Word::Path("tokio"), pure, OUTSIDE),
    rule(Word::Path("UdpSocket"), pure, OUTSIDE),
    rule(Word::Path("TcpStream"), pure, OUTSIDE),
    rule(Word::Path("TcpListener"), pure, OUTSIDE),
    rule(Word::Path("ToSocketAddrs"), pure, OUTSIDE),
    rule(Word::Path("std::thread"), pure, OUTSIDE),
    rule(Word::Path("std::fs"), pure, OUTSIDE),
    rule(Word::Path("std::env"), pure, OUTSIDE),
    rule(Word::Path("std::process"), pure, OUTSIDE),
    rule(Word::Path("Instant::now"), pure, TIME),
    rule(Word::Path("SystemTime::now"), pure, TIME),
    rule(Word::Path("Timestamp::now"), pure, TIME),
    rule(Word::Path("Zoned::now"), pure, TIME),
    rule(Word::Crate("rand"), pure, CHANCE),
    rule(Word::Crate("fastrand"), pure, CHANCE),
    rule(Word::Path("getrandom"), pure, CHANCE),
    rule(Word::Path("RandomState"), pure, CHANCE),
    rule(Word::Path("Uuid::now_v7"), pure, CHANCE),
    rule(Word::Path("Uuid::new_v4"), pure, CHANCE),
    rule(Word::Crate("sip"), signalling_free, SIGNALLING),
    rule(Word::Part("invite"), signalling_free, SIGNALLING),
    rule(Word::Part("sdp"), signalling_free, SIGNALLING),
    rule(Word::Path("sqlx"), not_store, SQL),
    rule(Word::Quoted("SELECT "), not_store, SQL),
    rule(Word::Quoted("INSERT INTO "), not_store, SQL),
    rule(Word::Quoted("DELETE FROM "), not_store, SQL),
    rule(Word::Part("chirp"), below_doors, VENDOR),
    rule(Word::Part("bird"), below_doors, VENDOR),
    rule(Word::Part("kupe"), below_doors, VENDOR),
    rule(Word::Part("vcita"), below_doors, VENDOR),
    Rule {
        word: Word::Path("reqwest"),
        applies: not_speech_nor_binary,
        except: &["crates/engine/src/egress"],
        remedy: "customers' URLs are reached through `ports::Egress` alone",
    },
];

/// The carriers, each a module of `carriers` that names no other.
const CARRIERS: &[&str] = &["trunk", "sandbox", "webrtc", "livekit", "whatsapp"];

/// Checks what every shipped file of every room names.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let Some(inside) = source.path.strip_prefix("crates/") else { continue };
        let Some(room) = inside.split('/').next().and_then(layers::room) else { continue };
        for rule in RULES.iter().filter(|rule| (rule.applies)(room)) {
            if !rule.except.iter().any(|place| source.path.starts_with(place)) {
                findings.extend(breaches(source, room, rule));
            }
        }
        findings.extend(carriers_apart(source));
    }
    findings.sort();
    findings.dedup();
    findings
}

fn breaches(source: &Source, room: &Room, rule: &Rule) -> Vec<Finding> {
    let mentions = source.mentions.iter().filter(|mention| names(mention, rule.word)).map(|it| it.line);
    let texts = source.texts.iter().filter(|text| says(text, rule.word)).map(|it| it.line);
    let (Word::Path(word) | Word::Crate(word) | Word::Part(word) | Word::Quoted(word)) = rule.word;
    let what = format!("`{}` names `{}`", room.name, word.trim());
    mentions
        .chain(texts)
        .map(|line| Finding::new(&source.path, line, "words", what.as_str(), rule.remedy))
        .collect()
}

fn names(mention: &Mention, word: Word) -> bool {
    let segments = &mention.segments;
    match word {
        Word::Path(path) => {
            let wanted: Vec<&str> = path.split("::").collect();
            segments.windows(wanted.len()).any(|window| window.iter().eq(wanted.iter()))
        }
        Word::Crate(name) => segments.len() > 1 && segments.first().is_some_and(|first| first == name),
        Word::Part(part) => segments.iter().any(|segment| has_part(segment, part)),
        Word::Quoted(_) => false,
    }
}

fn says(text: &Text, word: Word) -> bool {
    match word {
        Word::Part(part) => has_part(&text.value, part),
        Word::Quoted(quoted) => text.value.contains(quoted),
        Word::Path(_) | Word::Crate(_) => false,
    }
}

/// Whether text holds the word whole: between letters of another case, digits, signs or the ends.
fn has_part(text: &str, part: &str) -> bool {
    let words = || text.split(|c: char| !c.is_ascii_alphabetic());
    words().any(|word| {
        word.eq_ignore_ascii_case(part) || camel_parts(word).any(|it| it.eq_ignore_ascii_case(part))
    })
}

/// `BirdDoor` is `Bird`, `Door`; `SDPOffer` is `SDP`, `Offer`; `vCitaDoor` is `vCita`, `Door`.
fn camel_parts(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let (part, left) = rest.split_at_checked(camel_end(rest)?)?;
        rest = left;
        Some(part)
    })
}

/// Length of the first camel-case part, `None` at the end. A single letter belongs to the part after it.
fn camel_end(word: &str) -> Option<usize> {
    let bytes = word.as_bytes();
    let upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    let lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
    let begins = |at: &usize| upper(*at) && (lower(at - 1) || upper(at - 1) && lower(at + 1));
    (!word.is_empty()).then(|| (2..word.len()).find(begins).unwrap_or(word.len()))
}

fn carriers_apart(source: &Source) -> Vec<Finding> {
    let Some(inside) = source.path.strip_prefix("crates/carriers/src/") else { return Vec::new() };
    let own = inside.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    if !CARRIERS.contains(&own) {
        return Vec::new();
    }
    let finding = |line, other: &str| {
        let what = format!("the carrier `{own}` names the carrier `{other}`");
        Finding::new(&source.path, line, "words", what, "share what both need in a module beside them")
    };
    let mut findings = Vec::new();
    for mention in &source.mentions {
        let mut below =
            mention.segments.iter().skip_while(|it| matches!(it.as_str(), "crate" | "super" | "carriers"));
        let starts_above =
            mention.segments.first().is_some_and(|it| matches!(it.as_str(), "crate" | "super"));
        if let (true, Some(first)) = (starts_above, below.next())
            && first != own
            && CARRIERS.contains(&first.as_str())
        {
            findings.push(finding(mention.line, first));
        }
    }
    findings
}

#[cfg(test)]
mod tests;
