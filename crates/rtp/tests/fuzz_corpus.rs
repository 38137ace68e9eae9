//! The bodies of the fuzz targets (`fuzz/`) over their corpora, each file also cut short everywhere.
#![cfg(test)]

#[path = "../../../fuzz/bodies/rtp.rs"]
mod bodies;

use std::path::Path;

fn replay(target: &str, body: fn(&[u8])) {
    let directory = Path::new("../../fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 5, "{directory:?}");
    for file in files {
        println!("{}", file.display());
        let bytes = std::fs::read(&file).unwrap();
        for end in (0..=bytes.len()).rev() {
            body(&bytes[..end]);
        }
    }
}

#[test]
fn packets() {
    replay("rtp", bodies::rtp);
}

#[test]
fn reports() {
    replay("rtcp", bodies::rtcp);
}
