//! espeak-ng: some hundred languages. A subprocess and not a library, for its licence.

use crate::program::{Program, Runner};
use ports::TtsError;
use std::path::PathBuf;
use tokio::sync::OnceCell;

/// Longest locale in characters (RFC 5646 §4.4.1 asks for 35).
const LOCALE_CHARS_MAX: usize = 35;

/// Behind a voice's file: the same voice as a woman's.
pub(crate) const FEMALE_VARIANT: &str = "+f2";
/// The same as a man's.
pub(crate) const MALE_VARIANT: &str = "+m3";

/// A voice as `espeak-ng --voices` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voice {
    priority: u8,
    language: String,
    name: String,
    /// The voice's file: the one spelling that is unique.
    pub(crate) file: String,
    /// Further languages with their own priorities.
    others: Vec<(String, u8)>,
}

/// The engine and its voices, asked for once.
#[derive(Debug)]
pub(crate) struct Espeak {
    program: Program,
    voices: OnceCell<Vec<Voice>>,
}

impl Espeak {
    pub(crate) fn new(path: PathBuf) -> Self {
        let program = Program { engine: "espeak-ng", path, remedy: "apt-get install espeak-ng" };
        Self { program, voices: OnceCell::new() }
    }

    /// What is installed; an absence is not remembered, so that installing it needs no restart.
    pub(crate) async fn voices(&self, runner: &Runner) -> Result<&[Voice], TtsError> {
        let ask = || async { Ok(read_voices(&runner.print(&self.program, &["--voices"]).await?)) };
        self.voices.get_or_try_init(ask).await.map(Vec::as_slice)
    }

    pub(crate) fn remedy(&self) -> &'static str {
        self.program.remedy
    }

    /// Speaks; `voice` is the file of one of [`Self::voices`].
    pub(crate) async fn speak(&self, runner: &Runner, voice: &str, text: &str) -> Result<Vec<u8>, TtsError> {
        runner.speak(&self.program, &["-b", "1", "-v", voice], ("-f", "-w"), text).await
    }
}

/// The voice of this name: its listed name, its file with or without folder, or its language.
pub(crate) fn named<'v>(voices: &'v [Voice], name: &str) -> Option<&'v Voice> {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    voices.iter().find(|voice| {
        let short = voice.file.rsplit('/').next().unwrap_or_default();
        same(&voice.name) || same(&voice.file) || same(short) || same(&voice.language)
    })
}

/// The voice for a locale such as `de-AT`: of exactly this language, else with fewer subtags, else of any region.
pub(crate) fn for_locale<'v>(voices: &'v [Voice], locale: &str) -> Option<&'v Voice> {
    let locale = locale.to_ascii_lowercase().replace('_', "-");
    let well = locale.len() <= LOCALE_CHARS_MAX
        && locale.split('-').all(|tag| !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !well {
        return None;
    }
    let mut wanted = widened(&locale);
    loop {
        if let Some(voice) = of_language(voices, wanted) {
            return Some(voice);
        }
        match wanted.rsplit_once('-') {
            Some((fewer, _)) => wanted = fewer,
            None => break,
        }
    }
    let region = format!("{wanted}-");
    voices.iter().filter(|voice| voice.language.starts_with(&region)).min_by_key(|voice| voice.priority)
}

/// Locales whose nearest voice has another tag than their own beginning.
fn widened(locale: &str) -> &str {
    let mut tags = locale.split('-');
    match (tags.next().unwrap_or_default(), tags.next_back().unwrap_or_default()) {
        // Hong Kong and Macao speak Cantonese.
        ("zh", "hk" | "mo") => "yue",
        ("zh", _) => "zh",
        ("iw", _) => "he",
        ("in", _) => "id",
        ("nn", _) => "nb",
        // Latin America but for Mexico, which has a tag of its own in the list.
        ("es", "ar" | "bo" | "cl" | "co" | "cr" | "cu" | "do" | "ec" | "gt" | "hn" | "ni" | "pa" | "pe")
        | ("es", "pr" | "py" | "sv" | "us" | "uy" | "ve") => "es-419",
        _ => locale,
    }
}

fn of_language<'v>(voices: &'v [Voice], language: &str) -> Option<&'v Voice> {
    let own = voices.iter().filter(|voice| voice.language == language).min_by_key(|voice| voice.priority);
    own.or_else(|| {
        let other = |voice: &'v Voice| {
            let found = voice.others.iter().find(|(other, _)| other == language)?;
            Some((found.1, voice))
        };
        voices.iter().filter_map(other).min_by_key(|(priority, _)| *priority).map(|(_, voice)| voice)
    })
}

/// Lines of priority, language, age/gender, name, file, and further languages in brackets; one head line.
fn read_voices(printed: &str) -> Vec<Voice> {
    printed.lines().skip(1).filter_map(read_voice).collect()
}

