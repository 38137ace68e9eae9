//! Streams of known octets through a network that each test describes, played on a 20 ms tick.

use super::*;

const START_MS: u64 = 1_000_000;

/// The octet at each position of the test stream; long enough a period to tell positions apart.
fn octet(position: u32) -> u8 {
    let mut mixed = position.wrapping_mul(0x85eb_ca6b);
    mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
    (mixed >> 24) as u8
}

#[derive(Clone, Copy)]
struct Sent {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    octets: u32,
    arrival_us: u64,
}

/// A source of `ptime_ms` packets for `seconds`, without any network between.
fn source(ptime_ms: u32, seconds: u32) -> Vec<Sent> {
    (0..seconds * 1_000 / ptime_ms)
        .map(|n| Sent {
            ssrc: 1,
            sequence: (n as u16).wrapping_add(65_500),
            timestamp: n.wrapping_mul(ptime_ms * 8).wrapping_add(u32::MAX - 5_000),
            octets: ptime_ms * 8,
            arrival_us: START_MS * 1_000 + u64::from(n * ptime_ms) * 1_000,
        })
        .collect()
}

struct Played {
    buffer: JitterBuffer,
    /// Media time of each tick's frame (its first octet), where one came.
    frames: Vec<Option<u32>>,
    missing: usize,
    empty: usize,
}

/// Plays what was sent, in the order of arrival, until half a second after the last packet.
fn play(sent: &[Sent]) -> Played {
    let mut sent = sent.to_vec();
    sent.sort_by_key(|packet| packet.arrival_us);
    let mut played = Played {
        buffer: JitterBuffer::new(JitterConfig::default()),
        frames: Vec::new(),
        missing: 0,
        empty: 0,
    };
    let end_us = sent.last().unwrap().arrival_us + 500_000;
    let mut waiting = sent.iter().peekable();
    // A tick in the middle between arrivals, as a leg's phase may put it.
    let mut now_us = START_MS * 1_000 + 7_000;
    while now_us < end_us {
        while let Some(packet) = waiting.next_if(|packet| packet.arrival_us <= now_us) {
            put(&mut played.buffer, *packet);
        }
        tick(&mut played, now_us);
        now_us += 20_000;
    }
    played
}

fn put(buffer: &mut JitterBuffer, sent: Sent) -> Put {
    let payload: Vec<u8> = (0..sent.octets).map(|n| octet(sent.timestamp.wrapping_add(n))).collect();
    let packet = Packet {
        payload_type: 0,
        marker: false,
        sequence: sent.sequence,
        timestamp: sent.timestamp,
        ssrc: sent.ssrc,
        payload: &payload,
    };
    buffer.put(&packet, Timestamp::from_micros(sent.arrival_us))
}

fn tick(played: &mut Played, now_us: u64) {
    let mut out = [0; FRAME_OCTETS];
    let playout = played.buffer.get(Timestamp::from_micros(now_us), &mut out);
    played.missing += usize::from(playout == Playout::Missing);
    played.empty += usize::from(playout == Playout::Empty);
    played.frames.push((playout == Playout::Frame).then(|| locate(&played.buffer, &out)));
}

/// Media time of a frame's first octet, found by its content near the newest packet; a frame that was filled
/// still has one of its ends.
fn locate(buffer: &JitterBuffer, frame: &[u8; FRAME_OCTETS]) -> u32 {
    let newest = buffer.stream.unwrap().newest_timestamp;
    let fits = |from: u32, at: u32| (at..at + 6).all(|n| frame[n as usize] == octet(from.wrapping_add(n)));
    (0..16_000)
        .map(|back| newest.wrapping_add(600).wrapping_sub(back))
        .find(|&from| fits(from, 0) || fits(from, 154))
        .expect("a frame of the stream")
}

