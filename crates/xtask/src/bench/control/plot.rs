//! A small picture of a benchmark: the time that 99 of 100 kept, by the rate. Text alone, no library.

use super::ladder::Step;
use std::fmt::Write as _;
use std::path::Path;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 240.0;
const EDGE: f64 = 44.0;

/// Writes `docs/performance/<name>.svg`.
pub(super) fn draw(name: &str, what: &str, steps: &[Step]) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance");
    let file = folder.join(format!("{name}.svg"));
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&file, picture(name, what, steps)))
        .map_err(|error| format!("{}: {error}", file.display()))
}

fn picture(name: &str, what: &str, steps: &[Step]) -> String {
    let most = |values: &dyn Fn(&Step) -> f64| steps.iter().map(values).fold(1.0, f64::max);
    let (rate_max, ms_max) = (most(&|step| step.rate), most(&|step| step.first[1]));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <path d=\"M{EDGE} 20V{0}H{1}\" fill=\"none\" stroke=\"#444\"/>\n\
         <text x=\"{EDGE}\" y=\"14\">{name}: {what}, p99 in ms, by calls a second; hollow: not every call was good</text>\n\
         <text x=\"4\" y=\"28\">{ms_max:.0}</text><text x=\"{2}\" y=\"{3}\">{rate_max:.0}/s</text>\n",
        HEIGHT - EDGE,
        WIDTH - 20.0,
        WIDTH - 60.0,
        HEIGHT - EDGE + 16.0,
    );
    for step in steps {
        let x = EDGE + (WIDTH - EDGE - 24.0) * step.rate / rate_max;
        let y = HEIGHT - EDGE - (HEIGHT - EDGE - 24.0) * step.first[1] / ms_max;
        let fill = if step.is_clean { "#1b6ca8" } else { "none" };
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "<circle cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"4\" fill=\"{fill}\" stroke=\"#1b6ca8\"/>"
        );
    }
    text.push_str("</svg>\n");
    text
}
