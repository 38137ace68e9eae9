//! The bodies of the fuzz targets (`fuzz/`) over their corpora, and over small changes of each file by a seed.
#![cfg(test)]

#[path = "../../../fuzz/bodies/sip.rs"]
mod bodies;

use std::path::Path;

/// Each file of a corpus, then changed in a few places so many times.
fn replay(target: &str, changes: u32, body: fn(&[u8])) {
    let directory = Path::new("../../fuzz/corpus").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{directory:?}");
    let seed = u64::from(std::process::id()) << 20 | 1;
    println!("seed {seed}");
    let mut random = seed;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % u64::try_from(bound.max(1)).unwrap()).unwrap()
    };
    for file in files {
        println!("{}", file.display());
        let bytes = std::fs::read(&file).unwrap();
        body(&bytes);
        for _ in 0..changes {
            let mut changed = bytes.clone();
            for _ in 0..=below(3) {
                let at = below(changed.len());
                let end = (at + below(8)).min(changed.len());
                match below(3) {
                    0 => drop(changed.drain(at..end)),
                    1 => changed.insert(at, b";,<>\"\\\r\n :=%[]@0\xff\0"[below(18)]),
                    _ => changed.extend_from_within(at..end),
                }
            }
            body(&changed);
        }
    }
}

#[test]
fn datagrams() {
    replay("datagram", 10, bodies::datagram);
}

#[test]
fn streams() {
    replay("stream", 50, bodies::stream);
}

#[test]
fn headers() {
    replay("headers", 50, bodies::headers);
}

#[test]
fn uris() {
    replay("uri", 500, bodies::uri);
}

#[test]
fn descriptions() {
    replay("sdp", 100, bodies::sdp);
}

#[test]
fn digests() {
    replay("digest", 50, bodies::digest);
}
