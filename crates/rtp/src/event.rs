//! The four bytes of a telephone event (RFC 4733 §2.3) and the names of its sixteen DTMF codes.

/// Length in bytes of an event payload.
pub const EVENT_LEN: usize = 4;

/// One event payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPayload {
    /// Event code: 0–9 digits, 10 `*`, 11 `#`, 12–15 A–D, 16 flash; others exist.
    pub event: u8,
    /// The event is over.
    pub end: bool,
    /// Power in −dBm0, 0–63.
    pub volume: u8,
    /// Duration so far in RTP clock units.
    pub duration: u16,
}

impl EventPayload {
    /// Reads a payload; bytes after the fourth are ignored (some senders pad). `None` when it is shorter.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low] = *payload.first_chunk::<EVENT_LEN>()?;
        Some(Self {
            event,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The bytes to send.
    pub fn to_bytes(self) -> [u8; EVENT_LEN] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | (self.volume & 0x3f), high, low]
    }
}

/// The event code of a digit: `0`–`9`, `*`, `#`, `A`–`D` in either case.
pub fn event_of_digit(digit: char) -> Option<u8> {
    match digit {
        '0'..='9' => Some(digit as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        'A'..='D' => Some(digit as u8 - b'A' + 12),
        'a'..='d' => Some(digit as u8 - b'a' + 12),
        _ => None,
    }
}

/// The digit of an event code; `None` for events that are no digit.
pub fn digit_of_event(event: u8) -> Option<char> {
    match event {
        0..=9 => Some(char::from(b'0' + event)),
        10 => Some('*'),
        11 => Some('#'),
        12..=15 => Some(char::from(b'A' + event - 12)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_as_written() {
        let check = |bytes: &[u8], event, end, volume, duration| {
            let payload = EventPayload { event, end, volume, duration };
            assert_eq!(EventPayload::parse(bytes), Some(payload));
            assert_eq!(payload.to_bytes(), bytes[..4]);
        };
        check(&[5, 0x0a, 0, 160], 5, false, 10, 160);
        check(&[11, 0x8a, 0x03, 0x20], 11, true, 10, 800);
        check(&[0, 0x3f, 0xff, 0xff, 9, 9], 0, false, 63, 65_535);
        assert_eq!(EventPayload::parse(&[1, 2, 3]), None);
        let reserved = EventPayload::parse(&[1, 0x40 | 7, 0, 1]).unwrap();
        assert_eq!((reserved.end, reserved.volume), (false, 7), "the reserved bit is ignored");
    }

    #[test]
    fn digits_and_codes_are_inverse() {
        for (code, digit) in "0123456789*#ABCD".chars().enumerate() {
            let code = u8::try_from(code).unwrap();
            assert_eq!(event_of_digit(digit), Some(code));
            assert_eq!(event_of_digit(digit.to_ascii_lowercase()), Some(code));
            assert_eq!(digit_of_event(code), Some(digit));
        }
        assert_eq!(digit_of_event(16), None);
        assert_eq!(event_of_digit('w'), None);
    }
}
