//! Project chores, run as `cargo xtask <chore>`; see CONTRIBUTING.md.
//! Only dispatches: each chore is a module of its own and knows nothing of the others.

mod bench;
mod sim;
mod tidy;

use std::io::Write as _;
use std::process::ExitCode;

const HELP: &str = "\
Chores of this project.

Usage: cargo xtask <chore>

  tidy    check the layers between crates, forbidden words, file heads, sizes,
          machine paths and links of every file git knows
  help    this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tidy"] => tidy::run(),
        ["bench", rest @ ..] => bench::run(rest),
        ["sim", rest @ ..] => sim::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            say(HELP);
            say(sim::HELP);
            say(bench::HELP);
            ExitCode::SUCCESS
        }
        [unknown, ..] => {
            complain(&format!("no chore takes these arguments, beginning with `{unknown}`\n\n{HELP}"));
            ExitCode::from(2)
        }
    }
}

/// Writes to standard output. A closed pipe is the reader's wish and no error of ours.
fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error; what cannot be written there has nowhere else to go.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
