//! See the function of this name in `bodies/rtp.rs`.
#![no_main]

#[path = "../bodies/rtp.rs"]
#[allow(dead_code, reason = "each target runs one of the bodies")]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::rtcp(data));
