//! A capture file (pcap) with digits as telephone events, for sipp to play.

use std::path::Path;

/// Payload type of the events; what the scores' descriptions say.
const PAYLOAD_TYPE: u8 = 101;
/// Length of a digit and pause after it.
const DIGIT_MS: u32 = 100;
const PAUSE_MS: u32 = 80;
/// Time between packets.
const STEP_MS: u32 = 20;
/// Samples a millisecond.
const RATE_KHZ: u32 = 8;
/// Length of Ethernet, IPv4 and UDP headers.
const HEADERS_BYTES: u32 = 14 + 20 + 8;

/// Writes `digits` as RFC 4733 events to a capture file: updates each 20 ms, three times the end.
pub fn digits_capture(path: &Path, digits: &str) {
    let mut file = Vec::new();
    // Magic, version 2.4, no zone, no accuracy, longest packet, Ethernet.
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    let (mut now_ms, mut sequence) = (0, 1_u16);
    for digit in digits.chars() {
        let event = event_code(digit);
        let start = 4_000 + now_ms * RATE_KHZ;
        let updates = (1..=DIGIT_MS / STEP_MS).map(|step| (step * STEP_MS, false));
        for (duration_ms, end) in updates.chain([(DIGIT_MS, true); 3]) {
            let marker = duration_ms == STEP_MS && !end;
            let rtp = packet(sequence, start, marker, event, end, duration_ms * RATE_KHZ);
            record(&mut file, now_ms, &rtp);
            sequence += 1;
            now_ms += STEP_MS;
        }
        now_ms += PAUSE_MS;
    }
    std::fs::write(path, file).expect("the capture can be written");
}

fn event_code(digit: char) -> u8 {
    match digit {
        '*' => 10,
        '#' => 11,
        _ => u8::try_from(digit.to_digit(10).expect("0-9, * and # are digits")).unwrap_or_default(),
    }
}

fn packet(sequence: u16, timestamp: u32, marker: bool, event: u8, end: bool, duration: u32) -> Vec<u8> {
    let mut rtp = vec![0x80, PAYLOAD_TYPE | if marker { 0x80 } else { 0 }];
    rtp.extend(sequence.to_be_bytes());
    rtp.extend(timestamp.to_be_bytes());
    rtp.extend(0x5155_4950_u32.to_be_bytes());
    rtp.extend([event, if end { 0x8a } else { 0x0a }]);
    rtp.extend(u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes());
    rtp
}

/// Appends a captured packet; of its addresses sipp takes none.
fn record(file: &mut Vec<u8>, at_ms: u32, rtp: &[u8]) {
    let len = u32::try_from(rtp.len()).unwrap_or_default();
    let captured = HEADERS_BYTES + len;
    for word in [at_ms / 1_000, at_ms % 1_000 * 1_000, captured, captured] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0; 12]);
    file.extend([8, 0]);
    let short = |n: u32| u16::try_from(n).unwrap_or_default().to_be_bytes();
    file.extend([0x45, 0]);
    file.extend(short(28 + len));
    file.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    file.extend([0x27, 0x10, 0x27, 0x10]);
    file.extend(short(8 + len));
    file.extend([0, 0]);
    file.extend(rtp);
}