fn read_voice(line: &str) -> Option<Voice> {
    let (fields, others) = split_others(line);
    let mut fields = fields.split_whitespace();
    let priority = fields.next()?.parse().ok()?;
    let language = fields.next()?.to_ascii_lowercase();
    let (_gender, name, file) = (fields.next()?, fields.next()?, fields.next()?);
    let others = others.map(read_others).unwrap_or_default();
    Some(Voice { priority, language, name: name.to_owned(), file: file.to_owned(), others })
}

/// A name may hold brackets (`French_(France)`); those of further languages follow white space.
fn split_others(line: &str) -> (&str, Option<&str>) {
    match line.find(" (") {
        Some(at) => line.split_at_checked(at).map_or((line, None), |(fields, others)| (fields, Some(others))),
        None => (line, None),
    }
}

fn read_others(text: &str) -> Vec<(String, u8)> {
    let pairs = text.split(['(', ')']).map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .filter_map(|pair| {
            let (language, priority) = pair.split_once(' ')?;
            Some((language.to_ascii_lowercase(), priority.trim().parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "\
Pty Language       Age/Gender VoiceName          File                 Other Languages
 5  af              --/M      Afrikaans          gmw/af               
 5  cmn             --/M      Chinese_(Mandarin,_latin_as_English) sit/cmn              (zh-cmn 5)(zh 5)
 5  cmn-latn-pinyin --/M      Chinese_(Mandarin,_latin_as_Pinyin) sit/cmn-Latn-pinyin  (zh-cmn 5)(zh 5)
 5  de              --/M      German             gmw/de               
 2  en-gb           --/M      English_(Great_Britain) gmw/en               (en 2)
 2  en-us           --/M      English_(America)  gmw/en-US            (en 3)
 5  es              --/M      Spanish_(Spain)    roa/es               
 5  es-419          --/M      Spanish_(Latin_America) roa/es-419           (es-mx 6)(es 6)
 5  fr-be           --/M      French_(Belgium)   roa/fr-BE            
 5  fr-fr           --/M      French_(France)    roa/fr               (fr 5)
 5  he              --/M      Hebrew             sem/he               
 5  nb              --/M      Norwegian_Bokmål   gmq/nb               (no 5)
 5  pt              --/M      Portuguese_(Portugal) roa/pt               (pt-pt 5)
 5  pt-br           --/M      Portuguese_(Brazil) roa/pt-BR            (pt 6)
 5  yue             --/M      Chinese_(Cantonese) sit/yue              
 5  vi-vn-x-south   --/M      Vietnamese_(Southern) aav/vi-VN-x-south    
";

    fn check_locale(locale: &str, file: Option<&str>) {
        let voices = read_voices(LISTED);
        assert_eq!(for_locale(&voices, locale).map(|voice| voice.file.as_str()), file, "{locale}");
    }

    #[test]
    fn every_listed_voice_is_read() {
        let voices = read_voices(LISTED);
        assert_eq!(voices.len(), LISTED.lines().count() - 1);
        assert!(voices.iter().all(|voice| voice.file.contains('/')), "{voices:?}");
    }

    #[test]
    fn locales_find_the_nearest_voice() {
        check_locale("de", Some("gmw/de"));
        check_locale("de-DE", Some("gmw/de"));
        check_locale("de-AT", Some("gmw/de"));
        check_locale("de_CH", Some("gmw/de"));
        check_locale("en", Some("gmw/en"));
        check_locale("en-US", Some("gmw/en-US"));
        check_locale("en-AU", Some("gmw/en"));
        check_locale("es-ES", Some("roa/es"));
        check_locale("es-MX", Some("roa/es-419"));
        check_locale("es-AR", Some("roa/es-419"));
        check_locale("fr-CA", Some("roa/fr"));
        check_locale("fr-BE", Some("roa/fr-BE"));
        check_locale("pt-PT", Some("roa/pt"));
        check_locale("pt-BR", Some("roa/pt-BR"));
        check_locale("zh-CN", Some("sit/cmn"));
        check_locale("zh-Hans-CN", Some("sit/cmn"));
        check_locale("zh-HK", Some("sit/yue"));
        check_locale("no-NO", Some("gmq/nb"));
        check_locale("nn-NO", Some("gmq/nb"));
        check_locale("iw-IL", Some("sem/he"));
        check_locale("vi-VN", Some("aav/vi-VN-x-south"));
    }

    #[test]
    fn unknown_and_malformed_locales_find_none() {
        for bad in
            ["", "-", "xx", "xx-YY", "de-", "d e", "de;rm", "../de", "deutsch-und-noch-viel-viel-mehr-davon"]
        {
            check_locale(bad, None);
        }
    }

    #[test]
    fn voices_are_found_by_every_name_they_have() {
        let voices = read_voices(LISTED);
        for name in ["German", "german", "gmw/de", "de"] {
            assert_eq!(named(&voices, name).map(|voice| voice.file.as_str()), Some("gmw/de"), "{name}");
        }
        for unknown in ["", "slt", "gmw", "../gmw/de", "--help"] {
            assert_eq!(named(&voices, unknown), None, "{unknown}");
        }
    }
}
