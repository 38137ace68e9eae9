//! What PocketSphinx is told of words: which of the expected ones its dictionary has, and the grammars made of them.

use std::collections::BTreeSet;
use std::fmt::Write;

/// The phones of the model (CMUdict's set without stress).
const PHONES: [&str; 39] = [
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY",
    "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y",
    "Z", "ZH",
];
/// Words of which several are said in a row: numbers are spelled out.
const DIGITS: [&str; 11] =
    ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// A grammar and the pronunciations of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lexicon {
    /// JSGF.
    pub(crate) grammar: String,
    /// CMUdict lines.
    pub(crate) dictionary: String,
}

impl Lexicon {
    /// One of the expected phrases, or any number of them where all are digits. None if the dictionary has not all
    /// words of any of them.
    pub(crate) fn of_hints(hints: &[String], dictionary: &str) -> Option<Self> {
        let phrases: BTreeSet<Vec<String>> = hints.iter().map(|hint| words(hint)).collect();
        let wanted: BTreeSet<&str> = phrases.iter().flatten().map(String::as_str).collect();
        let mut lines = String::new();
        let mut known = BTreeSet::new();
        for line in dictionary.lines() {
            let Some((spelling, _)) = line.split_once(' ') else { continue };
            let word = without_number(spelling);
            if wanted.contains(word) {
                known.insert(word);
                let _ = writeln!(lines, "{line}");
            }
        }
        let all_known = |phrase: &&Vec<String>| {
            !phrase.is_empty() && phrase.iter().all(|word| known.contains(word.as_str()))
        };
        let phrases: Vec<&Vec<String>> = phrases.iter().filter(all_known).collect();
        if phrases.is_empty() {
            return None;
        }
        let digits = phrases.iter().all(|phrase| phrase.iter().all(|word| DIGITS.contains(&word.as_str())));
        let any = phrases.iter().map(|phrase| phrase.join(" ")).collect::<Vec<_>>().join(" | ");
        let repeated = if digits { "+" } else { "" };
        let grammar = format!("#JSGF V1.0;\ngrammar hints;\npublic <said> = ( {any} ){repeated};\n");
        Some(Self { grammar, dictionary: lines })
    }

    /// Any sounds of speech at all: what the sound would score if nothing were expected.
    pub(crate) fn of_phones() -> Self {
        let names: Vec<String> = PHONES.iter().map(|phone| format!("p{phone}")).collect();
        let mut dictionary = String::new();
        for phone in PHONES {
            let _ = writeln!(dictionary, "p{phone} {phone}");
        }
        let any = names.join(" | ");
        let grammar = format!("#JSGF V1.0;\ngrammar phones;\npublic <said> = ( {any} )+;\n");
        Self { grammar, dictionary }
    }
}

/// The words of an expected phrase as the dictionary spells them.
fn words(phrase: &str) -> Vec<String> {
    let lower = phrase.to_lowercase();
    let parts =
        lower.split(|c: char| !(c.is_ascii_alphabetic() || c == '\'')).filter(|word| !word.is_empty());
    parts.map(str::to_owned).collect()
}

/// `record(2)` is another pronunciation of `record`.
pub(crate) fn without_number(spelling: &str) -> &str {
    spelling.split_once('(').map_or(spelling, |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DICTIONARY: &str = "'cause K AH Z\nno N OW\none W AH N\none(2) HH W AH N\ntwo T UW\nyes Y EH S\n";

    #[track_caller]
    fn check(hints: &[&str], wanted: Option<(&str, &str)>) {
        let hints: Vec<String> = hints.iter().map(|hint| (*hint).to_owned()).collect();
        let lexicon = Lexicon::of_hints(&hints, DICTIONARY);
        let rule = lexicon.as_ref().map(|lexicon| {
            let rule = lexicon.grammar.split_once("<said> = ").unwrap().1.trim_end_matches(";\n");
            (rule, lexicon.dictionary.as_str())
        });
        assert_eq!(rule, wanted);
    }

    #[test]
    fn a_grammar_has_the_phrases_whose_words_are_known() {
        check(&["Yes", "no!", "nö"], Some(("( no | yes )", "no N OW\nyes Y EH S\n")));
        check(&["yes no", "yes maybe"], Some(("( yes no )", "no N OW\nyes Y EH S\n")));
        check(&["one", "two"], Some(("( one | two )+", "one W AH N\none(2) HH W AH N\ntwo T UW\n")));
        check(&["maybe", "", "42"], None);
        check(&["yes); <evil> = ( no"], None);
        check(&[], None);
    }
}
