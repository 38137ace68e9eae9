//! The unit for systemd, as systemd's own checker reads it.

#![cfg(test)]

use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const UNIT: &str = include_str!("../../../deploy/lyrebird.service");

async fn verify(unit: &str) -> testkit::Output {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("lyrebird.service");
    std::fs::write(&path, unit).expect("a file can be written");
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).arg(&path);
    testkit::run(command, "install systemd, or run scripts/setup test").await
}

#[tokio::test]
async fn systemd_takes_every_line_of_the_unit() {
    // The binary is where this test has it, not where the unit installs it.
    let unit = UNIT.replace("/usr/local/bin/lyrebird", BINARY);
    assert_ne!(unit, UNIT);
    let verified = verify(&unit).await;
    assert_eq!((verified.code, verified.stderr.as_str()), (Some(0), ""), "{}", verified.stdout);
    let wrong = verify(&unit.replace("ProtectHome=yes", "ProtectHouse=yes")).await;
    assert!(wrong.stderr.contains("ProtectHouse"), "{}{}", wrong.stdout, wrong.stderr);
}
