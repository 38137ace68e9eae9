//! An explanation as text for a terminal: what, findings, then the story.

use super::{Explanation, Finding};
use model::Timestamp;
use std::fmt::Write as _;

pub(super) fn text(explanation: &Explanation) -> String {
    let mut text = format!("{}\n", explanation.summary);
    for heard in &explanation.heard {
        let who =
            if heard.listener == "lyrebird" { "Heard from the far side" } else { "Sent to the far side" };
        let _ = writeln!(text, "{who}: {}.", heard.text);
    }
    if !explanation.findings.is_empty() {
        text.push_str("\nFindings\n");
        explanation.findings.iter().for_each(|finding| told(&mut text, finding));
    }
    if let Some(first) = explanation.steps.first() {
        text.push_str("\nWhat happened\n");
        for step in &explanation.steps {
            let _ = writeln!(text, "  {}  {}", clock(first.at, step.at), printable(&step.text));
        }
    }
    text
}

fn told(text: &mut String, finding: &Finding) {
    let _ = writeln!(text, "  {}: {}", finding.severity.word(), printable(&finding.what));
    if !finding.because.is_empty() {
        let _ = writeln!(text, "    because {}", printable(&finding.because));
    }
    if !finding.remedy.is_empty() {
        let _ = writeln!(text, "    {}", finding.remedy);
    }
    if !finding.lines.is_empty() {
        let lines: Vec<_> = finding.lines.iter().take(8).map(ToString::to_string).collect();
        let more = if finding.lines.len() > 8 { ", …" } else { "" };
        let _ = writeln!(text, "    timeline: {}{more}", lines.join(", "));
    }
}

fn clock(start: Timestamp, at: Timestamp) -> String {
    let since = at.since(start);
    format!("+{:>3}.{:03}", since.as_secs(), since.subsec_millis())
}

/// Without characters that would steer a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
