//! flite: English, with a handful of built-in voices.

use crate::program::{Program, Runner};
use ports::TtsError;
use std::path::PathBuf;
use tokio::sync::OnceCell;

/// Voices for when none is asked for, best first.
const PREFERRED: [&str; 4] = ["slt", "kal16", "kal", "rms"];

/// The engine and its voices, asked for once.
#[derive(Debug)]
pub(crate) struct Flite {
    program: Program,
    voices: OnceCell<Vec<String>>,
}

impl Flite {
    pub(crate) fn new(path: PathBuf) -> Self {
        let program = Program { engine: "flite", path, remedy: "apt-get install flite" };
        Self { program, voices: OnceCell::new() }
    }

    /// What is installed; an absence is not remembered, so that installing it needs no restart.
    pub(crate) async fn voices(&self, runner: &Runner) -> Result<&[String], TtsError> {
        let ask = || async { Ok(read_voices(&runner.print(&self.program, &["-lv"]).await?)) };
        self.voices.get_or_try_init(ask).await.map(Vec::as_slice)
    }

    /// The first of these names that is a voice.
    pub(crate) fn first_of<'v>(voices: &'v [String], names: &[&str]) -> Option<&'v str> {
        names.iter().find_map(|name| voices.iter().find(|voice| voice == name)).map(String::as_str)
    }

    /// The voice for when none is asked for.
    pub(crate) fn default_voice(voices: &[String]) -> Option<&str> {
        Self::first_of(voices, &PREFERRED).or(voices.first().map(String::as_str))
    }

    pub(crate) fn missing(&self) -> TtsError {
        self.program.missing().into()
    }

    pub(crate) fn remedy(&self) -> &'static str {
        self.program.remedy
    }

    /// Speaks; `voice` is one of [`Self::voices`], as flite itself takes another one silently.
    pub(crate) async fn speak(&self, runner: &Runner, voice: &str, text: &str) -> Result<Vec<u8>, TtsError> {
        runner.speak(&self.program, &["-voice", voice], ("-f", "-o"), text).await
    }
}

/// `Voices available: kal awb_time kal16 awb rms slt`; `awb_time` only tells the time.
fn read_voices(printed: &str) -> Vec<String> {
    let names = printed.lines().find_map(|line| line.strip_prefix("Voices available:")).unwrap_or_default();
    names.split_whitespace().filter(|name| *name != "awb_time").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(printed: &str, voices: &[&str], default: Option<&str>) {
        let read = read_voices(printed);
        assert_eq!(read, voices);
        assert_eq!(Flite::default_voice(&read), default, "{printed}");
    }

    #[test]
    fn voices_and_the_default_among_them() {
        check(
            "Voices available: kal awb_time kal16 awb rms slt \n",
            &["kal", "kal16", "awb", "rms", "slt"],
            Some("slt"),
        );
        check("Voices available: kal\n", &["kal"], Some("kal"));
        check("Voices available: own awb_time", &["own"], Some("own"));
        check("Voices available:", &[], None);
        check("usage: …", &[], None);
    }
}
