//! The real programs that tests call, answer and listen with are on this machine; knows nothing of what tests do with
//! them. When one is missing, this says so in one sentence before the others fail for it.

#![cfg(test)]

use std::process::{Command, Stdio};

fn check(program: &str, question: &str, answer: &str, package: &str) {
    let output = Command::new(program).arg(question).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot start {program} ({error}): run `scripts/setup test`, or install Debian's {package}")
    });
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains(answer), "`{program} {question}` does not say {answer:?}: {said}");
}

#[test]
fn the_programs_that_tests_rely_on_answer() {
    check("sipp", "-v", "SIPp v3.", "sip-tester");
    check("baresip", "-h", "baresip", "baresip");
    check("linphonec", "-v", "version: 5", "linphone-cli");
    check("kamailio", "-v", "version: kamailio 5", "kamailio");
    check("openssl", "version", "OpenSSL 3", "openssl");
    check("ffmpeg", "-version", "ffmpeg version", "ffmpeg");
    check("ffprobe", "-version", "ffprobe version", "ffmpeg");
    check("flite", "--version", "flite", "flite");
    check("espeak-ng", "--version", "eSpeak NG", "espeak-ng");
    check("pocketsphinx_batch", "-help", "Unknown argument name", "pocketsphinx pocketsphinx-en-us");
}

#[test]
fn the_set_up_installs_every_one_of_them() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/setup");
    let script = std::fs::read_to_string(script).expect("scripts/setup is part of the repository");
    for program in [
        "sipp",
        "baresip",
        "linphonec",
        "kamailio",
        "openssl",
        "ffmpeg",
        "ffprobe",
        "flite",
        "espeak-ng",
        "pocketsphinx_batch",
    ] {
        assert!(script.contains(&format!("{program}:")), "scripts/setup does not install {program}");
    }
}
