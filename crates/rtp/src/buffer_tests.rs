//! Tests of the packet buffer as scores: what is put when, and what each tick gets.

use super::*;
use std::collections::BTreeMap;

const START: u64 = 1_000_000;

/// A buffer, its media time, and what was heard of it.
struct Rig {
    buffer: PacketBuffer,
    units_per_ms: u32,
    ahead: u32,
    heard: Vec<u16>,
    lost: u32,
    told: Vec<u16>,
    pauses: u32,
    paces: Vec<Pace>,
}

impl Rig {
    fn new(codec: Codec) -> Self {
        let units_per_ms = codec.rtp_clock_hz() / 1_000;
        let buffer = PacketBuffer::new(BufferConfig::of(codec));
        Self {
            buffer,
            units_per_ms,
            ahead: 0,
            heard: vec![],
            lost: 0,
            told: vec![],
            pauses: 0,
            paces: vec![],
        }
    }

    /// A packet whose payload says its number.
    fn put(&mut self, number: u16, timestamp: u32, ms: u32, at_ms: u64) -> Stored {
        let mut payload = vec![0; (ms * 8) as usize];
        if self.units_per_ms == 48 {
            payload.truncate(40);
            payload[0] = match ms {
                10 => 0,
                20 => 1 << 3,
                40 => 2 << 3,
                _ => 3 << 3,
            };
        }
        payload[1..3].copy_from_slice(&number.to_be_bytes());
        let packet = Packet {
            payload_type: 0,
            marker: false,
            sequence: number,
            timestamp,
            ssrc: 7,
            payload: &payload,
        };
        self.buffer.put(&packet, Timestamp::from_millis(START + at_ms))
    }

    /// Takes 20 ms, as a leg does.
    fn tick(&mut self, at_ms: u64) {
        let (wanted, codec) = (20 * self.units_per_ms, self.buffer.codec);
        let number = |payload: &[u8]| u16::from_be_bytes([payload[1], payload[2]]);
        while self.ahead < wanted {
            match self.buffer.next(Timestamp::from_millis(START + at_ms), self.ahead) {
                Next::Packet { payload, pace } => {
                    self.heard.push(number(payload));
                    let units = duration_units(codec, payload).unwrap();
                    // A pitch period of 8 ms.
                    let period = 8 * self.units_per_ms;
                    self.ahead += match pace {
                        Pace::Keep => units,
                        Pace::Faster => units - period,
                        Pace::Slower => units + period,
                    };
                    self.paces.push(pace);
                }
                Next::Lost { units, following } => {
                    self.lost += 1;
                    self.told.extend(following.map(number));
                    self.ahead += units;
                }
                Next::Pause => {
                    self.pauses += 1;
                    self.ahead = wanted;
                }
            }
        }
        self.ahead -= wanted;
    }
}

#[test]
fn every_packet_is_heard_once_in_order_whatever_its_length() {
    for codec in Codec::ALL {
        for ms in [10, 20, 30, 40, 60].into_iter().filter(|ms| codec != Codec::Opus || *ms != 30) {
            let mut rig = Rig::new(codec);
            let packets = 3_000 / ms;
            for at in 0..3_200_u64 {
                if at % u64::from(ms) == 0 && at / u64::from(ms) < u64::from(packets) {
                    let number = (at / u64::from(ms)) as u16;
                    // Neighbours overtake each other, as far as the delay lets them.
                    let number = if ms <= 20 && number % 7 == 3 {
                        number + 1
                    } else if ms <= 20 && number % 7 == 4 {
                        number - 1
                    } else {
                        number
                    };
                    let timestamp = u32::from(number).wrapping_mul(ms * rig.units_per_ms).wrapping_sub(999);
                    rig.put(number, timestamp, ms, at);
                    assert_ne!(rig.put(number, timestamp, ms, at), Stored::Kept, "a duplicate");
                }
                if at % 20 == 0 {
                    rig.tick(at);
                }
            }
            let expected: Vec<u16> = (0..packets as u16).collect();
            assert_eq!((rig.heard, rig.lost), (expected, 0), "{codec:?} {ms} ms");
        }
    }
}

#[test]
fn what_is_lost_is_said_with_the_packet_after_it() {
    let mut rig = Rig::new(Codec::Opus);
    for n in 0..100_u16 {
        if n % 10 != 5 && n != 56 {
            rig.put(n, u32::from(n) * 960, 20, u64::from(n) * 20);
        }
        rig.tick(u64::from(n) * 20);
    }
    assert_eq!(rig.lost, 11, "55 has only 54 and 57 beside it");
    assert_eq!(rig.told, [6, 16, 26, 36, 46, 57, 66, 76, 86, 96]);
}

#[test]
fn a_pause_of_the_source_is_no_loss_and_the_delay_stays() {
    let mut rig = Rig::new(Codec::Pcmu);
    let mut number = 0;
    for tick in 0..500_u64 {
        // Two seconds of sound, one of silence, numbers without a gap.
        if tick % 150 < 100 {
            rig.put(number, tick as u32 * 160, 20, tick * 20 + 3);
            number += 1;
        }
        rig.tick(tick * 20);
    }
    assert_eq!((rig.lost, rig.buffer.figures().dropped), (0, 0));
    assert!(rig.heard.len() > 345, "{}", rig.heard.len());
    assert!((150..170).contains(&rig.pauses), "{}", rig.pauses);
}

