//! What a call's row and timeline tell, in other forms: a ladder diagram, a packet capture, an explanation in plain
//! words, what was measured, and a transcript as subtitles and text. Pure: lines in, text or bytes out. Knows no
//! store, no HTTP, no socket; reads the details of lines as
//! `docs/timeline.md` describes them, and leaves out what it cannot read rather than guess.

mod capture;
mod explain;
mod insights;
mod ladder;
mod message;
pub mod transcript;

pub use capture::capture;
pub use explain::{Explanation, Finding, Heard, Severity, Step, explain};
pub use insights::{DigitWay, Insights, insights};
pub use ladder::ladder;

use model::timeline::TimelineEntry;

/// One line of a call's timeline, with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its place in the timeline, from 1.
    pub index: u32,
    /// What it says.
    pub entry: TimelineEntry,
}
