//! Puts rungs on a page: columns, rows, arrows, text. Everything that comes from a call is escaped here.

use super::rung::{Course, Party, Rung, Tone};
use model::Timestamp;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// Where the first column stands, right of the times.
const FIRST_X: i32 = 170;
/// From column to column.
const COLUMN_PX: i32 = 300;
/// Right of the last column: marks of a server that has nobody beside it need room.
const MARGIN_PX: i32 = 170;
/// Above the first rung.
const HEAD_PX: i32 = 96;
/// Below an arrow, whose words stand above it.
const ARROW_ROW_PX: i32 = 32;
/// Below a mark, whose words stand beside it.
const MARK_ROW_PX: i32 = 24;
/// A character's width, rounded up.
const CHARACTER_PX: i32 = 8;
/// A pause that is drawn as a gap.
const PAUSE: Duration = Duration::from_secs(1);
/// Characters of a label.
const LABEL_CHARS_MAX: usize = 36;
/// Characters of what is shown to whoever points at a rung.
const HOVER_CHARS_MAX: usize = 1_500;

/// Colours stand in full for each taste: not every reader of SVG knows CSS variables.
const STYLE: &str = "
  svg { font: 12px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
  .title { font-size: 15px; font-weight: 600; } .name { font-weight: 600; }
  .time, .pause { font-size: 11px; } .pause { font-style: italic; }
  .arrow { stroke-width: 1.4; fill: none; } .again { stroke-dasharray: 5 4; }
  .label { paint-order: stroke; stroke-width: 4px; stroke-linejoin: round; }
  .paper { fill: #fff; } .label { stroke: #fff; }
  .title, .name, .quiet-fill { fill: #1c2430; } .party { fill: #f2f5f8; }
  .time, .pause { fill: #6d7889; } .party, .life { stroke: #d5dbe3; }
  .request { stroke: #1f5fbf; } .request-fill { fill: #1f5fbf; }
  .provisional { stroke: #7a8699; } .provisional-fill { fill: #7a8699; }
  .good { stroke: #1f7f45; } .good-fill { fill: #1f7f45; }
  .bad { stroke: #b8322a; } .bad-fill { fill: #b8322a; }
  .app { stroke: #7a44ad; } .app-fill { fill: #7a44ad; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #12171e; } .label { stroke: #12171e; }
    .title, .name, .quiet-fill { fill: #dde4ec; } .party { fill: #1b222c; }
    .time, .pause { fill: #8a96a6; } .party, .life { stroke: #2b3440; }
    .request { stroke: #74a7f2; } .request-fill { fill: #74a7f2; }
    .provisional { stroke: #93a0b1; } .provisional-fill { fill: #93a0b1; }
    .good { stroke: #66c78c; } .good-fill { fill: #66c78c; }
    .bad { stroke: #ef8079; } .bad-fill { fill: #ef8079; }
    .app { stroke: #bd94e4; } .app-fill { fill: #bd94e4; }
  }
";

/// A page being drawn.
pub(super) struct Drawing<'a> {
    title: &'a str,
    names: Vec<String>,
    /// The column of the server.
    server: usize,
    svg: String,
    y: i32,
}

impl<'a> Drawing<'a> {
    /// A page for these far sides; the app has a column where it takes part.
    pub(super) fn new(title: &'a str, peers: &[SocketAddr], with_app: bool) -> Self {
        let app = with_app.then(|| "Your app".to_owned());
        let server = usize::from(with_app);
        let mut names: Vec<_> = app.into_iter().chain(["Lyrebird".to_owned()]).collect();
        names.extend(peers.iter().map(ToString::to_string));
        Self { title, names, server, svg: String::new(), y: HEAD_PX }
    }

    /// The whole page.
    pub(super) fn draw(mut self, rungs: &[Rung]) -> String {
        let start = rungs.iter().map(|rung| rung.at).min().unwrap_or_default();
        let mut before = start;
        for rung in rungs {
            let pause = rung.at.since(before);
            if pause >= PAUSE {
                self.pause(pause);
            }
            before = before.max(rung.at);
            self.rung(rung, start);
        }
        self.page()
    }

    fn pause(&mut self, pause: Duration) {
        let (x, y) = (FIRST_X - 20, self.y - 6);
        let words = format!("· · · {:.1} s", pause.as_secs_f64());
        self.text("pause", x, y, "end", &words);
        self.y += MARK_ROW_PX;
    }

    fn rung(&mut self, rung: &Rung, start: Timestamp) {
        let y = self.y;
        let since = rung.at.since(start);
        let time = format!("+{}.{:03}", since.as_secs(), since.subsec_millis());
        self.svg.push_str("<g>");
        let hover = escaped(&rung.hover, HOVER_CHARS_MAX);
        let _ = write!(self.svg, "<title>{hover}</title>");
        self.text("time", FIRST_X - 20, y, "end", &time);
        let tone = tone(rung.tone);
        match rung.course {
            Course::Arrow { from, to, again } => {
                self.arrow(self.x(from), self.x(to), tone, again, &rung.label)
            }
            Course::Mark => self.mark(tone, &rung.label),
        }
        self.svg.push_str("</g>\n");
    }

    fn arrow(&mut self, from: i32, to: i32, tone: &str, again: bool, label: &str) {
        let y = self.y;
        let towards = if to > from { 1 } else { -1 };
        let again = if again { " again" } else { "" };
        let (tip, neck) = (to - towards, to - 9 * towards);
        let _ = write!(
            self.svg,
            "<path class=\"arrow {tone}{again}\" d=\"M{from} {y}H{neck}\"/>\
             <path class=\"{tone}-fill\" d=\"M{tip} {y}l{} -4v8z\"/>",
            -9 * towards,
        );
        let class = format!("label {tone}-fill");
        self.text(&class, i32::midpoint(from, to), y - 6, "middle", &shortened(label, LABEL_CHARS_MAX));
        self.y += ARROW_ROW_PX;
    }

    fn mark(&mut self, tone: &str, label: &str) {
        let (x, y) = (self.x(Party::Server), self.y);
        let _ = write!(self.svg, "<circle class=\"{tone}-fill\" cx=\"{x}\" cy=\"{}\" r=\"3\"/>", y - 4);
        let room = usize::try_from((self.width() - x - 20) / CHARACTER_PX).unwrap_or_default();
        self.text(&format!("label {tone}-fill"), x + 10, y, "start", &shortened(label, room));
        self.y += MARK_ROW_PX;
    }

    fn text(&mut self, class: &str, x: i32, y: i32, anchor: &str, words: &str) {
        let words = escaped(words, HOVER_CHARS_MAX);
        let _ = write!(
            self.svg,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>"
        );
    }

    fn x(&self, party: Party) -> i32 {
        let column = match party {
            Party::App => 0,
            Party::Server => self.server,
            Party::Peer(place) => self.server + 1 + place,
        };
        column_x(column)
    }

    /// A server alone still needs room for what stands at its marks.
    fn width(&self) -> i32 {
        let last = self.names.len().saturating_sub(1);
        column_x(last.max(self.server + 1)) + MARGIN_PX
    }

    fn page(mut self) -> String {
        let rungs = std::mem::take(&mut self.svg);
        let (bottom, width) = (self.y, self.width());
        let height = bottom + 24;
        self.text("title", 24, 32, "start", self.title);
        for (column, name) in self.names.clone().iter().enumerate() {
            let x = column_x(column);
            let _ = write!(
                self.svg,
                "<path class=\"life\" d=\"M{x} {}V{bottom}\"/>\
                 <rect class=\"party\" x=\"{}\" y=\"46\" width=\"200\" height=\"26\" rx=\"5\"/>",
                72,
                x - 100,
            );
            self.text("name", x, 63, "middle", &shortened(name, 26));
        }
        let columns = self.svg;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\"><style>{STYLE}</style>\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{columns}\n{rungs}</svg>\n"
        )
    }
}

fn column_x(column: usize) -> i32 {
    FIRST_X + 90 + COLUMN_PX * i32::try_from(column).unwrap_or_default()
}

const fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Request => "request",
        Tone::Provisional => "provisional",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::App => "app",
        Tone::Quiet => "quiet",
    }
}

/// At most so many characters, the last one an ellipsis where some are missing.
fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// As XML 1.0 takes it: markup escaped, characters that it forbids left out.
fn escaped(text: &str, chars_max: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().take(chars_max) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}
