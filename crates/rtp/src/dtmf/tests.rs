//! Sender and receiver alone by tables of packets, and both together over a bad network.

use super::*;
use crate::event::EventPayload;
use crate::packet::Packet;
use model::Timestamp;

const START_MS: u64 = 1_000_000;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(START_MS + ms)
}

/// Runs a sender for `ticks` and writes each tick in short: `-` idle, `.` pause, else digit, duration, flags.
fn score(sender: &mut EventSender, ticks: u32) -> String {
    let words: Vec<String> = (0..ticks)
        .map(|n| match sender.tick(n * 160) {
            EventTick::Idle => "-".to_owned(),
            EventTick::Pause => ".".to_owned(),
            EventTick::Packet(packet) => {
                let payload = EventPayload::parse(&packet.payload).unwrap();
                assert_eq!(payload.volume, 10);
                format!(
                    "{}@{}:{}{}{}{}",
                    payload.event,
                    packet.timestamp / 160,
                    payload.duration,
                    if packet.marker { "M" } else { "" },
                    if payload.end { "E" } else { "" },
                    packet.finished.map(|digit| format!("={digit}")).unwrap_or_default(),
                )
            }
        })
        .collect();
    words.join(" ")
}

#[test]
fn a_digit_grows_and_ends_three_times_under_one_time_stamp() {
    let mut sender = EventSender::new(EventSenderConfig::default());
    sender.push('5', 100).unwrap();
    assert_eq!(score(&mut sender, 9), "5@0:160M 5@0:320 5@0:480 5@0:640 5@0:800E 5@0:800E 5@0:800E=5 - -");
    assert!(sender.is_idle());
}

#[test]
fn digits_keep_their_gap_and_pauses_their_length() {
    let mut sender = EventSender::new(EventSenderConfig::default());
    sender.push('*', 40).unwrap();
    sender.push('#', 1).unwrap();
    sender.push_pause(100).unwrap();
    sender.push('D', 41).unwrap();
    assert_eq!(
        score(&mut sender, 24),
        "10@0:160M 10@0:320E 10@0:320E 10@0:320E=* . \
         11@5:160M 11@5:320E 11@5:320E 11@5:320E=# . . . . . . \
         15@15:160M 15@15:320 15@15:480E 15@15:480E 15@15:480E=D - - - -"
    );
}

#[test]
fn a_digit_pushed_right_after_another_still_keeps_the_gap() {
    let mut sender = EventSender::new(EventSenderConfig { gap_ms: 100, ..EventSenderConfig::default() });
    sender.push('1', 40).unwrap();
    assert!(!sender.is_pausing());
    assert!(score(&mut sender, 4).ends_with("=1"));
    assert!(sender.is_pausing());
    sender.push('2', 40).unwrap();
    assert!(score(&mut sender, 4).starts_with(". . . 2@3:160M"));
    assert!(!sender.is_pausing());
}

#[test]
fn clearing_ends_what_has_begun_and_forgets_the_rest() {
    let mut sender = EventSender::new(EventSenderConfig::default());
    sender.push('1', 1_000).unwrap();
    sender.push('2', 100).unwrap();
    assert_eq!(score(&mut sender, 2), "1@0:160M 1@0:320");
    sender.clear();
    assert_eq!(score(&mut sender, 5), "1@0:480E 1@0:480E 1@0:480E=1 - -");
}

#[test]
fn what_cannot_be_sent_is_refused_and_lengths_are_bounded() {
    let mut sender = EventSender::new(EventSenderConfig::default());
    assert_eq!(sender.push('x', 100), Err(DigitError::NotADigit));
    sender.push('1', u32::MAX).unwrap();
    assert!(score(&mut sender, DIGIT_MS_MAX / 20).ends_with(":40000E"));
    for _ in 0..SENDER_QUEUE_MAX {
        sender.push('1', 100).unwrap();
    }
    assert_eq!(sender.push('1', 100), Err(DigitError::QueueFull));
    let mut fast =
        EventSender::new(EventSenderConfig { clock_rate_hz: 48_000, ..EventSenderConfig::default() });
    fast.push('1', 5_000).unwrap();
    assert!(score(&mut fast, 68).ends_with(":65280E"));
}