/// Steps in media time between consecutive frames that came, other than one frame.
fn jumps(played: &Played) -> Vec<i32> {
    let frames: Vec<u32> = played.frames.iter().flatten().copied().collect();
    frames
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]) as i32)
        .filter(|&step| step != FRAME_OCTETS as i32)
        .collect()
}

fn seeded(seed: u32) -> impl FnMut(u32) -> u32 {
    println!("seed {seed}");
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    }
}

#[test]
fn every_packet_length_becomes_whole_frames_without_a_gap() {
    for ptime_ms in [10, 20, 30, 40, 60] {
        let played = play(&source(ptime_ms, 6));
        assert_eq!(played.missing, 0, "{ptime_ms} ms");
        assert_eq!(jumps(&played), [0; 0], "{ptime_ms} ms");
        assert!(played.buffer.figures().played >= 298, "{ptime_ms} ms: {:?}", played.buffer.figures());
        assert_eq!(played.buffer.figures().late, 0);
    }
}

#[test]
fn the_first_frame_waits_for_the_initial_delay() {
    let played = play(&source(20, 1));
    // Ticks at 7, 27, 47 ms are too early for 60 ms.
    assert_eq!(played.frames.iter().position(Option::is_some), Some(3));
    assert_eq!(played.frames[3], Some(u32::MAX - 5_000), "and is the first packet from its first octet");
}

#[test]
fn a_lost_packet_is_one_missing_frame() {
    let mut sent = source(20, 3);
    sent.remove(20);
    let played = play(&sent);
    assert_eq!(played.missing, 1);
    assert_eq!(jumps(&played), [320]);
}

#[test]
fn half_a_frame_is_played_and_filled() {
    let mut sent = source(10, 1);
    sent.remove(41);
    assert_eq!(played_halves(&sent), 1);
}

fn played_halves(sent: &[Sent]) -> usize {
    let mut buffer = JitterBuffer::new(JitterConfig::default());
    let mut waiting = sent.iter().peekable();
    let mut halves = 0;
    for n in 0..60_u64 {
        let now_us = START_MS * 1_000 + 7_000 + n * 20_000;
        while let Some(packet) = waiting.next_if(|packet| packet.arrival_us <= now_us) {
            put(&mut buffer, *packet);
        }
        let mut out = [0; FRAME_OCTETS];
        let frame = buffer.get(Timestamp::from_micros(now_us), &mut out) == Playout::Frame;
        halves += usize::from(frame && out[80..].iter().all(|&octet| octet == 0xff));
    }
    halves
}

#[test]
fn order_and_repetition_do_not_matter() {
    let mut sent = source(20, 3);
    for n in (10..140).step_by(10) {
        sent[n].arrival_us += 25_000;
        let copy = sent[n + 3];
        sent.push(Sent { arrival_us: copy.arrival_us + 1_000, ..copy });
    }
    let played = play(&sent);
    assert_eq!((played.missing, jumps(&played).len()), (0, 0));
    let figures = played.buffer.figures();
    assert_eq!((figures.late, figures.duplicates), (0, 13));
}

#[test]
fn the_first_packet_may_be_overtaken() {
    let mut sent = source(20, 1);
    sent[0].arrival_us += 21_000;
    let played = play(&sent);
    assert_eq!(played.frames.iter().flatten().next(), Some(&(u32::MAX - 5_000)));
    assert_eq!(jumps(&played), [0; 0]);
}

#[test]
fn the_delay_grows_until_jitter_does_no_harm() {
    for (seed, jitter_ms) in [(1, 20), (2, 60), (3, 100)] {
        let mut random = seeded(seed);
        let mut sent = source(20, 40);
        for packet in &mut sent {
            packet.arrival_us += u64::from(random(jitter_ms * 1_000));
        }
        let played = play(&sent);
        let figures = played.buffer.figures();
        let target = played.buffer.target_delay_ms();
        assert!((jitter_ms..=jitter_ms + 25).contains(&target) || target == 40, "{jitter_ms}: {target}");
        assert!(figures.late <= 40, "{jitter_ms}: {figures:?}");
        let settled = &played.frames[1_000..1_900];
        let gone = settled.iter().filter(|frame| frame.is_none()).count();
        assert!(gone <= 27, "{jitter_ms}: {gone} of 900 settled frames did not come");
    }
}

