//! Project chores; see CONTRIBUTING.md.
fn main() {}