/// One received packet: time in ms, event, time stamp, duration, `M` and `E` flags.
type Received = (u64, u8, u32, u16, &'static str);

/// Feeds packets, lets a second pass, and writes the reports: `+` started, digit and milliseconds ended.
fn heard(packets: &[Received]) -> String {
    let mut receiver = EventReceiver::new(EventReceiverConfig::default());
    let mut words = Vec::new();
    let mut collect = |receiver: &mut EventReceiver| {
        while let Some(report) = receiver.poll() {
            words.push(match report {
                DigitEvent::Started { digit } => format!("+{digit}"),
                DigitEvent::Ended { digit, duration_ms, .. } => format!("{digit}:{duration_ms}"),
            });
        }
    };
    for &(ms, event, timestamp, duration, flags) in packets {
        let payload = EventPayload { event, end: flags.contains('E'), volume: 10, duration }.to_bytes();
        let packet = Packet {
            payload_type: 101,
            marker: flags.contains('M'),
            sequence: 0,
            timestamp,
            ssrc: if flags.contains('s') { 2 } else { 1 },
            payload: &payload,
        };
        receiver.on_packet(&packet, at(ms));
        collect(&mut receiver);
    }
    let last = packets.last().map_or(0, |packet| packet.0);
    receiver.on_time(at(last + 1_000));
    collect(&mut receiver);
    assert_eq!(receiver.deadline(), None);
    words.join(" ")
}

#[test]
fn packets_become_each_digit_once() {
    let check =
        |what: &str, packets: &[Received], expected: &str| assert_eq!(heard(packets), expected, "{what}");
    check(
        "an ordinary digit",
        &[
            (0, 1, 0, 160, "M"),
            (20, 1, 0, 320, ""),
            (40, 1, 0, 480, "E"),
            (60, 1, 0, 480, "E"),
            (80, 1, 0, 480, "E"),
        ],
        "+1 1:60",
    );
    check("only one end packet came", &[(0, 11, 0, 800, "E")], "+# #:100");
    check("all ends were lost", &[(0, 2, 0, 160, "M"), (20, 2, 0, 320, "")], "+2 2:40");
    check("only the first packet came", &[(0, 2, 0, 160, "M")], "+2 2:20");
    check("known to be too short", &[(0, 2, 0, 160, "ME"), (1, 2, 0, 160, "E")], "");
    check("no duration, but it lasted", &[(0, 2, 0, 0, "M"), (50, 2, 0, 0, "E")], "+2 2:0");
    check(
        "reordered",
        &[(0, 3, 0, 320, ""), (1, 3, 0, 160, "M"), (40, 3, 0, 480, "E"), (41, 3, 0, 400, "")],
        "+3 3:60",
    );
    check(
        "the next digit before the end of the last",
        &[(0, 4, 0, 480, "M"), (200, 5, 1_600, 160, "M"), (210, 4, 0, 800, "E"), (240, 5, 1_600, 640, "E")],
        "+4 4:60 +5 5:80",
    );
    check(
        "a digit of one packet after an open one",
        &[(0, 4, 0, 480, "M"), (90, 5, 800, 480, "E")],
        "+4 4:60 +5 5:60",
    );
    check(
        "the same digit twice",
        &[(0, 7, 0, 480, "E"), (100, 7, 800, 480, "E"), (120, 7, 800, 480, "E"), (130, 7, 0, 480, "E")],
        "+7 7:60 +7 7:60",
    );
    check("a straggler long after", &[(0, 7, 0, 480, "E"), (900, 7, 0, 480, "E")], "+7 7:60");
    check(
        "a wrapped time stamp",
        &[(0, 8, u32::MAX - 99, 480, "E"), (100, 9, 700, 480, "E")],
        "+8 8:60 +9 9:60",
    );
    check(
        "a time base that went far back",
        &[(0, 8, 0x7000_0000, 480, "E"), (100, 9, 5, 480, "E")],
        "+8 8:60 +9 9:60",
    );
    check(
        "a new source with old times",
        &[(0, 8, 1_000, 480, "E"), (100, 8, 1_000, 480, "Es")],
        "+8 8:60 +8 8:60",
    );
    check("no digit", &[(0, 16, 0, 480, "E"), (1, 200, 0, 480, "E")], "");
    check("a time stamp that never moves", &[(0, 1, 0, 480, "E"), (200, 2, 0, 480, "E")], "+1 1:60 +2 2:60");
}

#[test]
fn a_digit_longer_than_its_field_is_one_digit() {
    let mut packets: Vec<Received> = Vec::new();
    // 12 s: one full segment of 65535 units, then one that ends at 30465.
    for n in 1..=600_u64 {
        let units = n as u32 * 160;
        let (timestamp, duration) = if units <= 65_535 { (7, units) } else { (7 + 65_535, units - 65_535) };
        let flags = if n == 1 {
            "M"
        } else if n == 600 {
            "E"
        } else {
            ""
        };
        packets.push((n * 20, 0, timestamp, duration as u16, flags));
    }
    assert_eq!(heard(&packets), "+0 0:12000");
}

#[test]
fn a_lost_end_is_reported_at_its_deadline() {
    let mut receiver = EventReceiver::new(EventReceiverConfig::default());
    let payload = EventPayload { event: 6, end: false, volume: 7, duration: 320 }.to_bytes();
    let packet =
        Packet { payload_type: 101, marker: true, sequence: 0, timestamp: 0, ssrc: 1, payload: &payload };
    receiver.on_packet(&packet, at(0));
    assert_eq!(receiver.poll(), Some(DigitEvent::Started { digit: '6' }));
    assert_eq!(receiver.deadline(), Some(at(200)));
    receiver.on_time(at(199));
    assert_eq!(receiver.poll(), None);
    receiver.on_time(at(200));
    assert_eq!(receiver.poll(), Some(DigitEvent::Ended { digit: '6', duration_ms: 40, volume: 7 }));
    receiver.on_packet(&packet, at(210));
    assert_eq!((receiver.poll(), receiver.deadline()), (None, None), "its stragglers are known");
}

#[test]
fn reports_are_bounded_and_payloads_may_be_anything() {
    let mut receiver = EventReceiver::new(EventReceiverConfig::default());
    for n in 0..10_000_u32 {
        let payload = [n as u8, (n >> 3) as u8, (n >> 1) as u8, n as u8];
        let packet = Packet {
            payload_type: 101,
            marker: n % 3 == 0,
            sequence: 0,
            timestamp: n.wrapping_mul(2_654_435_761),
            ssrc: n % 2,
            payload: payload.get(..(n % 5) as usize).unwrap(),
        };
        receiver.on_packet(&packet, at(u64::from(n) * 7));
    }
    assert!(std::iter::from_fn(|| receiver.poll()).count() <= 32);
}

/// Sends digits over a network that loses, repeats and delays packets, and returns what was heard.
fn over_a_network(digits: &str, seed: u32, loss_percent: u32, clock_rate_hz: u32) -> String {
    let mut state = seed;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let units = clock_rate_hz / 50;
    let mut sender = EventSender::new(EventSenderConfig { clock_rate_hz, ..EventSenderConfig::default() });
    let mut digits = digits.chars();
    let mut network: Vec<(u64, EventPacket)> = Vec::new();
    let mut next = digits.next();
    let mut tick = 0_u32;
    while next.is_some() || !sender.is_idle() {
        if next.is_some_and(|digit| sender.push(digit, 80).is_ok()) {
            next = digits.next();
        }
        if let EventTick::Packet(packet) =
            sender.tick(tick.wrapping_mul(units).wrapping_add(u32::MAX - 9_999))
        {
            let copies = if random(100) < 5 { 2 } else { 1 };
            for _ in 0..copies {
                let delay = u64::from(random(60));
                if random(100) >= loss_percent {
                    network.push((u64::from(tick) * 20 + delay, packet));
                }
            }
        }
        tick += 1;
    }
    network.sort_by_key(|(ms, _)| *ms);
    let config = EventReceiverConfig { clock_rate_hz, ..EventReceiverConfig::default() };
    let mut receiver = EventReceiver::new(config);
    let mut heard = String::new();
    for (ms, sent) in network {
        let EventPacket { marker, timestamp, payload, .. } = sent;
        let packet = Packet { payload_type: 101, marker, sequence: 0, timestamp, ssrc: 1, payload: &payload };
        receiver.on_packet(&packet, at(ms));
        drain(&mut receiver, &mut heard);
    }
    receiver.on_time(at(u64::from(tick) * 20 + 1_000));
    drain(&mut receiver, &mut heard);
    heard
}

fn drain(receiver: &mut EventReceiver, heard: &mut String) {
    while let Some(report) = receiver.poll() {
        if let DigitEvent::Ended { digit, .. } = report {
            heard.push(digit);
        }
    }
}

#[test]
fn digits_arrive_exactly_under_five_per_cent_loss() {
    let digits = &"1234567890*#ABCD1122334455667788990000".repeat(27)[..1_000];
    for clock_rate_hz in [8_000, 48_000] {
        for seed in 1..=10 {
            println!("seed {seed}, clock {clock_rate_hz}");
            assert_eq!(over_a_network(digits, seed, 5, clock_rate_hz), digits);
        }
    }
}

#[test]
fn under_terrible_loss_digits_may_be_missing_but_never_repeat_or_change_places() {
    let digits: String = "0123456789ABCD".repeat(20);
    for seed in 1..=20 {
        println!("seed {seed}");
        let heard = over_a_network(&digits, seed, 60, 8_000);
        let mut rest = digits.chars();
        assert!(heard.chars().all(|digit| rest.any(|sent| sent == digit)), "{heard}");
        assert!(heard.len() > digits.len() * 8 / 10);
    }
}
