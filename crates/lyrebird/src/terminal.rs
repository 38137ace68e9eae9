//! What a person sees in the terminal: plain lines on standard output, and the coloured lines of a live call.

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// Writes a line to standard output. A reader that went away is no error of ours.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes a line to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints timeline entries, each with the time since the first one.
#[derive(Debug, Default)]
pub(crate) struct LiveView {
    first_ms: Option<u64>,
}

impl LiveView {
    /// Prints one entry of `GET /v1/calls/{id}/timeline`.
    pub(crate) fn show(&mut self, entry: &Value) {
        let at = entry.get("at").and_then(Value::as_str).and_then(model::Timestamp::parse_rfc3339);
        let at_ms = at.map_or(0, model::Timestamp::as_millis);
        let first_ms = *self.first_ms.get_or_insert(at_ms);
        let kind = entry.get("kind").and_then(Value::as_str).unwrap_or_default();
        let summary = entry.get("summary").and_then(Value::as_str).unwrap_or_default();
        line(&formatted(at_ms.saturating_sub(first_ms), kind, summary, coloured()));
    }
}

/// A line in bold.
pub(crate) fn heading(text: &str) {
    let bold = if coloured() { Style::new().bold() } else { Style::new() };
    line(&format!("{}{text}{}", bold.render(), bold.render_reset()));
}

fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
        || std::env::var_os("CLICOLOR_FORCE").is_some()
}

fn formatted(offset_ms: u64, kind: &str, summary: &str, coloured: bool) -> String {
    let style = if coloured { style_of(kind) } else { Style::new() };
    let seconds = format!("{}.{:03}", offset_ms / 1_000, offset_ms % 1_000);
    // What came over the network must not steer the terminal.
    let summary: String = summary.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{seconds:>8}  {}{kind:<9}{}  {summary}", style.render(), style.render_reset())
}

fn style_of(kind: &str) -> Style {
    let colour = match kind {
        "api" => AnsiColor::Cyan,
        "sip" => AnsiColor::Blue,
        "sdp" => AnsiColor::BrightBlue,
        "media" => AnsiColor::Green,
        "flow" => AnsiColor::Yellow,
        "dtmf" => AnsiColor::BrightYellow,
        "speech" => AnsiColor::BrightGreen,
        "recording" => AnsiColor::Red,
        "webhook" => AnsiColor::Magenta,
        _ => AnsiColor::White,
    };
    Style::new().fg_color(Some(colour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_plain_without_a_terminal_and_never_steer_it() {
        assert_eq!(formatted(1_234, "sip", "a\u{1b}[2Jb", false), "   1.234  sip        a [2Jb");
        assert!(formatted(0, "sip", "x", true).contains("\u{1b}["));
    }
}