#[test]
fn the_delay_shrinks_again_when_the_network_calms() {
    let mut random = seeded(4);
    let mut sent = source(20, 60);
    for packet in sent.iter_mut().take(1_000) {
        packet.arrival_us += u64::from(random(120_000));
    }
    let played = play(&sent);
    assert_eq!(played.buffer.target_delay_ms(), 40);
    assert!(played.buffer.figures().skipped >= 1, "{:?}", played.buffer.figures());
    let last = &played.frames[2_000..2_900];
    assert!(last.iter().all(Option::is_some), "a calm network loses nothing");
}

#[test]
fn surplus_delay_is_taken_out_of_quiet_moments() {
    let check = |octet: u8, silence_octet: u8, expected: u64| {
        let config = JitterConfig { delay_initial_ms: 80, silence_octet, ..JitterConfig::default() };
        let mut buffer = JitterBuffer::new(config);
        let payload = [octet; FRAME_OCTETS];
        for n in 0..500_u16 {
            let now = Timestamp::from_millis(START_MS + u64::from(n) * 20);
            let timestamp = u32::from(n) * 160;
            let packet =
                Packet { payload_type: 0, marker: false, sequence: n, timestamp, ssrc: 1, payload: &payload };
            buffer.put(&packet, now);
            buffer.get(now, &mut [0; FRAME_OCTETS]);
        }
        assert_eq!(buffer.figures().skipped, expected, "{octet:#x}");
    };
    check(0xff, 0xff, 2);
    check(0x7a, 0xff, 2);
    check(0xc0, 0xff, 0);
    check(0xd5, 0xd5, 2);
    check(0x54, 0xd5, 2);
    check(0x80, 0xd5, 0);
}

#[test]
fn a_new_source_begins_anew() {
    let mut sent = source(20, 4);
    for packet in sent.iter_mut().skip(100) {
        packet.ssrc = 2;
        packet.timestamp = packet.timestamp.wrapping_add(123_456_789);
        packet.sequence = packet.sequence.wrapping_add(9_999);
    }
    let played = play(&sent);
    assert_eq!(played.buffer.figures().restarts, 1);
    assert!(played.buffer.figures().played >= 193, "{:?}", played.buffer.figures());
}

#[test]
fn a_jump_in_time_begins_anew() {
    let check = |jump: u32, lost_max: u64| {
        let mut sent = source(20, 6);
        for packet in sent.iter_mut().skip(100) {
            packet.timestamp = packet.timestamp.wrapping_add(jump);
        }
        let figures = play(&sent).buffer.figures();
        assert!(figures.played + lost_max >= 300, "{jump}: {figures:?}");
    };
    check(0x4000_0000, 6);
    check(16_000, 6);
    check(0_u32.wrapping_sub(0x4000_0000), 6);
    // A small step back looks like lateness at first.
    check(0_u32.wrapping_sub(8_000), 20);
    // A small step forward looks like loss and a faster route.
    check(1_000, 12);
}

#[test]
fn an_old_stray_packet_restarts_nothing() {
    let mut sent = source(20, 8);
    let stray = sent[50];
    sent.push(Sent { arrival_us: stray.arrival_us + 5_000_000, ..stray });
    let played = play(&sent);
    let figures = played.buffer.figures();
    assert_eq!((figures.restarts, figures.late, played.missing), (0, 1, 0));
}