#[test]
fn a_new_source_and_a_jump_in_time_begin_anew() {
    let mut rig = Rig::new(Codec::G722);
    for n in 0..20_u16 {
        rig.put(n, u32::from(n) * 160, 20, u64::from(n) * 20);
        rig.tick(u64::from(n) * 20);
    }
    assert_eq!(rig.put(20, 4_000_000_000, 20, 400), Stored::Restarted);
    let payload = [0; 160];
    let packet =
        Packet { payload_type: 9, marker: true, sequence: 1, timestamp: 5, ssrc: 8, payload: &payload };
    let now = Timestamp::from_millis(START + 420);
    assert_eq!(rig.buffer.put(&packet, now), Stored::Restarted);
    assert_eq!(rig.buffer.put(&Packet { payload: &[], ..packet }, now), Stored::Refused);
    assert_eq!(rig.buffer.put(&Packet { payload: &[0; 1_501], ..packet }, now), Stored::Refused);
    assert_eq!(rig.buffer.figures().restarts, 2);
}

#[test]
fn packets_of_many_lengths_in_one_stream_follow_each_other() {
    let mut rig = Rig::new(Codec::Pcma);
    let (mut timestamp, mut number) = (0_u32, 0_u16);
    let lengths = [20, 30, 10, 60, 40, 20];
    for tick in 0..200_u64 {
        while u64::from(timestamp) <= tick * 160 {
            let ms = lengths[usize::from(number) % lengths.len()];
            rig.put(number, timestamp, ms, tick * 20);
            timestamp += ms * 8;
            number += 1;
        }
        rig.tick(tick * 20 + 1);
    }
    assert_eq!((rig.lost, rig.buffer.figures().late), (0, 0));
    assert!(rig.heard.is_sorted() && rig.heard.len() + 8 > usize::from(number));
}

/// Ten minutes of a source whose clock differs, with jitter: nothing is dropped, nothing pauses, the delay stays.
#[test]
fn a_clock_that_differs_loses_no_packet() {
    for codec in [Codec::Pcmu, Codec::Opus] {
        for ppm in [-200_i64, -50, 50, 200] {
            let mut rig = Rig::new(codec);
            let mut waiting = BTreeMap::new();
            let mut noise = 77_u32;
            let mut number = 0_u32;
            let mut deepest = 0;
            for ms in 0..600_000_u64 {
                let sent_at = |number: u32| u64::from(number) * 20 * 1_000_000 / (1_000_000 + ppm) as u64;
                while sent_at(number) <= ms {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    waiting.insert((ms + u64::from(noise >> 28), number), number);
                    number += 1;
                }
                while let Some(entry) = waiting.first_entry().filter(|entry| entry.key().0 <= ms) {
                    let number = entry.remove();
                    rig.put(number as u16, number * 20 * rig.units_per_ms, 20, ms);
                }
                if ms % 20 == 0 {
                    rig.tick(ms);
                    deepest = deepest.max(rig.buffer.buffered_ms());
                }
            }
            let figures = rig.buffer.figures();
            assert_eq!(
                (figures.dropped, figures.late, figures.missing, figures.restarts),
                (0, 0, 0, 0),
                "{ppm} {figures:?}"
            );
            assert_eq!(rig.heard.len() as u64, figures.played);
            assert!(
                rig.heard.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)),
                "in order, each once"
            );
            assert!(u64::from(number) - figures.played <= 6, "{ppm}: {number} {figures:?}");
            let wanted = (600_000 * ppm.abs() / 1_000_000 / 8) as u64;
            let moved = if ppm > 0 { figures.faster } else { figures.slower };
            assert!((wanted.saturating_sub(3)..wanted + 12).contains(&moved), "{ppm}: {wanted} {figures:?}");
            assert!(rig.pauses <= 6, "{ppm}: {} pauses", rig.pauses);
            assert!(deepest <= 120, "{ppm}: {deepest} ms");
        }
    }
}

#[test]
fn a_worse_network_makes_the_delay_grow_and_a_better_one_shrink() {
    let mut rig = Rig::new(Codec::Pcmu);
    let mut noise = 5_u32;
    let mut waiting = BTreeMap::new();
    let mut targets = Vec::new();
    for ms in 0..90_000_u64 {
        if ms % 20 == 0 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let jitter = if (20_000..40_000).contains(&ms) { u64::from(noise >> 24) * 120 / 256 } else { 2 };
            waiting.insert((ms + jitter, ms), ());
        }
        while let Some(entry) = waiting.first_entry().filter(|entry| entry.key().0 <= ms) {
            let sent = entry.remove_entry().0.1;
            rig.put((sent / 20) as u16, sent as u32 * 8, 20, ms);
        }
        if ms % 20 == 0 {
            rig.tick(ms);
        }
        if ms % 10_000 == 9_999 {
            targets.push(rig.buffer.target_delay_ms());
        }
    }
    let figures = rig.buffer.figures();
    assert!(targets[1] <= 60 && targets[3] >= 110 && targets[8] <= 60, "{targets:?}");
    assert!(figures.slower >= 5 && figures.faster >= 5 && figures.dropped == 0, "{figures:?}");
    assert!(figures.late + figures.missing < 40, "{figures:?}");
}

#[test]
fn a_flood_stays_within_its_room() {
    let mut rig = Rig::new(Codec::Opus);
    for n in 0..2_000_u32 {
        let payload = [9 << 3; 1_400];
        let packet = Packet {
            payload_type: 111,
            marker: false,
            sequence: n as u16,
            timestamp: n.wrapping_mul(960),
            ssrc: 7,
            payload: &payload,
        };
        rig.buffer.put(&packet, Timestamp::from_millis(START + u64::from(n) * 12));
        assert!(rig.buffer.waiting() <= 11);
    }
    assert!(rig.buffer.figures().dropped > 0);
}
