//! An authority of the test's own and a certificate that it vouches for, made by openssl; good for two days.

use crate::child::run;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

const PACKAGE: &str = "openssl";

/// The files. They go with this.
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// Makes an authority and a certificate for 127.0.0.1 and localhost.
    pub async fn make() -> Self {
        Self::make_for("IP:127.0.0.1,DNS:localhost").await
    }

    /// The same for these names, as openssl spells subjectAltName.
    pub async fn make_for(names: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let authority = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority"];
        request(dir.path(), &authority).await;
        let names = format!("subjectAltName={names}");
        let leaf = ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1", "-CA", "ca.pem"];
        let particulars = ["-CAkey", "ca.key", "-addext", &names, "-addext", "basicConstraints=CA:FALSE"];
        request(dir.path(), &[leaf.as_slice(), &particulars].concat()).await;
        let read =
            |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("openssl has written it");
        let both = format!("{}{}", read("cert.pem"), read("key.pem"));
        std::fs::write(dir.path().join("both.pem"), both).expect("it takes files");
        Self { dir }
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The certificate for 127.0.0.1.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// Certificate and key in one file.
    pub fn both(&self) -> PathBuf {
        self.dir.path().join("both.pem")
    }
}

async fn request(dir: &Path, args: &[&str]) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]);
    command.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]).args(args).current_dir(dir);
    let output = run(command, PACKAGE).await;
    assert_eq!(output.code, Some(0), "openssl: {}", output.stderr);
}