#[test]
fn a_pause_is_empty_and_not_missing() {
    let sent: Vec<Sent> = source(20, 20).into_iter().filter(|p| !(100..800).contains(&index_of(p))).collect();
    let played = play(&sent);
    assert_eq!(played.missing, 0);
    assert!(played.empty >= 690, "{}", played.empty);
    assert_eq!(played.buffer.figures().late, 0);
    assert_eq!(jumps(&played), [701 * 160], "speech resumes from its first octet");
}

fn index_of(packet: &Sent) -> u16 {
    packet.sequence.wrapping_sub(65_500)
}

#[test]
fn after_a_stall_the_delay_returns() {
    let mut sent = source(20, 20);
    for packet in &mut sent[200..220] {
        packet.arrival_us = START_MS * 1_000 + 220 * 20_000;
    }
    let played = play(&sent);
    assert!(played.buffer.figures().played >= 970, "{:?}", played.buffer.figures());
    assert!(played.buffer.buffered_octets() == 0 && played.buffer.target_delay_ms() <= 60);
    assert!(played.frames[400..980].iter().all(Option::is_some));
}

#[test]
fn memory_is_bounded_when_nobody_plays() {
    let mut buffer = JitterBuffer::new(JitterConfig::default());
    let sent = source(20, 5);
    let last = *sent.last().unwrap();
    for packet in sent {
        put(&mut buffer, packet);
        assert!(buffer.buffered_octets() <= RING_OCTETS);
    }
    let mut out = [0; FRAME_OCTETS];
    let playout = buffer.get(Timestamp::from_micros(last.arrival_us + 60_000), &mut out);
    assert_eq!(playout, Playout::Frame);
    let behind = last.timestamp.wrapping_sub(locate(&buffer, &out));
    assert!(behind <= 480, "the newest is played, {behind} octets behind");
}

#[test]
fn drifting_clocks_cost_a_frame_now_and_then_but_the_delay_stays() {
    for ppm in [200_i64, -200] {
        let mut sent = source(20, 600);
        let mut random = seeded(9);
        for (n, packet) in (0_i64..).zip(&mut sent) {
            let drift_us = n * 20_000 * ppm / 1_000_000;
            packet.arrival_us =
                packet.arrival_us.checked_add_signed(drift_us).unwrap() + u64::from(random(5_000));
        }
        let played = play(&sent);
        let figures = played.buffer.figures();
        // 200 ppm of 600 s are 120 ms, six frames.
        assert!(figures.late <= 3 && played.missing <= 12, "{ppm}: {figures:?}");
        assert!(figures.skipped <= 10 && figures.held <= 10, "{ppm}: {figures:?}");
        let worst = played.frames.iter().skip(100).take(29_800).filter(|frame| frame.is_none()).count();
        assert!(worst <= 10, "{ppm}: {worst}");
    }
}

#[test]
fn odd_payloads_are_refused() {
    let mut buffer = JitterBuffer::new(JitterConfig::default());
    let [mut sent] = [source(20, 1)[0]];
    for octets in [0, 481, 1_400] {
        sent.octets = octets;
        assert_eq!(put(&mut buffer, sent), Put::Refused);
    }
    assert_eq!(buffer.figures().refused, 3);
}

#[test]
fn anything_may_come() {
    for seed in 0..20 {
        let mut random = seeded(seed);
        let mut buffer = JitterBuffer::new(JitterConfig::default());
        let mut now_us = START_MS * 1_000;
        for _ in 0..5_000 {
            now_us += u64::from(random(40_000));
            let wild = random(10) == 0;
            let sent = Sent {
                ssrc: random(2),
                sequence: random(65_536) as u16,
                timestamp: if wild { random(u32::MAX) << 8 } else { (now_us / 125) as u32 + random(3_000) },
                octets: random(500),
                arrival_us: now_us - u64::from(random(1_000)),
            };
            put(&mut buffer, sent);
            buffer.get(Timestamp::from_micros(now_us), &mut [0; FRAME_OCTETS]);
            assert!(buffer.buffered_octets() <= RING_OCTETS);
        }
    }
}
